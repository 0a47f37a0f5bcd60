"""Looks inside a trained model: its weights, what it makes of a sample, and what that rests on."""
