"""How to build a model and what to feed it, found without asking."""
