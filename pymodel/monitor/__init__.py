"""Runs a training script as Python does, and records it without changing it."""
