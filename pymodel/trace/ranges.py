"""Which sizes of a model's inputs can move, and how far: alone or only together, in which steps, from where to where.

All of it is found by trying. A limit is taken to be one: sizes between two that run are not tried all.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from ..resolve.sizes import Size
from .run import Run
from .trials import Trials

FARTHEST = 4096
"""About how far a size is moved: what holds there as well as next to the base is taken to hold in between."""
FAR_BATCHES = (11, 13)
FREE_STEPS = (1, 2, 4, 8, 16, 32)
"""What a size that came as a number may be a multiple of."""
RECURRENT = frozenset(("lstm", "gru", "rnn_tanh", "rnn_relu"))
"""On meta, torch walks through time for these: a call takes as long as its sequence is."""
NEAR = 8


@dataclass(frozen=True)
class Variable:
    """Sizes that move together. `step`: what they are multiples of; `largest` is None where no limit was met. `label`
    is what it is called; the name of the first size, until it has one. `is_number`: they came as a number, and stay it
    where that tells more."""

    names: tuple[str, ...]
    base: int
    meaning: str
    step: int = 1
    smallest: int = 1
    largest: int | None = None
    label: str = ""
    is_number: bool = False

    @property
    def name(self) -> str:
        return self.label or self.names[0]

    def at(self, size: int) -> dict[str, int]:
        return dict.fromkeys(self.names, size)

    def allows(self, size: int) -> bool:
        return size >= self.smallest and size % self.step == 0 and (self.largest is None or size <= self.largest)


def find_variables(trials: Trials, sizes: Sequence[Size]) -> list[Variable]:
    """The sizes that can move, each alone where that works, else with those of the same symbol, else with those that
    are as large."""
    variables: list[Variable] = []
    for size in sizes:
        if size.meaning == "batch" and any(trials.at({size.name: batch}) for batch in FAR_BATCHES):
            variables.append(Variable((size.name,), size.base, size.meaning))
    keeps_batch = _batch_check(trials, variables)

    def runs(names: Sequence[str], size: int) -> bool:
        return size >= 1 and not trials.is_spent and keeps_batch(trials.at(dict.fromkeys(names, size)))

    def find_step(names: Sequence[str], base: int) -> int | None:
        if runs(names, base + 1) or runs(names, base - 1):
            far = trials.at(dict.fromkeys(names, far_size(trials, Variable(tuple(names), base, ""))))
            return 1 if far is None or keeps_batch(far) else None
        if not runs(names, 2 * base) and not (base % 2 == 0 and runs(names, base // 2)):
            return None
        divisors = (divisor for divisor in range(2, base + 1) if base % divisor == 0)
        return next((step for step in divisors if runs(names, base + step) or runs(names, base - step)), None)

    def find_step_of_number(names: Sequence[str], base: int) -> int | None:
        """The model says nothing of a size that came as a number: it has to run next to the base and far from it."""
        for step in FREE_STEPS:
            # A smaller size first: layers that halve it round down, and where they feed a fixed one it fails at once.
            near = (*([base - step] if base > step else []), base + step, base + 3 * step)
            if base % step == 0 and all(runs(names, size) for size in near):
                return step if runs(names, far_size(trials, Variable(tuple(names), base, "", step))) else None
        return None

    left: list[Size] = []
    for size in sizes:
        if size.meaning == "batch":
            continue
        is_number = size.symbol is None
        find = find_step_of_number if is_number else find_step
        step = find([size.name], size.base) if trials.is_clean or not is_number else None
        if step is None:
            left.append(size)
        else:
            variables.append(Variable((size.name,), size.base, size.meaning, step, step, is_number=is_number))
    for group in _groups(left):
        is_number = all(size.symbol is None for size in group)
        find = find_step_of_number if is_number else find_step
        step = find([size.name for size in group], group[0].base) if trials.is_clean or not is_number else None
        if step is not None:
            meaning = next((size.meaning for size in group if size.symbol), group[0].meaning)
            names = tuple(size.name for size in group)
            variables.append(Variable(names, group[0].base, meaning, step, step, is_number=is_number))
            left = [size for size in left if size not in group]
    return variables


def _groups(sizes: Sequence[Size]) -> list[list[Size]]:
    """Sizes that may have to move together: those of one symbol, and those that are equal."""
    by_symbol: dict[str, list[Size]] = {}
    by_base: dict[int, list[Size]] = {}
    for size in sizes:
        by_base.setdefault(size.base, []).append(size)
        if size.symbol is not None:
            by_symbol.setdefault(size.symbol, []).append(size)
    groups = [group for group in (*by_symbol.values(), *by_base.values()) if len(group) > 1]
    return [group for n, group in enumerate(groups) if group not in groups[:n]]


def _batch_check(trials: Trials, batches: Sequence[Variable]) -> Callable[[Run | None], bool]:
    """Whether a run gives a batch wherever the base does: other sizes may not fold it into more samples."""
    base = trials.base
    other = next((run for each in batches for batch in FAR_BATCHES if (run := trials.at(each.at(batch)))), None)
    places = [
        (n, place)
        for n, (_, shape, _) in enumerate(base.outputs)
        for place, size in enumerate(shape)
        if other is not None and len(other.outputs[n][1]) == len(shape) and other.outputs[n][1][place] != size
    ]

    def keeps(run: Run | None) -> bool:
        return run is not None and all(
            place < len(run.outputs[n][1]) and run.outputs[n][1][place] == base.outputs[n][1][place]
            for n, place in places
            if base.outputs[n][1][place] == batches[0].base
        )

    return keeps


def far_size(trials: Trials, variable: Variable) -> int:
    """A large size, one step below a multiple of 64 steps, so that floors of powers of two are told from one another;
    nearer where what runs grows with the size."""
    step, base = variable.step, variable.base
    if any(seen.name in RECURRENT for seen in trials.base.operations):
        return base + NEAR * step
    near = trials.at(variable.at(base + step)) or trials.at(variable.at(base - step))
    growth = abs(len(near.operations) - len(trials.base.operations)) if near else 0
    if growth:
        steps = min(max(2 * len(trials.base.operations) // growth, 4), FARTHEST // step)
        return base + steps * step
    blocks = max(FARTHEST // step // 64, 1)
    while (64 * blocks - 1) * step <= base + step:
        blocks *= 2
    return (64 * blocks - 1) * step


def find_limit(good: int, bad: int, step: int, holds: Callable[[int], bool], likely: Sequence[int] = ()) -> int:
    """The size farthest from `good`, on the way to `bad`, up to which `holds`; `likely` ones are tried first."""
    between = sorted(size for size in set(likely) if good < size < bad and size % step == 0)
    place = bisect_right(between, 0, key=lambda size: 0 if holds(size) else 1) if between else 0
    if place:
        good = between[place - 1]
    if place < len(between):
        bad = between[place]
    if between and bad > good and not holds(good + step):
        return good
    while abs(bad - good) > step:
        middle = (good + bad) // 2 // step * step
        if middle == min(good, bad):
            middle += step
        if holds(middle):
            good = middle
        else:
            bad = middle
    return good


def expand(variables: Sequence[Variable], sizes: Mapping[str, int]) -> dict[str, int]:
    """Sizes of variables as those of all that move with them."""
    return {name: sizes[each.name] for each in variables if each.name in sizes for name in each.names}
