"""Fits whole shapes over the runs of a probe, each distinct column of numbers once."""

from __future__ import annotations

import re
from collections.abc import Sequence

from ..cost.expressions import add_up
from ..schema import Dim, Dims
from .symbols import evaluate, fit

UNKNOWN = re.compile(r"\bu\d+\b")
"""A size that depends on values."""


class Fitter:
    """Fits numbers that were seen at the bindings of several runs."""

    def __init__(self, bindings: Sequence[dict[str, int]]) -> None:
        self.bindings = tuple(bindings)
        self._known: dict[tuple[tuple[int, int], ...], int | str | None] = {}
        self._totals: dict[tuple[tuple[tuple[int, int], ...], ...], Dim] = {}

    def number(self, column: Sequence[tuple[int, int]]) -> tuple[Dim, bool]:
        """The expression for a number seen as `(run, value)` pairs, base run first, and whether it is proven. What is
        not proven is the base run's number; what rests on an unknown size is not proven either."""
        key = tuple(column)
        if key not in self._known:
            self._known[key] = fit([(self.bindings[run], value) for run, value in key])
        found = self._known[key]
        if found is None:
            return key[0][1], False
        return found, not (isinstance(found, str) and UNKNOWN.search(found))

    def total(self, columns: Sequence[Sequence[tuple[int, int]]]) -> Dim:
        """The sum of several numbers, each seen as in `number`: fitted one by one, equal terms collected, and held
        against the sum at every run. What does not hold is the base run's number."""
        key = tuple(map(tuple, columns))  # equal blocks cost the same
        if key not in self._totals:
            self._totals[key] = self._add_up(key)
        return self._totals[key]

    def _add_up(self, columns: tuple[tuple[tuple[int, int], ...], ...]) -> Dim:
        expression = add_up(self.number(column)[0] for column in columns)
        if isinstance(expression, int):
            return expression
        sums: dict[int, int] = {}
        for column in columns:
            for run, value in column:
                sums[run] = sums.get(run, 0) + value
        if all(evaluate(expression, self.bindings[run]) == value for run, value in sums.items()):
            return expression
        return self.number(list(sums.items()))[0]

    def shape(self, shapes: Sequence[tuple[int, tuple[int, ...]]]) -> tuple[Dims, bool]:
        """Like `number`, for each dimension of `(run, shape)` pairs; runs of another rank are left out."""
        rank = len(shapes[0][1])
        same_rank = [(run, shape) for run, shape in shapes if len(shape) == rank]
        fitted = [self.number([(run, shape[i]) for run, shape in same_rank]) for i in range(rank)]
        proven = len(same_rank) == len(shapes) and all(each for _, each in fitted)
        return tuple(dim for dim, _ in fitted), proven
