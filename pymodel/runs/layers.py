"""`layers.<rank>.jsonl`: of each sampled step the statistics of all modules, a line a step. A line may be large, and
there may be many: what is asked for is read, the rest only as far as its step."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path

from ..schema import LayerFinding, LayerRow, MalformedMessage, dumps, from_json
from .layer_findings import KEPT, LayerHistory
from .lines import LineWriter, read_lines
from .monitored import read_monitored
from .numbers import to_number

RECENT_BYTES = 1 << 22
"""Bytes at the end of a file in which the last samples are, also of a model of a thousand modules."""
_STEP = re.compile(rb'\s*\{\s*"step"\s*:\s*(\d+)\s*,')


def layers_path(folder: Path, rank: int = 0) -> Path:
    return folder / f"layers.{rank}.jsonl"


class LayerWriter(LineWriter):
    """Appends the rows of one rank."""

    def __init__(self, folder: Path, rank: int = 0) -> None:
        super().__init__(layers_path(folder, rank))

    def append(self, step: int, at: float, layers: Mapping[str, Mapping[str, float]]) -> None:
        """The statistics of a step that ended at the time `at`, to four digits."""
        numbers = {
            path: {name: to_number(float(f"{value:.4g}")) for name, value in each.items()}
            for path, each in layers.items()
        }
        self.append_line(dumps(LayerRow(step, round(at, 3), numbers)))


class SampledSteps:
    """The rows of a run as they are now, each read when it is asked for; those in the last `most` bytes alone."""

    def __init__(self, folder: Path, rank: int = 0, *, most: int | None = None) -> None:
        self._lines: dict[int, bytes] = {}
        for line in read_lines(layers_path(folder, rank), most):
            if (found := _STEP.match(line)) is not None:
                step = int(found[1])
                while self._lines and next(reversed(self._lines)) >= step:  # the run went back to a checkpoint
                    self._lines.popitem()
                self._lines[step] = line

    @property
    def steps(self) -> tuple[int, ...]:
        return tuple(self._lines)

    def read(self, step: int | None = None) -> LayerRow | None:
        """The row of the last sampled step that is not after `step`, else the first; of the last without `step`. None
        where there is none, or it is damaged."""
        before = [each for each in self._lines if step is None or each <= step]
        wanted = before[-1] if before else next(iter(self._lines), None)
        return self._parse(wanted) if wanted is not None else None

    def find_ailing(self, step: int | None = None) -> tuple[LayerFinding, ...]:
        """The modules that did not learn, or soon would not, by the samples up to `step`; by the last ones without."""
        history = LayerHistory()
        for each in [each for each in self._lines if step is None or each <= step][-KEPT:]:
            if (row := self._parse(each)) is not None:
                history.add(each, {path: {name: float(n) for name, n in of.items()} for path, of in row.layers.items()})
        return history.findings

    def _parse(self, step: int) -> LayerRow | None:
        try:
            return from_json(LayerRow, json.loads(self._lines[step]))
        except (ValueError, MalformedMessage):
            return None


def find_ailing_layers(folder: Path) -> tuple[LayerFinding, ...]:
    """The modules of a run that do not learn, or soon will not: as its monitor said, or by its last samples."""
    monitored = read_monitored(folder)
    if monitored is not None:
        return monitored.findings
    return SampledSteps(folder).find_ailing()
