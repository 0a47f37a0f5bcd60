"""Patterns of layer and parameter names."""

from __future__ import annotations

from collections.abc import Iterable
from fnmatch import fnmatchcase


def matches(name: str, patterns: Iterable[str]) -> bool:
    """Whether a pattern takes the name itself or one that holds it: `conv*` takes `conv1.weight`."""
    parts = name.split(".")
    holders = [".".join(parts[:count]) for count in range(1, len(parts) + 1)] if name else [""]
    return any(fnmatchcase(holder, pattern) for pattern in patterns for holder in holders)
