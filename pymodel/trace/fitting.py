"""Fits whole shapes over the runs of a probe, each distinct column of numbers once."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from ..cost.expressions import add_up
from ..schema import Dim, Dims
from .expressions import evaluate, factors_of, multiply, names_in
from .forms import Core
from .symbols import Fitted, Sample, fit

UNKNOWN = re.compile(r"\bu\d+\b")
"""A size that depends on values."""
MAX_POWER = 3


class Fitter:
    """Fits numbers that were seen at the bindings of several runs.

    `steps`: what the sizes of a symbol are multiples of. `verifying`: the runs, by number, that no expression is
    fitted to; what is claimed has to hold in each of them, and has to have been seen in one.
    """

    def __init__(
        self,
        bindings: Sequence[Mapping[str, int]],
        steps: Mapping[str, int] | None = None,
        verifying: Iterable[int] = (),
    ) -> None:
        self.bindings = tuple(bindings)
        self.steps = dict(steps or {})
        self.verifying = frozenset(verifying)
        self.wanted: Counter[tuple[str, int]] = Counter()
        """Sizes of symbols that would decide between expressions, by how many columns want them."""
        self.failed = 0
        """Columns for which there is no expression."""
        self._cores: dict[str, list[Core]] = {}
        self._sums: list[str] = []
        self._known: dict[tuple[tuple[int, int], ...], Dim | None] = {}
        self._totals: dict[tuple[tuple[tuple[int, int], ...], ...], Dim] = {}

    def learn(self, columns: Iterable[tuple[tuple[int, int], ...]]) -> None:
        """Fit columns in the order that helps: what one symbol alone makes says what to look for in products."""
        one: list[tuple[tuple[int, int], ...]] = []
        several: list[tuple[tuple[int, int], ...]] = []
        for column in sorted(columns):
            (one if self._is_of_one_symbol(column) else several).append(column)
        for column in (*one, *several):
            self._find(column)

    def claims(self, column: tuple[tuple[int, int], ...]) -> Dim | None:
        """The expression for a number seen as `(run, value)` pairs, base run first; None where there is none."""
        return self._find(column)

    def number(self, column: Sequence[tuple[int, int]]) -> tuple[Dim, bool]:
        """The expression for a number seen as `(run, value)` pairs, base run first, and whether it is proven. What is
        not proven is the base run's number; what rests on an unknown size is not proven either."""
        found = self._find(tuple(column))
        if found is None:
            return column[0][1], False
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
        """Like `number`, for each dimension of `(run, shape)` pairs. Runs that saw another rank leave it unproven."""
        rank = len(shapes[0][1])
        same_rank = [(run, shape) for run, shape in shapes if len(shape) == rank]
        fitted = [self.number([(run, shape[i]) for run, shape in same_rank]) for i in range(rank)]
        proven = len(same_rank) == len(shapes) and all(each for _, each in fitted)
        return tuple(dim for dim, _ in fitted), proven

    def _is_of_one_symbol(self, column: tuple[tuple[int, int], ...]) -> bool:
        base = self.bindings[column[0][0]]
        moved: set[str] = set()
        for run, value in column:
            if value != column[0][1]:
                changed = [symbol for symbol, size in self.bindings[run].items() if base.get(symbol) != size]
                moved |= set(changed) if len(changed) == 1 else set()
        return len(moved) == 1

    def _find(self, column: tuple[tuple[int, int], ...]) -> Dim | None:
        if column not in self._known:
            fitted = self._fit(column)
            self.failed += fitted.expression is None
            self.wanted.update(fitted.wanted)
            self._known[column] = fitted.expression
            if fitted.core is not None:
                self._remember(*fitted.core)
            elif isinstance(fitted.expression, str) and len(names_in(fitted.expression)) > 1:
                self._sums += [each for each in factors_of(fitted.expression)[1] if len(names_in(each)) > 1]
        return self._known[column]

    def _fit(self, column: tuple[tuple[int, int], ...]) -> Fitted:
        samples = [(self.bindings[run], value) for run, value in column if run not in self.verifying]
        checks = [(self.bindings[run], value) for run, value in column if run in self.verifying]
        if self.verifying and not checks:
            return Fitted(None)
        fitted = fit(samples, self.steps, self._cores)
        if fitted.expression is None:
            fitted = self._fit_rest(samples) or fitted
        claim = fitted.expression
        if claim is not None and any(evaluate(claim, binding) != value for binding, value in checks):
            return Fitted(None)
        return fitted

    def _fit_rest(self, samples: list[Sample]) -> Fitted | None:
        """A product with a sum of several symbols that was found before: `B*((H//16)*(W//16)+1)**2`."""
        for known in self._sums:
            rest, powers = samples, 0
            while (divided := _divide(rest, known)) is not None and powers < MAX_POWER:
                rest, powers = divided, powers + 1
            if not powers:
                continue
            fitted = fit(rest, self.steps, self._cores)
            if fitted.expression is not None:
                return Fitted(multiply((fitted.expression, *[known] * powers)))
        return None

    def _remember(self, symbol: str, core: Core) -> None:
        cores = self._cores.setdefault(symbol, [])
        if core.text != symbol and all(core.text != each.text for each in cores):
            cores.append(core)


def _divide(samples: list[Sample], expression: str) -> list[Sample] | None:
    divided = []
    for binding, value in samples:
        factor = evaluate(expression, binding)
        if factor == 0 or value % factor:
            return None
        divided.append((binding, value // factor))
    return divided
