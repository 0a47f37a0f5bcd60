"""The course of the learning rate: a factor of the highest rate, from the step alone; only a plateau has a memory."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import torch

from ..schema import PyModelError, ScheduleSettings

RISE = 0.3
START, END = 1 / 25, 1 / 25e4
"""One cycle, as in L. Smith's paper and torch's OneCycleLR: the share that rises, and where it starts and ends."""


class ScheduleNotUsable(PyModelError):
    """A schedule needs the number of steps, and it is not known."""


def rate_factor(settings: ScheduleSettings, step: int, per_epoch: int, total: int, lowest: float) -> float:
    """What the highest rate is multiplied by at `step`, counted from 0. `lowest` is the lowest rate's share of it."""
    if step < settings.warmup_steps:
        return (step + 1) / (settings.warmup_steps + 1)
    done, length = step - settings.warmup_steps, max(1, total - settings.warmup_steps)
    match settings.name:
        case "step":
            return settings.factor ** (step // ((settings.step_epochs or 1) * per_epoch))
        case "cosine":
            return _fall(min(1.0, done / length), 1.0, lowest)
        case "one-cycle":
            peak = max(1.0, RISE * length - 1)
            if done <= peak:
                return _fall(done / peak, START, 1.0)
            return _fall(min(1.0, (done - peak) / max(1.0, length - 1 - peak)), 1.0, END)
        case "warm-restarts":
            period = settings.restart_epochs * per_epoch
            while done >= period:
                done, period = done - period, period * settings.restart_factor
            return _fall(done / period, 1.0, lowest)
    return 1.0


def _fall(share: float, start: float, end: float) -> float:
    """Half a cosine from `start` to `end`."""
    return end + (start - end) * (1 + math.cos(math.pi * share)) / 2


@dataclass
class Schedule:
    """Sets the rates of an optimizer, whose groups keep theirs apart by `initial_lr`."""

    optimizer: torch.optim.Optimizer
    settings: ScheduleSettings
    per_epoch: int
    total: int
    highest: float
    drops: float = 1.0
    waited: int = 0
    lowest_loss: float = math.inf

    def __post_init__(self) -> None:
        needs_length = self.settings.name not in ("constant", "plateau")
        if needs_length and not self.per_epoch:
            words = f"The schedule `{self.settings.name}` needs the number of steps, and this data has no length."
            raise ScheduleNotUsable(words, advice="Choose `constant`, or give the data set a `__len__`.")
        for group in self.optimizer.param_groups:
            group.setdefault("initial_lr", group["lr"])

    def set_rates(self, step: int) -> float:
        """Set the rates for the step after `step` others. Gives the highest group's factor times the highest rate."""
        lowest = self.settings.minimum / self.highest
        factor = self.drops * rate_factor(self.settings, step, self.per_epoch, self.total, lowest)
        for group in self.optimizer.param_groups:
            group["lr"] = group["initial_lr"] * factor
        return self.highest * factor

    def note_loss(self, loss: float) -> None:
        """A plateau's memory: the loss of an epoch that ended."""
        if self.settings.name != "plateau":
            return
        if loss < self.lowest_loss:
            self.lowest_loss, self.waited = loss, 0
            return
        self.waited += 1
        if self.waited > self.settings.patience:
            self.drops = max(self.drops * self.settings.factor, self.settings.minimum / self.highest)
            self.waited = 0

    def state(self) -> dict[str, Any]:
        return {"drops": self.drops, "waited": self.waited, "lowest_loss": self.lowest_loss}

    def restore(self, state: dict[str, Any]) -> None:
        self.drops, self.waited, self.lowest_loss = state["drops"], state["waited"], state["lowest_loss"]
