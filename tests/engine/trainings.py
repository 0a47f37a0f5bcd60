"""Trains in this process, without a job: to any step, and on from there. Forks are for what must be killed."""

from __future__ import annotations

import json
import signal
from pathlib import Path

import torch

from pymodel import runs
from pymodel.schema import Run, TrainRequest
from pymodel.train.job import StopSignal, run_training, take_over

from .jobs import make_recipe

FOLDER = Path(__file__).parents[1] / "fixtures" / "training"


class StopAt(StopSignal):
    """Asks for an end after so many steps."""

    def __init__(self, calls: int | None) -> None:
        self.calls = calls
        self.received = self.armed = False

    def __call__(self) -> bool:
        if self.calls is not None:
            self.calls -= 1
            self.received = self.received or self.calls <= 0
        return self.received


def net_request(**settings: object) -> TrainRequest:
    values = {
        "model__target": "net.py::Net",
        "data__source": "data.py::three_classes",
        "data__batch_size": 8,
        "run__epochs": 3,
        "optimizer__learning_rate": 0.01,
    }
    return TrainRequest(make_recipe(values | settings), str(FOLDER))


def train(folder: Path, *, stop_after: int | None = None) -> Run:
    """Run the queued training in `folder`; `stop_after` counts how often the loop asks whether to stop."""
    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        run_training(take_over(folder), StopAt(stop_after))
    finally:
        for number, handler in handlers.items():  # a job's last word is not to be interrupted; these tests are
            signal.signal(number, handler)
    return runs.read_run(folder)


def train_new(root: Path, *, stop_after: int | None = None, **settings: object) -> Path:
    folder = runs.create_run(root, net_request(**settings))
    train(folder, stop_after=stop_after)
    return folder


def losses_of(folder: Path, name: str = "train/loss") -> list[object]:
    rows, _ = runs.read_metrics(folder)
    return [row.values[name] for row in rows if name in row.values]


def weights_of(folder: Path, name: str = "last") -> dict[str, torch.Tensor]:
    weights: dict[str, torch.Tensor] = torch.load(folder / "checkpoints" / name / "weights.pt", weights_only=True)
    return weights


def log_of(folder: Path) -> str:
    return (folder / "log.txt").read_text() if (folder / "log.txt").exists() else ""


def state_of(folder: Path) -> dict[str, object]:
    document: dict[str, object] = json.loads((folder / "run.json").read_text())
    return document
