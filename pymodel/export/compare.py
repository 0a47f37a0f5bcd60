"""How far two tensors are apart, and whether that is rounding alone.

A value passes where |difference| <= absolute * scale + relative * |expected|; scale is the largest finite magnitude of
the expected tensor, at least `FLOOR`. What is NaN or infinite must be so in both.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from ..schema import Dims

FLOOR = 1e-6
INFINITE = float("inf")


@dataclass(frozen=True)
class Tolerance:
    relative: float
    absolute: float


EXACT = Tolerance(0.0, 0.0)
TOLERANCES = {
    torch.float64: Tolerance(1e-7, 1e-8),
    torch.float32: Tolerance(1e-3, 1e-4),
    torch.float16: Tolerance(1e-2, 1e-2),
    torch.bfloat16: Tolerance(4e-2, 4e-2),
}
"""Rounding over some hundred layers; integers and bools must be equal."""
QUANTISED = Tolerance(0.0, 0.15)
"""Weights of 8 bits: by the largest value of the output."""


@dataclass(frozen=True)
class Difference:
    """Between two tensors. `max_rel` leaves out what is nearly nothing beside the largest value."""

    max_abs: float
    max_rel: float
    equal: bool


@dataclass(frozen=True)
class OutputError:
    """The largest differences of one output over all sizes; `dims` are the ones that the file declares."""

    name: str
    dims: Dims
    max_abs_error: float | str
    max_rel_error: float | str


def compare(expected: Tensor, got: Tensor, tolerance: Tolerance | None = None) -> Difference:
    """The tolerance is by the expected tensor's dtype where none is given."""
    if expected.shape != got.shape:
        return Difference(INFINITE, INFINITE, False)
    if not expected.numel():
        return Difference(0.0, 0.0, True)
    allowed = TOLERANCES.get(expected.dtype, EXACT) if tolerance is None else tolerance
    if not (expected.is_floating_point() or expected.is_complex()):
        return _compare_exactly(expected, got, EXACT if tolerance is None else tolerance)
    wide = torch.complex128 if expected.is_complex() else torch.float64
    mine, other = expected.detach().to(wide), got.detach().to(wide)
    finite = mine.isfinite()
    if not bool(finite.all()) or not bool(other.isfinite().all()):
        same = (mine == other) | (mine.isnan() & other.isnan())
        if not bool(same[~finite | ~other.isfinite()].all()):
            return Difference(INFINITE, INFINITE, False)
        mine, other = mine[finite], other[finite]
        if not mine.numel():
            return Difference(0.0, 0.0, True)
    difference, size = (mine - other).abs(), mine.abs()
    scale = max(float(size.max()), FLOOR)
    limit = size.mul(allowed.relative).add_(allowed.absolute * scale)
    large = size > allowed.absolute * scale
    relative = float((difference[large] / size[large]).max()) if bool(large.any()) else 0.0
    return Difference(float(difference.max()), relative, bool((difference <= limit).all()))


def _compare_exactly(expected: Tensor, got: Tensor, tolerance: Tolerance) -> Difference:
    difference = (expected.double() - got.double()).abs()
    largest = float(difference.max())
    share = float((difference > 0).double().mean())
    return Difference(largest, share, share <= tolerance.absolute)


def worst(name: str, dims: Dims, differences: Sequence[Difference]) -> OutputError:
    """The worst of one output over all sizes. JSON has no infinity: it is the text `inf`."""
    largest = max((each.max_abs for each in differences), default=0.0)
    relative = max((each.max_rel for each in differences), default=0.0)
    return OutputError(name, dims, _number(largest), _number(relative))


def _number(value: float) -> float | str:
    return value if value < INFINITE else "inf"
