"""Runs a model at several sizes of its symbols: the base, two further sizes of each, and one joint size to verify."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass, replace

from .assume import MAX_PROBED
from .run import Run

BATCHES = (7, 11, 13)
VERIFYING_BATCH = 17
STEPS = (4, 6, -2, -4, 8, -3, 12, 16, 32)
"""What is added to a symbol's base size, in the order tried, until two further sizes run."""


@dataclass(frozen=True)
class Probes:
    """The runs, base first. `probed` are the sizes at which each symbol was seen; a symbol that could not be moved from
    its base is in `fixed` and is shown as the number it was."""

    runs: tuple[Run, ...]
    probed: dict[str, tuple[int, ...]]
    fixed: dict[str, int]

    @property
    def base(self) -> Run:
        return self.runs[0]


def probe(run: Callable[[dict[str, int]], Run], bases: dict[str, int]) -> Probes:
    """Probe the symbols of `bases` (name → a size that runs). `run` gives the run at a binding."""
    base_binding = {symbol: _base_size(symbol, size) for symbol, size in bases.items()}
    base = run(base_binding)
    runs, probed, fixed = [base], {}, {}
    base_binding.update(itertools.islice(base.unknown.items(), MAX_PROBED))
    for symbol, size in base_binding.items():
        further = []
        for candidate in _further_sizes(symbol, size):
            attempt = run({**base_binding, symbol: candidate})
            if _comparable(attempt, base) and attempt.binding.get(symbol) == candidate:
                further.append(attempt)
            if len(further) == 2:
                break
        if len(further) == 2:
            runs += further
            probed[symbol] = (size, *(each.binding[symbol] for each in further))
        else:
            fixed[symbol] = size
    verifying = _verifying_binding(base_binding, probed)
    if verifying:
        attempt = run(verifying)
        if _comparable(attempt, base):
            runs.append(attempt)
    return Probes(tuple(_bound(each, base_binding) for each in runs), probed, fixed)


def _bound(run: Run, base: dict[str, int]) -> Run:
    """A run whose binding has the symbols of the base, and no other unknown sizes."""
    return replace(run, binding={symbol: run.binding.get(symbol, size) for symbol, size in base.items()})


def _base_size(symbol: str, size: int) -> int:
    return BATCHES[0] if symbol == "B" else size


def _further_sizes(symbol: str, size: int) -> list[int]:
    if symbol == "B":
        return [*BATCHES[1:], 3, 2]
    return [size + step for step in STEPS if size + step > 1]


def _verifying_binding(base: dict[str, int], probed: dict[str, tuple[int, ...]]) -> dict[str, int]:
    if not probed:
        return {}
    moved = {symbol: VERIFYING_BATCH if symbol == "B" else min(sizes) + 1 for symbol, sizes in probed.items()}
    return {**base, **moved}


def _comparable(run: Run, base: Run) -> bool:
    """Whether a run went the same way as the base: both to the end, or both into the same first fault."""
    if (run.error is None) != (base.error is None) or bool(run.faults) != bool(base.faults):
        return False
    return not run.faults or run.faults[0].frame == base.faults[0].frame
