"""Sizes to run a claim at: two of every symbol, within its constraints, and that no probe used where there are such."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

SMALLEST = 2
"""One is a size that squeezes and broadcasts: a claim that excludes it by `min` is not needed to be held to it."""
Binding = dict[str, int]


def two_bindings(symbols: Mapping[str, Mapping[str, Any]]) -> list[Binding]:
    """A binding of small sizes and one of sizes beyond all probes, symbols apart from each other; an empty one where
    there are no symbols. `symbols` is the document's; those that only values decide (`u0`) cannot be chosen."""
    low: Binding = {}
    high: Binding = {}
    free = [(name, symbol) for name, symbol in symbols.items() if symbol["meaning"] != "unknown"]
    for place, (name, symbol) in enumerate(free):
        low[name] = _allowed(symbol, max(symbol["min"], SMALLEST) + place, symbol["probed"])
        high[name] = _allowed(symbol, max(symbol["probed"], default=SMALLEST) + 2 * place + 2, symbol["probed"])
    return [low, high] if free else [{}]


def _allowed(symbol: Mapping[str, Any], least: int, used: list[int]) -> int:
    """The first size from `least` on that the constraints allow and that is not among `used`."""
    if symbol["equals"] is not None:
        return int(symbol["equals"])
    step = symbol["multiple_of"]
    size = -(-least // step) * step
    while size in used:
        size += step
    largest = symbol.get("max")
    return int(size if largest is None else min(size, largest))
