"""Faults of training and evaluation code that the text alone shows. Nothing runs, and any doubt is silence."""
