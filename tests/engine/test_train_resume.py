"""A run that is stopped and resumed gives what it would have given: every loss and every weight, bit for bit."""

from __future__ import annotations

import os
import random
from pathlib import Path

import pytest
import torch

from pymodel import runs

from .trainings import losses_of, net_request, train, train_new, weights_of

STOPS = 20 if os.environ.get("SOAK") else 2
SETTINGS = {
    "regularisation__ema": 0.9,
    "schedule__name": "cosine",
    "schedule__warmup_steps": 3,
    "fine_tuning__freeze": ["first"],
    "fine_tuning__unfreeze_every": 1,
    "augmentation__noise": 0.1,
}


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
@pytest.mark.parametrize("workers", [0, 2])
def test_at_any_step(tmp_path: Path, workers: int, precision: str) -> None:
    check(tmp_path, STOPS, data__source="data.py::Noisy", data__workers=workers, compute__precision=precision)


def test_with_a_loader_of_the_users_own(tmp_path: Path) -> None:
    check(tmp_path, STOPS, data__source="data.py::own_loader")


def check(root: Path, stops: int, **settings: object) -> None:
    settings |= SETTINGS
    whole = train_new(root, **settings)
    asked = runs.read_run(whole).last_step + 3  # the loop asks in evaluations, too
    for stop in random.Random(str(settings)).sample(range(1, asked), stops):
        folder = runs.create_run(root, net_request(**settings))
        stopped = train(folder, stop_after=stop)
        assert stopped.state == "stopped"
        runs.queue_again(folder)
        assert train(folder).state == "completed", stop
        for name in ("train/loss", "learning_rate", "validation/loss", "test/accuracy"):
            assert losses_of(folder, name) == losses_of(whole, name), (stop, name)
        for checkpoint in ("last", "best"):
            expected, found = weights_of(whole, checkpoint), weights_of(folder, checkpoint)
            assert all(torch.equal(found[name], expected[name]) for name in expected), (stop, checkpoint)


def test_twice_and_without_any_checkpoint(tmp_path: Path) -> None:
    whole = train_new(tmp_path)
    folder = runs.create_run(tmp_path, net_request())
    for stop in (4, 5, 9):
        assert train(folder, stop_after=stop).state == "stopped"
        runs.queue_again(folder)
    assert train(folder).state == "completed"
    assert losses_of(folder) == losses_of(whole)
    with pytest.raises(runs.CannotResume, match="completed"):
        runs.queue_again(folder)
