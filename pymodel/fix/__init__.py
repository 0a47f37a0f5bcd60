"""Edits that mend what `check` found. Each is tried before it is offered: see `proof`."""
