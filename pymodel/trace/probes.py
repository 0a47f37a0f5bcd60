"""Runs a model at several sizes of its inputs: to find which of them vary, to fit what depends on them, and to verify
what was fitted at sizes that were not used for it."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from ..resolve.sizes import Size
from ..schema import Dim
from .assume import MAX_PROBED
from .expressions import evaluate
from .fitting import Fitter
from .observations import Column, find_columns
from .ranges import FAR_BATCHES, Variable, expand, far_size, find_limit, find_variables
from .run import Run
from .trials import Start, Trials

VERIFYING_BATCHES = (130, 34, 10, 17)
"""Even, as those that are fitted to are odd, and large: what would change for large batches is seen. Odd ones again
where a fault needs them to happen."""
VERIFYING_STEPS = (3, 5, 7, -3, 2, 9, -5, -2, 4, 6, -4, 11, -1, 1)
"""Where each symbol is verified, in steps from its base."""
MAX_FURTHER = 6
"""So many further sizes are tried to decide between expressions."""
FEW = 4
MAX_SHOWN = 3
COARSE = 16
"""Halved four times: where sizes in finer steps leave something open, those of images are tried in such."""
UNKNOWN_STEPS = (-2, -3, 4, 6, 1, -1, 8)


@dataclass(frozen=True)
class Name:
    text: str
    meaning: str


@dataclass(frozen=True)
class Probes:
    """The runs, base first; those in `verifying`, by number, were not used to fit.

    `variables` are the sizes that vary, which the bindings of the runs have by their names; `fixed` are those
    that could not be moved. `probed` are the base and the sizes nearest to it at which each was seen.
    """

    runs: tuple[Run, ...]
    verifying: frozenset[int]
    variables: tuple[Variable, ...]
    probed: dict[str, tuple[int, ...]]
    fixed: dict[str, int]

    @property
    def base(self) -> Run:
        return self.runs[0]

    @property
    def fitter(self) -> Fitter:
        steps = {each.name: each.step for each in self.variables}
        return Fitter([run.binding for run in self.runs], steps, self.verifying)

    @property
    def dims(self) -> dict[str, Dim]:
        """For the name of each size that was tried, the variable that it became, or the number that it stayed."""
        return {**self.fixed, **{name: each.name for each in self.variables for name in each.names}}

    def named(self, names: Mapping[str, Name]) -> Probes:
        """The same, with other names for the variables."""
        texts = {old: name.text for old, name in names.items()}

        def rename(run: Run) -> Run:
            return replace(run, binding={texts[name]: size for name, size in run.binding.items()})

        return replace(
            self,
            runs=tuple(rename(run) for run in self.runs),
            variables=tuple(
                replace(each, label=names[each.name].text, meaning=names[each.name].meaning) for each in self.variables
            ),
            probed={texts[name]: sizes for name, sizes in self.probed.items()},
        )


def probe(start: Start, sizes: Sequence[Size], likely: Sequence[int] = ()) -> Probes:
    """Probe a model whose inputs have `sizes`. `start` runs it, see `Trials`; `likely` are sizes that may be limits."""
    trials = Trials(start, {size.name: size.base for size in sizes})
    variables = find_variables(trials, sizes)
    while True:
        probing = _Probing(trials, variables, likely)
        probing.run()
        if not variables or (probing.verifying and not probing.loses_by_numbers()):
            return probing.probes(sizes)
        variables = _with_fewer(variables)


def _with_fewer(variables: Sequence[Variable]) -> list[Variable]:
    """What to try when the sizes do not vary as was thought: those that came as numbers in coarser steps, then not at
    all; then nothing."""
    numbers = [each for each in variables if each.is_number]
    if any(each.step < COARSE and each.base % COARSE == 0 for each in numbers):
        return [
            replace(each, step=COARSE, smallest=COARSE) if each in numbers else each
            for each in variables
            if each not in numbers or each.base % COARSE == 0
        ]
    return [each for each in variables if not each.is_number] if numbers else []


class _Probing:
    """The probing of variables that were found: runs are added until what can be decided is."""

    def __init__(self, trials: Trials, variables: Sequence[Variable], likely: Sequence[int]) -> None:
        self.trials = trials
        self.variables = list(variables)
        self.likely = likely
        self.alone: dict[str, list[int]] = {each.name: [each.base] for each in variables}
        self.runs: list[Run] = [trials.base]
        self.corner: Run | None = None
        self.verifying: list[Run] = []

    def run(self) -> None:
        self._probe_unknown()
        for place, variable in enumerate(self.variables):
            self._probe_one(place, variable)
        if self.trials.is_clean and not self.trials.base.unknown:
            self._probe_smallest()
        else:
            self._try_small()
        self._decide()
        if self.trials.is_clean:
            self._narrow()
        self._verify()

    def loses_by_numbers(self) -> bool:
        """Whether less is known with sizes moved that came as numbers: then those tell more."""
        numbers = [each for each in self.variables if each.is_number]
        if not numbers:
            return False
        runs = [*self._all(), *self.verifying]
        before = [run for run in runs if all(run.binding.get(each.name) == each.base for each in numbers)]
        if any(each.largest is not None for each in numbers):
            return True
        return self._fit(runs).failed > self._fit(before).failed or bool(find_columns(runs)[1])

    def probes(self, sizes: Sequence[Size]) -> Probes:
        moving = {name for each in self.variables for name in each.names}
        runs = [*self.runs, *([self.corner] if self.corner else []), *self.verifying]
        verifying = frozenset(range(len(runs) - len(self.verifying), len(runs)))
        return Probes(
            tuple(self._bound(run) for run in runs),
            verifying,
            tuple(map(self._proven, self.variables)),
            {each.name: self._probed(each) for each in self.variables},
            {size.name: size.base for size in sizes if size.name not in moving},
        )

    def _proven(self, variable: Variable) -> Variable:
        """A variable whose smallest size is one that was seen."""
        seen = [run.binding.get(variable.name, variable.base) for run in (*self._all(), *self.verifying)]
        return replace(variable, smallest=min(seen))

    def _probed(self, variable: Variable) -> tuple[int, ...]:
        """The base, and the nearest of the other sizes."""
        verified = [run.binding.get(variable.name, variable.base) for run in self.verifying]
        others = dict.fromkeys(size for size in (*self.alone[variable.name], *verified) if size != variable.base)
        nearest = sorted(others, key=lambda size: abs(size - variable.base))[: MAX_SHOWN - 1]
        return (variable.base, *sorted(nearest))

    def _bound(self, run: Run) -> Run:
        """A run whose binding has the variables, and no other sizes."""
        sizes = {each.name: run.binding.get(each.name, each.base) for each in self.variables}
        return replace(run, binding=sizes)

    # Sizes of one variable.

    def _probe_unknown(self) -> None:
        known = {each.name for each in self.variables}
        for name, size in itertools.islice(self.trials.base.unknown.items(), MAX_PROBED):
            if name in known:
                continue
            variable = Variable((name,), size, "unknown")
            further = [size + step for step in UNKNOWN_STEPS if size + step > 1]
            moved = list(itertools.islice((each for each in further if self._try(variable, each)), 2))
            if len(moved) == 2:
                self.variables.append(variable)
                self.alone[name] = [size]
                for each in moved:
                    self._add(variable, each)

    def _probe_one(self, place: int, variable: Variable) -> None:
        if variable.meaning == "unknown":
            return
        base, step = variable.base, variable.step
        if variable.meaning == "batch":
            for batch in FAR_BATCHES:
                self._add(variable, batch)
            return
        near = self._add(variable, base + step) or self._add(variable, base - step)
        far = far_size(self.trials, variable)
        if self._add(variable, far):
            return
        if not self.trials.was_cut and self.trials.is_clean:
            good = base + step if near and self._try(variable, base + step) else base
            largest = find_limit(good, far, step, self._runs(variable), self.likely)
            self.variables[place] = replace(variable, largest=largest)
            self._add(variable, largest)
        for size in (base + 8 * step, base + 4 * step, base - step, base - 3 * step, base - 2 * step):
            if len(self.alone[variable.name]) < 3 and size > 0:
                self._add(variable, size)

    def _try(self, variable: Variable, size: int) -> Run | None:
        return self.trials.at(variable.at(size))

    def _runs(self, variable: Variable) -> Callable[[int], bool]:
        return lambda size: self._try(variable, size) is not None

    def _add(self, variable: Variable, size: int) -> Run | None:
        """The run at a size of one variable, from now on one of those that are fitted to."""
        attempt = self._try(variable, size)
        if attempt is not None and size not in self.alone[variable.name]:
            self.alone[variable.name].append(size)
            self.runs.append(attempt)
        return attempt

    # The smallest sizes.

    def _probe_smallest(self) -> None:
        self.corner = self._at_smallest()
        if self.corner is not None:
            if self._hides_something(self.corner):
                for variable in self.variables:
                    if variable.meaning not in ("batch", "unknown"):
                        self._add(variable, variable.smallest)
            return
        for place, variable in enumerate(self.variables):
            if variable.meaning != "unknown" and self._try(variable, variable.smallest) is None:
                self.variables[place] = self._raised(variable, self._runs(variable))
        self.corner = self._at_smallest()
        if self.corner is None:  # each alone, but not all: images of one pixel
            self.variables = [replace(each, smallest=each.base) if each.is_number else each for each in self.variables]
            self.corner = self._at_smallest()

    def _try_small(self) -> None:
        """Where sizes of 1 may hide a fault by broadcasting, and unknown sizes are smaller in a small batch: the first
        small sizes that bear out what is known near the base."""
        before, variables = self._fit(self.runs).failed, list(self.variables)
        for steps in (1, 2):
            self.variables = [replace(each, smallest=steps * each.step) for each in variables]
            corner = self._at_smallest()
            if corner is not None and self._fit([*self.runs, corner]).failed <= before:
                self.corner = corner
                return

    def _at_smallest(self) -> Run | None:
        sizes = {each.name: each.smallest for each in self.variables if each.meaning != "unknown"}
        return self.trials.at(expand(self.variables, sizes)) if sizes else None

    def _hides_something(self, corner: Run) -> bool:
        """Whether a product is 0 at the smallest sizes, so that nothing is seen of its other factors."""
        columns = find_columns([self.trials.base, corner])[0]
        return any(column[0][1] != 0 and column[-1] == (1, 0) for column in columns)

    def _raised(self, variable: Variable, holds: Callable[[int], bool]) -> Variable:
        limit = find_limit(variable.base, variable.smallest, variable.step, holds)
        return replace(variable, smallest=limit)

    # Deciding.

    def _fit(self, runs: Sequence[Run]) -> Fitter:
        steps = {each.name: each.step for each in self.variables}
        fitter = Fitter([self._bound(run).binding for run in runs], steps)
        fitter.learn(find_columns(runs)[0])
        return fitter

    def _all(self) -> list[Run]:
        return [*self.runs, *([self.corner] if self.corner else [])]

    def _decide(self) -> None:
        """Run at further sizes until the columns leave no two expressions to choose from."""
        by_name = {each.name: each for each in self.variables}
        for _ in range(MAX_FURTHER):
            if self.trials.is_spent:
                return
            wanted = self._fit(self._all()).wanted
            for (name, size), _ in wanted.most_common():
                variable = by_name[name]
                if size not in self.alone[name] and variable.allows(size) and self._add(variable, size):
                    break
            else:
                return

    def _narrow(self) -> None:
        """Where what holds near the base does not hold at the smallest sizes, the smallest are those where it does:
        unless that leaves out many, and not the claims that fail there."""
        if self.corner is None or self.trials.is_spent:
            return
        near = [run for run in self.runs if not self._is_small(run)]
        holds = self._claims_of(near)
        if holds(self.corner):
            return
        for place, variable in enumerate(self.variables):
            at_smallest = self._try(variable, variable.smallest) if variable.meaning != "unknown" else None
            if at_smallest is None or holds(at_smallest):
                continue

            def holds_at(size: int, variable: Variable = variable) -> bool:
                attempt = self._try(variable, size)
                return attempt is not None and holds(attempt)

            raised = self._raised(variable, holds_at)
            if raised.smallest <= max(variable.base // FEW, FEW * variable.step):
                self.variables[place] = raised
        for variable in self.variables:
            self.runs = [run for run in self.runs if variable.allows(run.binding.get(variable.name, variable.base))]
            self.alone[variable.name] = [size for size in self.alone[variable.name] if variable.allows(size)]
        self.corner = self._at_smallest()

    def _claims_of(self, near: Sequence[Run]) -> Callable[[Run], bool]:
        """Whether a run bears out what can be said of the runs `near` the base, and not of all runs."""
        runs = [*near, *(run for run in self._all() if run not in near)]
        whole, claims = self._fit(runs), self._fit(near)
        settled = {_among(column, near) for column in find_columns(runs)[0] if whole.claims(column)}

        def hold(attempt: Run) -> bool:
            columns, odd = find_columns([*near, attempt])
            for column in columns - settled:
                claim, (last, value) = claims.claims(_among(column, near)), column[-1]
                if claim is not None and last == len(near) and _among(column, near) not in settled:
                    odd |= {last} if evaluate(claim, self._bound(attempt).binding) != value else set()
            return not odd

        return hold

    def _is_small(self, run: Run) -> bool:
        return any(run.binding.get(each.name, each.base) < each.base - 2 * each.step for each in self.variables)

    # Verifying.

    def _verify(self) -> None:
        """One run with all variables at sizes that were not used; a second one where the first contradicts."""
        contradicted = False
        for shift in range(len(VERIFYING_BATCHES)):
            attempt = self._verifying_run(shift)
            if attempt is None and self.trials.is_clean and any(each.is_number for each in self.variables):
                return
            if attempt is None:
                continue
            if contradicted or not self._contradicts(attempt):
                self.verifying.append(attempt)
                return
            contradicted = True
            self.runs.append(attempt)
            self._decide()

    def _contradicts(self, attempt: Run) -> bool:
        runs = [*self._all(), attempt]
        return self._fit(runs).failed > self._fit(runs[:-1]).failed

    def _verifying_run(self, shift: int) -> Run | None:
        sizes: dict[str, int] = {}
        taken: set[int] = set()
        for place, variable in enumerate(self.variables):
            steps = VERIFYING_STEPS[(place + shift) % 7 :] + VERIFYING_STEPS
            fresh = [variable.base + step * variable.step for step in steps]
            if variable.meaning == "batch":
                batches = VERIFYING_BATCHES if self.trials.is_clean else VERIFYING_BATCHES[::-1]
                fresh = list(batches[shift:])
            elif variable.meaning == "unknown":
                fresh = [variable.base + step for step in UNKNOWN_STEPS if shift < 2]
            allowed = [size for size in fresh if variable.allows(size) and size not in self.alone[variable.name]]
            chosen = next((size for size in allowed if size not in taken), variable.base)
            sizes[variable.name] = chosen
            taken.add(chosen)
        attempt = self.trials.at(expand(self.variables, sizes)) if sizes else None
        return attempt if attempt is not self.trials.base else None


def _among(column: Column, runs: Sequence[Run]) -> Column:
    """A column's part in the first runs."""
    return tuple((run, value) for run, value in column if run < len(runs))
