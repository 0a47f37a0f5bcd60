"""What the numbers of a tensor are like. A tensor is gone through in pieces that fit into the processor's cache, twice:
for its ends and sums, then for its histogram and its deviation, which is taken about the mean."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import NamedTuple

import torch
from torch import Tensor

from ..schema import Histogram, Statistics

BINS = 48
PIECE = 1 << 16
"""Elements of a piece."""
FINEST = 1e36
"""Bins to one, beyond which float32 cannot tell them apart."""


def describe_tensor(tensor: Tensor, bins: int = BINS, after_piece: Callable[[], None] = lambda: None) -> Statistics:
    """The statistics of a tensor of any dtype; of a complex one those of its parts. `after_piece` is called between."""
    flat = (torch.view_as_real(tensor) if tensor.is_complex() else tensor).detach().reshape(-1)
    sums = _add_up(flat, after_piece)
    finite = flat.numel() - sums.nan - sums.inf
    if finite == 0:
        return Statistics(flat.numel(), None, None, None, None, None, None, 0, sums.nan, sums.inf, None)
    mean = sums.total / finite
    squares, counts = _count(flat, mean, sums.low, sums.high, bins, after_piece)
    return Statistics(
        elements=flat.numel(),
        mean=mean,
        std=_root(squares / finite),
        min=sums.low,
        max=sums.high,
        l1=sums.absolute if math.isfinite(sums.absolute) else None,
        l2=_root(squares + finite * mean * mean),
        zeros=finite - sums.nonzero,
        nan=sums.nan,
        inf=sums.inf,
        histogram=Histogram(sums.low, sums.high, tuple(counts)),
    )


class _Sums(NamedTuple):
    low: float
    high: float
    total: float
    absolute: float
    nonzero: int
    nan: int
    inf: int


def _add_up(flat: Tensor, after_piece: Callable[[], None]) -> _Sums:
    low, high, total, absolute, nonzero, nan, inf = math.inf, -math.inf, 0.0, 0.0, 0, 0, 0
    for piece, scratch in _pieces(flat, after_piece):
        magnitude = float(torch.abs(piece, out=scratch).sum())
        if not math.isfinite(magnitude):
            nan += int(piece.isnan().sum())
            inf += int(piece.isinf().sum())
            piece = piece[piece.isfinite()].double()
            if not len(piece):
                continue
            scratch = torch.empty_like(piece)
            magnitude = float(piece.abs().sum())
        low, high = min(low, float(piece.amin())), max(high, float(piece.amax()))  # quicker than `aminmax`
        total += float(piece.sum())
        absolute += magnitude
        nonzero += int(torch.ne(piece, 0, out=scratch).sum())
    return _Sums(low, high, total, absolute, nonzero, nan, inf)


def _count(
    flat: Tensor, mean: float, low: float, high: float, bins: int, after_piece: Callable[[], None]
) -> tuple[float, list[int]]:
    """The sum of squared distances from the mean, and the histogram."""
    span = high - low
    scale = bins / span if math.isfinite(span) and bins < FINEST * span else 0.0
    squares, counts = 0.0, torch.zeros(bins + 1, dtype=torch.int64)
    numbers = torch.empty(min(PIECE, flat.numel()), dtype=torch.int16)
    for piece, scratch in _pieces(flat, after_piece):
        torch.sub(piece, mean, out=scratch)
        distance = float(torch.dot(scratch, scratch))
        if not math.isfinite(distance):
            scratch = piece[piece.isfinite()].double() - mean
            distance = float(torch.dot(scratch, scratch))
        squares += distance
        numbers = numbers[: len(scratch)] if len(numbers) >= len(scratch) else numbers.new_empty(len(scratch))
        numbers.copy_(scratch.mul_(scale).add_((mean - low) * scale).clamp_(0, bins))
        counts += torch.bincount(numbers, minlength=bins + 1)
    *inner, last = counts.tolist()
    inner[-1] += last
    return squares, inner


def _pieces(flat: Tensor, after_piece: Callable[[], None]) -> Iterator[tuple[Tensor, Tensor]]:
    """Pieces in a dtype that can be reckoned with, and room for as much again."""
    exact = flat.dtype in (torch.float64, torch.int64, torch.int32, torch.uint32, torch.uint64)
    dtype = torch.float64 if exact else torch.float32
    scratch = torch.empty(min(PIECE, flat.numel()), dtype=dtype)
    for start in range(0, len(flat), PIECE):
        piece = flat[start : start + PIECE]
        yield piece.to(dtype), scratch[: len(piece)]
        after_piece()


def _root(square: float) -> float | None:
    return math.sqrt(square) if math.isfinite(square) else None
