"""What is said of a script whose data are not there: a fault of sizes counts only if another guess at them meets it."""

from __future__ import annotations

import re
from collections.abc import Iterable

from ..schema import Diagnostic

OF_SIZES = frozenset(("shape-mismatch", "broadcast-loss"))
LAYER = re.compile(r"\b[A-Z]\w*\((?:[^()]|\([^()]*\))*\)")
"""A layer as it shows itself, with sizes of its own: `Conv2d(3, 8, kernel_size=(3, 3))`."""
SHAPE = re.compile(r"\(((?:[\w*+ -]+, ?)+[\w*+ -]*)\)")
Misfit = tuple[str, str, int, int, frozenset[tuple[str, str]], str]


def is_of_sizes(found: Diagnostic) -> bool:
    """Whether a finding says that sizes do not fit."""
    return found.code in OF_SIZES


def without_doubtful(found: Iterable[Diagnostic], again: Iterable[Diagnostic]) -> list[Diagnostic]:
    """Findings without those of sizes that `again`, of a run on other guesses, does not have alike; and without those
    in which a batch or a length meets a number: that may be what it is in fact."""
    certain = {_misfit(each) for each in again}
    return [each for each in found if not is_of_sizes(each) or (_misfit(each) in certain and not _is_of_symbol(each))]


def _misfit(found: Diagnostic) -> Misfit:
    """What a finding comes down to: where it is, and which sizes do not meet; its words where it names no shapes."""
    pairs = _pairs(found)
    where = (found.code, found.path, found.start.line, found.start.column)
    return *where, frozenset(pairs), "" if pairs else found.message


def _pairs(found: Diagnostic) -> set[tuple[str, str]]:
    shapes = [[dim.strip() for dim in dims.split(",") if dim.strip()] for dims in _shapes(found)]
    if len(shapes) < 2:
        return set()
    first, second = shapes
    if len(first) != len(second):
        return {(f"rank {len(first)}", f"rank {len(second)}")}
    return {(a, b) for a, b in zip(first, second, strict=True) if a != b}


def _shapes(found: Diagnostic) -> list[str]:
    return [str(each) for each in SHAPE.findall(LAYER.sub("", found.message))[:2]]


def _is_of_symbol(found: Diagnostic) -> bool:
    firsts = {dims.partition(",")[0].strip() for dims in _shapes(found)}
    pairs = [*_pairs(found), *([tuple(firsts)] if len(firsts) == 2 else [])]
    return any(
        any(side.isidentifier() for side in pair) and any(side.isdigit() and side != "1" for side in pair)
        for pair in pairs
    )
