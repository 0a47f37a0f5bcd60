"""Steps and shown values as rows of metrics, and what stays of them: the last values, the best, what each one means."""

from __future__ import annotations

import math
import re
from collections import deque
from dataclasses import dataclass, field

from ..runs import to_number
from ..schema import MetricRow, Number
from .frames import Place
from .recorder import Noted, Step

RECENT = 20
RATE_CHANGE = 0.01
"""Relative; a learning rate that moved less since it was last written waits for the half second."""
HELD_OUT = re.compile(r"val|test|eval|dev", re.IGNORECASE)
BETTER_LOW = re.compile(r"loss|err|ppl|perplexity|bpc|mae|mse|wer|cer|nll|fid|elbo|kl", re.IGNORECASE)
BETTER_HIGH = re.compile(
    r"acc|f1|auc|iou|dice|bleu|rouge|precision|recall|score|reward|return|map|r2|psnr|ssim|top", re.IGNORECASE
)
DIGITS = 9
"""As many as tell every float32 from every other."""


@dataclass
class Row:
    """A row on its way to the disk."""

    step: int
    epoch: int
    time: float
    values: dict[str, float]
    sites: dict[str, tuple[Place, str, float]] = field(default_factory=dict)
    """By kind: where in the script a value stands, what it is called, and the value."""


class RowMaker:
    """Keeps what the rows add up to."""

    def __init__(self) -> None:
        self.step = 0
        self.epoch = 0
        self.last: dict[str, Number] = {}
        self.best: dict[str, Number] = {}
        self.meanings: dict[str, str] = {}
        self._recent: deque[Row] = deque(maxlen=RECENT)
        self.has_steps = False
        self.has_losses = False

    def make(self, event: Step | Noted) -> Row:
        row = self._of_step(event) if isinstance(event, Step) else self._of_value(event)
        row.values = {name: shorten(value) for name, value in row.values.items()}
        self.step, self.epoch = max(self.step, row.step), max(self.epoch, row.epoch)
        for name, value in row.values.items():
            self.last[name] = to_number(value)
            if not isinstance(event, Step) and HELD_OUT.search(name):
                self._note_best(name, value)
        if isinstance(event, Step):
            self._recent.append(row)
        return row

    @property
    def recent(self) -> tuple[MetricRow, ...]:
        """The last steps."""
        return tuple(
            MetricRow(row.step, row.time, row.epoch, {name: to_number(value) for name, value in row.values.items()})
            for row in self._recent
        )

    @staticmethod
    def can_join(row: Row, shown: Row) -> bool:
        """Whether a shown value has a place in the row before it: that of the same step, and nothing of its name."""
        return row.step == shown.step and row.values.keys().isdisjoint(shown.values)

    def _of_value(self, event: Noted) -> Row:
        return Row(event.step, event.epoch, event.time, {event.name: event.value})

    def _of_step(self, event: Step) -> Row:
        track = event.track
        row = Row(event.step, event.epoch, event.time, {})
        self.has_steps = True
        loss = track.summary.of_step(event.losses)
        if loss is not None:
            self.has_losses = True
            name = track.metric("train", "loss")
            row.values[name] = loss.value
            self.meanings[name] = loss.meaning
            if loss.count > 1:
                if loss.sum is not None:
                    row.values[track.metric("train", "loss_sum")] = loss.sum
                if loss.last is not None:
                    row.values[track.metric("train", "loss_last")] = loss.last
                row.values[track.metric("train", "backward_calls")] = loss.count
            row.sites["loss"] = (event.losses[-1].place, name, loss.value)
        self._add_rates(event, row)
        for name, value in event.sampled.items():
            row.values[track.metric("", name) if name == "gradient_norm" else name] = value
        return row

    def _add_rates(self, event: Step, row: Row) -> None:
        track = event.track
        rates = event.rates
        if rates:
            row.sites["step"] = (event.place, track.metric("", "learning_rate"), rates[0])
        has_moved = len(rates) != len(track.rates) or any(
            abs(new - old) > RATE_CHANGE * abs(old) for new, old in zip(rates, track.rates, strict=True)
        )
        if has_moved or ("step_seconds" in event.sampled and rates != track.rates):
            for number, rate in enumerate(rates):
                if number == 0 or rate != rates[0]:
                    row.values[track.metric("", f"learning_rate/{number}" if number else "learning_rate")] = rate
            track.rates = rates

    def _note_best(self, name: str, value: float) -> None:
        if not math.isfinite(value):
            return
        best = self.best.get(name)
        if not isinstance(best, (int, float)):
            best = value
        if BETTER_LOW.search(name):
            self.best[name] = min(best, value)
        elif BETTER_HIGH.search(name):
            self.best[name] = max(best, value)


def shorten(value: float) -> float:
    """A value in as many digits as are kept of it."""
    return value if isinstance(value, int) else float(f"{value:.{DIGITS}g}")
