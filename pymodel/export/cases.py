"""At which sizes a file is proven: each symbol alone at two further ones, then all of them together."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ..schema import Symbol

SMALLEST = 2
"""0 and 1 are special to exporters: they would be taken for constants."""
STEPS = (1, 3)
"""How many allowed sizes beyond the first the further ones lie."""


@dataclass(frozen=True)
class Case:
    """The size of each symbol, and the seed of the values."""

    sizes: dict[str, int]
    seed: int

    def __str__(self) -> str:
        return ", ".join(f"{name}={size}" for name, size in self.sizes.items()) or "the one size"


def choose_cases(symbols: Mapping[str, Symbol]) -> tuple[Case, ...]:
    """The first is what the file is made at; with two seeds, as it is where values alone matter."""
    base = {name: choose_base(symbol) for name, symbol in symbols.items()}
    further = {name: choose_further(symbol, base[name]) for name, symbol in symbols.items()}
    sizes = [base, base]
    sizes += [{**base, name: size} for name, found in further.items() for size in found]
    if len(symbols) > 1:
        for step in range(len(STEPS)):
            together = {name: found[step] if step < len(found) else base[name] for name, found in further.items()}
            sizes.append(together)
    kept = [sizes[0], *(each for index, each in enumerate(sizes[1:]) if each not in sizes[1 : index + 1])]
    return tuple(Case(each, seed) for seed, each in enumerate(kept))


def keep_fixed(cases: tuple[Case, ...], fixed: Mapping[str, int]) -> tuple[Case, ...]:
    """The cases in which some sizes have their one value."""
    return tuple(each for each in cases if all(each.sizes.get(name) == size for name, size in fixed.items()))


def choose_base(symbol: Symbol) -> int:
    """A size that the model takes: a small batch, else the smallest that its trace tried."""
    if symbol.equals is not None:
        return symbol.equals
    wanted = SMALLEST if symbol.meaning == "batch" else min(symbol.probed, default=SMALLEST)
    return _allowed(symbol, max(wanted, SMALLEST))


def choose_further(symbol: Symbol, base: int) -> tuple[int, ...]:
    """Up to two other sizes that it takes; beyond the base, or below it where it ends."""
    if symbol.equals is not None:
        return ()
    above = [base + step * symbol.multiple_of for step in STEPS]
    below = [base - step * symbol.multiple_of for step in STEPS]
    most = symbol.max if symbol.max is not None else max(above)
    chosen = [size for size in above if size <= most] + [size for size in below if size >= max(symbol.min, SMALLEST)]
    return tuple(chosen[: len(STEPS)])


def _allowed(symbol: Symbol, wanted: int) -> int:
    """The first size that the symbol may have from `wanted` on, or the last before it."""
    step = max(symbol.multiple_of, 1)
    size = -(-max(wanted, symbol.min) // step) * step
    return size if symbol.max is None or size <= symbol.max else max(symbol.max // step * step, symbol.min)
