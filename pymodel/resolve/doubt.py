"""Whose fault it is that a model does not run on inputs that were guessed: its own, or that of the guess.

An error may stand on somebody's line only if it is certain. Two sizes that do not meet are the model's own fault if
they stay what they are whatever else the guess might have been, or if the run does not come as far then.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from torch import nn

from ..discover.pins import TensorSpec
from .complaints import dtype_complaint, size_complaints
from .inputs import Inputs, symbols_of
from .judge import make_arguments
from .repair import of_rank
from .specs import Place, names_in, replaced, tensors_in
from .trial import Attempt, Failure

BATCH = 7
RANKS = range(1, 6)
LARGER = (4, 32)
LONGER = 5
"""So much longer a sequence is tried."""


def is_models_own(
    model: nn.Module,
    inputs: Inputs,
    length: int,
    attempt: Callable[[nn.Module, tuple[Any, ...], dict[str, Any]], Attempt],
    namespace: Mapping[str, Any],
) -> bool:
    """Whether what stops a model on guessed inputs does so on all that could have been guessed in their place."""

    def run(inputs: Inputs, length: int) -> Attempt:
        guesses = symbols_of(inputs, length)
        binding = {name: BATCH if guess.meaning == "batch" else guess.base for name, guess in guesses.items()}
        return attempt(model, *make_arguments(inputs, binding, namespace))

    first = run(inputs, length)
    if first.failure is None or not first.failure.operands or not first.progress or dtype_complaint(first.failure):
        return False
    if any(0 in shape for shape in first.failure.operands):  # a slice of what is shorter than it ought to be
        return False
    for other, its_length in _variations(inputs, length):
        outcome = run(other, its_length)
        if outcome.progress >= first.progress and not _is_same(outcome.failure, first.failure):
            return False
    return True


def with_larger_images(inputs: Inputs) -> Inputs:
    """All images that were guessed, twice as large."""
    images = [each for each in _guessed(inputs) if len(each[2].dims) >= 4]
    return _with(inputs, [(number, place, _scaled(spec, 2)) for number, place, spec in images])


def with_other_shares(inputs: Inputs) -> Inputs:
    """Features, or channels, that were guessed, and are enough together, shared otherwise."""
    parts = [
        each for each in _guessed(inputs) if len(each[2].dims) > 1 and isinstance(each[2].dims[_axis(each[2])], int)
    ]
    if len(parts) < 2:
        return inputs
    (n, place, first), (m, other, second), *_ = parts
    return _with(inputs, [(n, place, _wider(first, 1)), (m, other, _wider(second, -1))])


def with_pixels(inputs: Inputs) -> Inputs:
    """Rows that were guessed, as images of one pixel."""
    rows = [each for each in _guessed(inputs) if len(each[2].dims) == 2]
    return _with(inputs, [(n, place, TensorSpec((*spec.dims, 1, 1), spec.dtype)) for n, place, spec in rows])


OTHER_GUESSES = (with_larger_images, with_other_shares, with_pixels)


def _guessed(inputs: Inputs) -> list[tuple[int, Place, TensorSpec]]:
    return [
        (number, place, spec)
        for number, each in enumerate(inputs)
        if each.source.kind == "search"
        for place, spec in tensors_in(each.spec)
    ]


def _with(inputs: Inputs, changes: list[tuple[int, Place, TensorSpec]]) -> Inputs:
    found = list(inputs)
    for number, place, spec in changes:
        found[number] = dataclasses.replace(found[number], spec=replaced(found[number].spec, place, spec))
    return tuple(found)


def _scaled(spec: TensorSpec, factor: int) -> TensorSpec:
    sides = tuple(factor * dim if isinstance(dim, int) else dim for dim in spec.dims[2:])
    return TensorSpec((*spec.dims[:2], *sides), spec.dtype)


def _wider(spec: TensorSpec, step: int) -> TensorSpec:
    dims, axis = list(spec.dims), _axis(spec)
    size = dims[axis]
    dims[axis] = size + step if isinstance(size, int) else size
    return TensorSpec(tuple(dims), spec.dtype)


def _axis(spec: TensorSpec) -> int:
    """Where the features stand, or an image's channels."""
    return 1 if len(spec.dims) > 3 else len(spec.dims) - 1


def _is_same(other: Failure | None, failure: Failure) -> bool:
    return other is not None and other.function == failure.function and _misfit(other) == _misfit(failure)


def _misfit(failure: Failure) -> tuple[int, int] | str:
    return next(size_complaints(failure), failure.message)


def _variations(inputs: Inputs, length: int) -> Iterator[tuple[Inputs, int]]:
    """The inputs with one size or one rank other than it was, each with the length of its sequences."""
    if any(guess.meaning != "batch" for guess in symbols_of(inputs, length).values()):
        yield inputs, length + LONGER
    for number, each in enumerate(inputs):
        for place, spec in tensors_in(each.spec):
            for other in _others(spec):
                changed = dataclasses.replace(each, spec=replaced(each.spec, place, other))
                yield (*inputs[:number], changed, *inputs[number + 1 :]), length


def _others(spec: TensorSpec) -> Iterator[TensorSpec]:
    dims = spec.dims
    for at, dim in enumerate(dims):
        if isinstance(dim, int):
            yield TensorSpec((*dims[:at], 2 * dim, *dims[at + 1 :]), spec.dtype)
        elif at and names_in(dim):
            yield TensorSpec((*dims[:at], 6, *dims[at + 1 :]), spec.dtype)
    for factor in LARGER:  # what slides over an image needs all sides of it to be larger, not one
        larger = _scaled(spec, factor)
        if larger != spec:
            yield larger
    if dims:
        yield TensorSpec((dims[0], 2, *dims[1:]), spec.dtype)
    for rank in RANKS:
        if rank != len(dims):
            yield from of_rank(spec, rank)
