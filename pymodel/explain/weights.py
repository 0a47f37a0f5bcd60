"""What is in a file of weights: the statistics of each tensor, how two files differ, and a tensor's own values.

The file is mapped and looked at piece by piece; it is never in memory as a whole.
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable, Iterator
from pathlib import Path

import torch
from torch import Tensor

from ..schema import PyModelError, TensorChange, TensorReport, TensorValues, WeightsReport
from ..train.checkpoint import WEIGHTS, find_checkpoint
from ..weights import Weights, open_weights
from .statistics import BINS, PIECE, describe_tensor

KEPT = 64 << 20
"""Bytes of the file that may lie in memory before they are let go of."""
MOST_FOR_SINGULAR_VALUES = 1 << 26
"""Elements of the largest tensor whose singular values are computed."""


class TensorNotUsable(PyModelError):
    """A file has no such tensor, or not one that was asked for such a thing."""


def find_file(place: Path) -> Path:
    """The file of weights at `place`: itself, or of a run's folder its best checkpoint's."""
    return find_checkpoint(place) / WEIGHTS if place.is_dir() else place


def report_weights(file: Path, against: Path | None = None) -> WeightsReport:
    """All of a file, and how another one differs from it.

    Raises:
        WeightsNotReadable: a file holds no plain weights.
    """
    with contextlib.ExitStack() as stack:
        one = stack.enter_context(open_weights(file))
        other = stack.enter_context(open_weights(against)) if against else None
        tensors = tuple(describe_weights(one))
        changes = tuple(compare_weights(one, other)) if other else ()
        other_path = str(against.absolute()) if against else None
        size = file.stat().st_size
        return WeightsReport(str(file.absolute()), size, dict(one.metadata), tensors, other_path, changes)


def describe_weights(weights: Weights, bins: int = BINS) -> Iterator[TensorReport]:
    """The statistics of each tensor, in the file's own order."""
    for name, place in weights.places.items():
        statistics = describe_tensor(weights.read(name), bins, _letting_go(weights))
        dtype = str(place.dtype).removeprefix("torch.")
        yield TensorReport(name, dtype, place.shape, place.bytes, weights.shared.get(name), statistics)


def compare_weights(one: Weights, other: Weights) -> Iterator[TensorChange]:
    """What the other file has changed, in the order of the first."""
    for name, place in one.places.items():
        if name not in other.places:
            yield TensorChange(name, "removed")
        elif other.places[name].shape != place.shape:
            yield TensorChange(name, "reshaped")
        else:
            yield _compare(name, one, other)
    yield from (TensorChange(name, "added") for name in other.places if name not in one.places)


def read_values(weights: Weights, name: str, start: int, count: int) -> TensorValues:
    """Up to `count` values from the element `start` on."""
    tensor = _read(weights, name)
    values = tensor.reshape(-1)[start : start + count]
    dtype = str(tensor.dtype).removeprefix("torch.")
    return TensorValues(name, dtype, tuple(tensor.shape), start, tuple(map(_plain, _as_list(values))))


def singular_values(weights: Weights, name: str) -> list[float]:
    """Of the tensor as a matrix: its first dimension by all others, the largest first.

    Raises:
        TensorNotUsable: it is no matrix, not finite, or too large to be decomposed in seconds.
    """
    tensor = _read(weights, name)
    if tensor.dim() < 2 or tensor.is_complex() or tensor.numel() == 0:
        raise TensorNotUsable(f"`{name}` is no matrix: {tuple(tensor.shape)}.", path=str(weights.path))
    if tensor.numel() > MOST_FOR_SINGULAR_VALUES:
        words = f"`{name}` has {tensor.numel():,} elements, and up to {MOST_FOR_SINGULAR_VALUES:,} are decomposed."
        raise TensorNotUsable(words, path=str(weights.path), advice="Choose a smaller tensor.")
    matrix = tensor.reshape(len(tensor), -1).float()
    if not bool(matrix.isfinite().all()):
        words = f"`{name}` holds NaN or Inf: it has no singular values."
        raise TensorNotUsable(words, path=str(weights.path), advice="Look at its NaN and Inf counts.")
    return [float(value) for value in torch.linalg.svdvals(matrix)]


def _compare(name: str, one: Weights, other: Weights) -> TensorChange:
    let_go = (_letting_go(one), _letting_go(other))
    largest, difference, mine, theirs, product = 0.0, 0.0, 0.0, 0.0, 0.0
    flat = (_real(one.read(name)), _real(other.read(name)))
    for start in range(0, len(flat[0]), PIECE):
        a, b = (each[start : start + PIECE] for each in flat)
        a, b = a.double(), b.double()
        apart = torch.where(a == b, 0, a - b)  # so that Inf equals Inf
        largest = max(largest, float(apart.abs().max().nan_to_num(math.inf)))
        difference += float(apart.square().sum())
        mine, theirs, product = mine + float(a.dot(a)), theirs + float(b.dot(b)), product + float(a.dot(b))
        for each in let_go:
            each()
    if largest == 0:
        return TensorChange(name, "same", 0.0, 0.0, 1.0)
    relative = math.sqrt(difference / mine) if mine and math.isfinite(difference + mine) else None
    norms = math.sqrt(mine * theirs) if math.isfinite(mine * theirs) else 0.0
    cosine = product / norms if norms else None
    return TensorChange(name, "changed", largest if math.isfinite(largest) else None, relative, cosine)


def _read(weights: Weights, name: str) -> Tensor:
    if name not in weights.places:
        known = ", ".join(list(weights.places)[:8])
        raise TensorNotUsable(f"There is no tensor `{name}`.", path=str(weights.path), advice=f"There are {known}, …")
    return weights.read(name)


def _real(tensor: Tensor) -> Tensor:
    return (torch.view_as_real(tensor) if tensor.is_complex() else tensor).reshape(-1)


def _letting_go(weights: Weights) -> Callable[[], None]:
    """To be called after each piece: what has been looked at need not stay in memory."""
    seen = 0

    def after_piece() -> None:
        nonlocal seen
        seen += 4 * PIECE
        if seen >= KEPT:
            seen = 0
            weights.release()

    return after_piece


def _as_list(values: Tensor) -> list[object]:
    if values.is_complex():
        return [str(value) for value in values.tolist()]
    small = values.dtype.itemsize == 1 and values.is_floating_point()
    return list((values.float() if small else values).tolist())


def _plain(value: object) -> float | int | str:
    if isinstance(value, float):
        return value if math.isfinite(value) else str(value)
    return value if isinstance(value, (int, str)) else str(value)
