"""`metrics.<rank>.jsonl`: whole lines, appended, one write each time; and read again while they are still written."""

from __future__ import annotations

import csv
import errno
import io
import json
import math
import os
import time
from collections.abc import Mapping
from pathlib import Path

from ..schema import MalformedMessage, MetricRow, Number, dumps, from_json

FLUSH_SECONDS = 0.5


def to_number(value: float) -> Number:
    """A metric as JSON can hold it: `nan`, `inf` and `-inf` become strings."""
    return value if math.isfinite(value) else "nan" if math.isnan(value) else "inf" if value > 0 else "-inf"


def metrics_path(folder: Path, rank: int = 0) -> Path:
    return folder / f"metrics.{rank}.jsonl"


def read_metrics(folder: Path, start: int = 0, rank: int = 0) -> tuple[list[MetricRow], int]:
    """The rows from line number `start` on, and the line number to ask for next.

    Rows that a resume has taken back are left out. Who asks again and again drops, when a step comes that is not
    beyond the last, the rows from that step on. A torn last line waits to be whole; any other line that is no row is
    skipped, so that it costs that row and not the run.
    """
    try:
        content = metrics_path(folder, rank).read_bytes()
    except FileNotFoundError:
        return [], 0
    lines = content.split(b"\n")[:-1]
    rows: list[MetricRow] = []
    for line in lines[start:]:
        try:
            data = json.loads(line)
            if isinstance(data, dict) and isinstance(data.get("resumed_at"), int):
                rows = [row for row in rows if row.step <= data["resumed_at"]]
            else:
                rows.append(from_json(MetricRow, data))
        except (ValueError, MalformedMessage):
            continue
    return rows, len(lines)


def metrics_csv(folder: Path, rank: int = 0) -> str:
    """All rows of a run as CSV: step, epoch, time, and a column per metric."""
    rows, _ = read_metrics(folder, rank=rank)
    names = list(dict.fromkeys(name for row in rows for name in row.values))
    output = io.StringIO()
    writer = csv.writer(output, lineterminator="\n")
    writer.writerow(["step", "epoch", "time", *names])
    writer.writerows([row.step, row.epoch, row.time, *(row.values.get(name, "") for name in names)] for row in rows)
    return output.getvalue()


class MetricWriter:
    """Appends rows; keeps them for at most `FLUSH_SECONDS`, and writes what it kept as whole lines at once."""

    def __init__(self, folder: Path, rank: int = 0, resumed_at: int | None = None) -> None:
        path = metrics_path(folder, rank)
        self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o644)
        self._lines: list[str] = []
        self._flushed = time.monotonic()
        self._cut_torn_line()
        if resumed_at is not None:
            self._lines.append(dumps({"resumed_at": resumed_at}))

    def append(self, step: int, epoch: int, values: Mapping[str, float]) -> None:
        numbers = {name: to_number(value) for name, value in values.items()}
        self._lines.append(dumps(MetricRow(step, time.time(), epoch, numbers)))

    @property
    def is_due(self) -> bool:
        return time.monotonic() - self._flushed >= FLUSH_SECONDS

    def flush(self) -> None:
        """Write what was kept. On a full disk it stays kept, and no part of it is written.

        Raises:
            OSError: the disk refuses.
        """
        self._flushed = time.monotonic()
        if not self._lines:
            return
        content = "".join(f"{line}\n" for line in self._lines).encode()
        size = os.fstat(self._descriptor).st_size
        if os.write(self._descriptor, content) < len(content):
            os.ftruncate(self._descriptor, size)
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        self._lines.clear()

    def close(self) -> None:
        self.flush()
        os.close(self._descriptor)

    def _cut_torn_line(self) -> None:
        """A line that a killed process left half must not join the next one."""
        with open(self._descriptor, "rb", closefd=False) as file:
            content = file.read()
        os.ftruncate(self._descriptor, content.rfind(b"\n") + 1)
