"""`metrics.<rank>.jsonl`: whole lines, appended, one write each time; and read again while they are still written."""

from __future__ import annotations

import csv
import io
import json
import time
from collections.abc import Iterable, Mapping
from pathlib import Path

from ..schema import MalformedMessage, MetricRow, dumps, from_json
from .attached import read_attached
from .lines import LineWriter, read_lines
from .numbers import to_number as to_number

Curve = list[tuple[int, float]]
"""Points of (step, value), in the order of their steps."""


def metrics_path(folder: Path, rank: int = 0) -> Path:
    return folder / f"metrics.{rank}.jsonl"


def read_metrics(folder: Path, start: int = 0, rank: int = 0) -> tuple[list[MetricRow], int]:
    """The rows from line number `start` on, and the line number to ask for next.

    Rows that a resume has taken back are left out. Who asks again and again drops, when a step comes that is not
    beyond the last, the rows from that step on. A torn last line waits to be whole; any other line that is no row is
    skipped, so that it costs that row and not the run. Rows of another tool's log are whole again each time: a tool may
    add to those that it has written.
    """
    if not (path := metrics_path(folder, rank)).is_file() and (attached := read_attached(folder)) is not None:
        return list(attached.rows[start:]), len(attached.rows)
    lines = read_lines(path)
    return parse_rows(lines[start:]), len(lines)


def parse_rows(lines: Iterable[bytes]) -> list[MetricRow]:
    """The rows of some lines, without those that a resume among them has taken back."""
    rows: list[MetricRow] = []
    for line in lines:
        try:
            data = json.loads(line)
            if isinstance(data, dict) and isinstance(data.get("resumed_at"), int):
                rows = [row for row in rows if row.step <= data["resumed_at"]]
            else:
                rows.append(from_json(MetricRow, data))
        except (ValueError, MalformedMessage):
            continue
    return rows


def read_curves(folder: Path, rank: int = 0) -> dict[str, Curve]:
    """Each metric as points of (step, value), as `read_metrics` has them; much faster, for runs of very many steps."""
    curves: dict[str, Curve] = {}
    if not metrics_path(folder, rank).is_file() and (attached := read_attached(folder)) is not None:
        for row in attached.rows:
            for name, value in row.values.items():
                curves.setdefault(name, []).append((row.step, float(value)))
        return curves
    for line in read_lines(metrics_path(folder, rank)):
        try:
            data = json.loads(line)
            if "resumed_at" in data:
                curves = {name: [at for at in curve if at[0] <= data["resumed_at"]] for name, curve in curves.items()}
                continue
            step, values = int(data["step"]), [(name, float(value)) for name, value in data["values"].items()]
        except (ValueError, TypeError, KeyError, AttributeError):
            continue
        for name, value in values:
            curves.setdefault(name, []).append((step, value))
    return {name: curve for name, curve in curves.items() if curve}


def metrics_csv(folder: Path, rank: int = 0) -> str:
    """All rows of a run as CSV: step, epoch, time, and a column per metric."""
    rows, _ = read_metrics(folder, rank=rank)
    names = list(dict.fromkeys(name for row in rows for name in row.values))
    output = io.StringIO()
    writer = csv.writer(output, lineterminator="\n")
    writer.writerow(["step", "epoch", "time", *names])
    writer.writerows([row.step, row.epoch, row.time, *(row.values.get(name, "") for name in names)] for row in rows)
    return output.getvalue()


class MetricWriter(LineWriter):
    """Appends the rows of one rank."""

    def __init__(self, folder: Path, rank: int = 0, resumed_at: int | None = None) -> None:
        super().__init__(metrics_path(folder, rank))
        if resumed_at is not None:
            self.append_line(dumps({"resumed_at": resumed_at}))

    def append(self, step: int, epoch: int, values: Mapping[str, float], at: float | None = None) -> None:
        """A row from the time `at`, or from now."""
        numbers = {name: to_number(value) for name, value in values.items()}
        self.append_line(dumps(MetricRow(step, round(time.time() if at is None else at, 3), epoch, numbers)))
