"""Which losses an optimizer's step descends, and what one number says of them."""

from __future__ import annotations

from collections.abc import Set
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from .frames import Place

V = TypeVar("V")
"""A value: a float, or a tensor that is still on its device."""


@dataclass
class Loss(Generic[V]):
    """One backward pass."""

    value: V
    place: Place
    divisor: float | None = None
    """What the script divided it by last, as for micro-batches."""
    reaches: Set[int] | None = None
    """The ids of the parameters behind it; None if that is not known."""
    in_step: bool = False
    """Whether it came up inside of an optimizer's step, in its closure."""
    taken: bool = False
    void_for: set[int] = field(default_factory=set)
    """Optimizers whose gradients were cleared since."""


class PendingLosses(Generic[V]):
    """Losses between two steps. A loss belongs to each optimizer that steps on parameters behind it, unless their
    gradients were cleared in between; once the next backward pass begins, those that were stepped on are past."""

    def __init__(self) -> None:
        self._losses: list[Loss[V]] = []

    def add(self, loss: Loss[V]) -> None:
        if any(each.taken for each in self._losses):
            self._losses = [each for each in self._losses if not each.taken]
        self._losses.append(loss)
        del self._losses[:-MAX_PENDING]

    def clear(self, optimizer: int) -> None:
        """The gradients of an optimizer's parameters are cleared."""
        for each in self._losses:
            each.void_for.add(optimizer)

    def take(self, optimizer: int, parameters: Set[int]) -> list[Loss[V]]:
        """The losses that this step of an optimizer descends."""
        chosen = [
            each
            for each in self._losses
            if optimizer not in each.void_for and (each.reaches is None or not parameters.isdisjoint(each.reaches))
        ]
        for each in chosen:
            each.taken = True
        return chosen

    @property
    def has_untaken(self) -> bool:
        return any(not each.taken for each in self._losses)


MAX_PENDING = 4096
"""A script may run backward passes that no optimizer of its own ever steps on."""


@dataclass(frozen=True)
class StepLoss:
    """The loss of a step in one number, and in words what that is. Where it is not one loss alone: their sum, the last
    of them and how many."""

    value: float
    meaning: str
    sum: float | None = None
    last: float | None = None
    count: int = 1


class LossSummary:
    """Sums up each step of one optimizer. Remembers into how many micro-batches the script divides its losses."""

    def __init__(self) -> None:
        self.micro_batches: float | None = None

    def of_step(self, losses: list[Loss[float]]) -> StepLoss | None:
        """What a step descended; None if there was no backward pass."""
        if not losses:
            return None
        evaluations = [each.value for each in losses if each.in_step]
        if len(evaluations) > 1:
            words = "the closure's first evaluation in each step, which `step` returns"
            return StepLoss(evaluations[0], words, None, evaluations[-1], len(evaluations))
        values = [each.value for each in losses]
        count, total = len(values), sum(values)
        divisors = {each.divisor for each in losses}
        divisor = divisors.pop() if len(divisors) == 1 else None
        if divisor is not None and count > 1 and abs(divisor - count) < 1e-6:
            self.micro_batches = divisor
        if divisor is not None and divisor == self.micro_batches:
            words = f"the mean over a step's micro-batches, whose losses the script divides by {divisor:g}"
            mean = total * (divisor / count)
            return StepLoss(mean, words, None if mean == total else total, values[-1], count)
        if count == 1:
            return StepLoss(total, "the loss of each step")
        places = {each.place[:1] for each in losses}
        if len(places) > 1:
            return StepLoss(total, f"the sum of the {count} losses of a step", None, values[-1], count)
        words = f"the sum of a step's {count} backward passes, as large as they are"
        return StepLoss(total, words, None, values[-1], count)
