"""Two processes on gloo learn what one would have learned: the same batches, the same losses within rounding."""

from __future__ import annotations

from pathlib import Path

import pytest

from pymodel import runs

from .jobs import start
from .trainings import losses_of, net_request, train_new, weights_of

TOLERANCE = 1e-4
"""Relative. Two halves are summed in another order than one whole, and AdamW divides by what is small."""


@pytest.mark.parametrize("strategy", ["ddp", "fsdp2"])
def test_two_processes_give_the_losses_of_one(tmp_path: Path, strategy: str, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = {"model__target": "net.py::Plain", "run__epochs": 2, "optimizer__clip_norm": 1.0}
    whole = train_new(tmp_path, **settings)
    two = {"distribution__launcher": "torchrun", "distribution__processes": 2, "distribution__strategy": strategy}
    folder = runs.create_run(tmp_path, net_request(**settings, **two))
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    process = start(folder)
    assert process.wait(timeout=280) == 0, (folder / "log.txt").read_text()
    run = runs.read_run(folder)
    assert run.state == "completed", run.error
    assert losses_of(folder) == pytest.approx(losses_of(whole), rel=TOLERANCE)
    assert losses_of(folder, "validation/loss") == pytest.approx(losses_of(whole, "validation/loss"), rel=TOLERANCE)
    assert weights_of(folder).keys() == weights_of(whole).keys()
    assert weights_of(folder)["hidden.weight"].shape == (16, 16)
    rows, _ = runs.read_metrics(folder, rank=1)
    assert [row.values["train/loss"] for row in rows if "train/loss" in row.values] == losses_of(folder)
