"""Runs jobs as the editor does: detached, by the run folder alone."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from pymodel import runs
from pymodel.schema import ExportRequest, Recipe, Run, TrainRequest, from_json

MAIN = Path(__file__).parents[2] / "pymodel" / "__main__.py"
TANKS = Path(__file__).parents[1] / "fixtures" / "projects" / "tank_levels"


def start(folder: Path) -> subprocess.Popen[bytes]:
    with open(folder / "log.txt", "ab") as log:
        command = [sys.executable, "-P", str(MAIN), "job", str(folder)]
        return subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True)


def run_job(root: Path, request: TrainRequest | ExportRequest) -> tuple[Path, Run]:
    folder = runs.create_run(root, request)
    start(folder).wait(timeout=280)
    return folder, runs.read_run(folder)


def wait_until(folder: Path, holds: Callable[[Run], bool], seconds: float = 120) -> Run:
    deadline = time.monotonic() + seconds
    while not holds(run := runs.read_run(folder)):
        assert time.monotonic() < deadline, (run, (folder / "log.txt").read_text())
        time.sleep(0.05)
    return run


def tanks_request(**changes: object) -> TrainRequest:
    """A training on the tank levels. Changes are settings, as `section__name`."""
    values: dict[str, object] = {
        "model__target": "forecaster.py::LevelForecaster",
        "model__construction": "LevelForecaster()",
        "data__source": "measurements.py::tank_loaders",
        "run__epochs": 12,
        "optimizer__learning_rate": 3e-3,
    }
    return TrainRequest(make_recipe(values | changes), str(TANKS / "src" / "tanks"), roots=(str(TANKS / "src"),))


def make_recipe(values: Mapping[str, object]) -> Recipe:
    """A recipe from settings named `section__name`."""
    sections: dict[str, dict[str, object]] = {}
    for name, value in values.items():
        section, _, setting = name.partition("__")
        sections.setdefault(section, {})[setting] = value
    return from_json(Recipe, sections)
