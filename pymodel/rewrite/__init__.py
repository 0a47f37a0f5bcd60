"""Edits that write down what was found: text made of a trace. Nothing runs here."""
