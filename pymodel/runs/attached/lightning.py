"""Lightning's `CSVLogger`: `metrics.csv` with a column a metric, of which a row fills some."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path

from .points import Log

FILE = "metrics.csv"


def find(folder: Path) -> list[Path]:
    return [path for path in (folder / FILE,) if path.is_file()]


def read(paths: Sequence[Path]) -> Log | None:
    [path] = paths
    text, changed = path.read_text(encoding="utf-8", errors="replace"), path.stat().st_mtime
    whole = text[: text.rfind("\n") + 1]  # a last line without an end is being written
    reader = csv.DictReader(whole.splitlines())
    if "step" not in (reader.fieldnames or ()):
        return None
    log = Log(changed)
    for row in reader:
        step, epoch = _number(row.get("step")), _number(row.get("epoch"))
        if step is None:
            continue
        for name, cell in row.items():
            value = _number(cell) if name not in ("step", "epoch", None) else None
            if value is not None:
                log.add(int(step), name, value, time=changed, epoch=int(epoch or 0))
    return log


def _number(text: object) -> float | None:
    try:
        return float(str(text))
    except ValueError:
        return None
