"""How shapes and places are put into words."""

from __future__ import annotations

from ..schema import Dims


def show(dims: Dims) -> str:
    """`(B, 64, 10, 10)`."""
    inner = ", ".join(str(dim) for dim in dims)
    return f"({inner},)" if len(dims) == 1 else f"({inner})"
