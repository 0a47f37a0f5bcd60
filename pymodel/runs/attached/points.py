"""What the readers gather: single values, in whatever order a tool wrote them."""

from __future__ import annotations

from dataclasses import dataclass, field

from ...schema import MetricRow
from ..numbers import to_number


@dataclass
class Log:
    """The values of a log by their step. `changed` is when its file was; `epochs` and `steps` are what it is meant to
    come to, 0 where that is not said."""

    changed: float
    epochs: int = 0
    steps: int = 0
    _rows: dict[int, tuple[float, int, dict[str, float]]] = field(default_factory=dict)

    def add(self, step: int, name: str, value: float, *, time: float, epoch: int = 0) -> None:
        at, known, values = self._rows.get(step, (time, epoch, {}))
        self._rows[step] = at, max(known, epoch), {**values, name: value}

    def forget_from(self, step: int) -> None:
        """A restart writes these steps once more."""
        self._rows = {each: row for each, row in self._rows.items() if each < step}

    def rows(self) -> tuple[MetricRow, ...]:
        return tuple(
            MetricRow(step, time, epoch, {name: to_number(value) for name, value in values.items()})
            for step, (time, epoch, values) in sorted(self._rows.items())
        )
