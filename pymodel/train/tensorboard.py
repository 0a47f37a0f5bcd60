"""A run's metrics as event files of TensorBoard, on demand, by the user's own `tensorboard` or `tensorboardX`."""

from __future__ import annotations

import importlib
import math
import sys
from pathlib import Path
from typing import Any

from ..runs import read_metrics
from ..schema import PyModelError


class WriterNotFound(PyModelError):
    """Neither tensorboard nor tensorboardX is installed."""


def write_events(run: Path, folder: Path) -> int:
    """Write every value of the run's rows into `folder`, at its step and its time. Gives how many.

    Raises:
        WriterNotFound: nothing is installed that can write them.
    """
    writer = _open_writer(folder)
    rows, _ = read_metrics(run)
    count = 0
    for row in rows:
        for name, value in row.values.items():
            writer.add_scalar(name, float(value) if not isinstance(value, str) else _number(value), row.step, row.time)
            count += 1
    writer.close()
    return count


def _open_writer(folder: Path) -> Any:
    for module in ("torch.utils.tensorboard", "tensorboardX"):
        try:
            return importlib.import_module(module).SummaryWriter(str(folder))
        except ImportError:
            continue
    advice = f"Install one with `{sys.executable} -m pip install tensorboard`."
    raise WriterNotFound("Event files need tensorboard or tensorboardX.", advice=advice)


def _number(value: str) -> float:
    return {"nan": math.nan, "inf": math.inf, "-inf": -math.inf}[value]
