"""Proof that an exported file computes what the model does: run at two batch sizes, beside the model itself."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

RELATIVE, ABSOLUTE = 1e-3, 1e-4
SMALLEST = 1e-6
"""Values below this are left out of the relative error, which noise would fill."""


@dataclass(frozen=True)
class OutputError:
    """The largest differences of one output over all sizes; `dims` are the ones the file declares."""

    name: str
    dims: tuple[int | str, ...]
    max_abs_error: float
    max_rel_error: float


def flatten_tensors(output: Any) -> list[Tensor]:
    """The tensors of a model's output, in the order that exporters give them."""
    return [leaf for leaf in torch.utils._pytree.tree_leaves(output) if isinstance(leaf, Tensor)]


def compare(
    expected: Sequence[Tensor], got: Sequence[Tensor], names: Sequence[str], dims: Sequence[tuple[int | str, ...]]
) -> tuple[list[OutputError], bool]:
    """How far two sets of outputs are apart, and whether that is rounding alone."""
    errors, equal = [], len(expected) == len(got)
    for mine, other, name, declared in zip(expected, got, names, dims, strict=False):
        if mine.shape != other.shape:
            errors.append(OutputError(name, declared, float("inf"), float("inf")))
            equal = False
            continue
        wanted, given = mine.detach().double(), other.detach().double()
        difference = (wanted - given).abs()
        relative = difference / wanted.abs().clamp_min(SMALLEST)
        largest = float(difference.max()) if difference.numel() else 0.0
        errors.append(OutputError(name, declared, largest, float(relative.max()) if relative.numel() else 0.0))
        equal = equal and torch.allclose(wanted, given, rtol=RELATIVE, atol=ABSOLUTE, equal_nan=True)
    return errors, equal


def verify(
    model: Callable[..., Any],
    run: Callable[[Sequence[Tensor]], Sequence[Tensor]],
    samples: Sequence[Sequence[Any]],
    names: Sequence[str],
    dims: Sequence[tuple[int | str, ...]],
) -> tuple[list[OutputError], bool]:
    """Compare at each of the `samples` of inputs; the worst of them counts."""
    worst: list[OutputError] = []
    verified = True
    for inputs in samples:
        with torch.no_grad():
            expected = flatten_tensors(model(*inputs))
        errors, equal = compare(expected, run(inputs), names, dims)
        verified = verified and equal
        worst = [_worse(a, b) for a, b in zip(worst, errors, strict=True)] if worst else errors
    return worst, verified


def _worse(a: OutputError, b: OutputError) -> OutputError:
    absolute, relative = max(a.max_abs_error, b.max_abs_error), max(a.max_rel_error, b.max_rel_error)
    return OutputError(a.name, a.dims, absolute, relative)
