"""Logs that other tools write, by the tools themselves: read as runs, and never written to."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from pytorch_lightning.loggers import CSVLogger
from torch.utils.tensorboard import SummaryWriter
from transformers.trainer_callback import TrainerState

from pymodel import runs
from pymodel.runs.stop import CannotStop

from .jobs import MAIN

STEPS = range(1, 51)


def loss(step: int) -> float:
    return 2.0 / step


def write_tensorboard(folder: Path) -> None:
    with SummaryWriter(str(folder)) as writer:  # type: ignore[no-untyped-call]
        for step in STEPS:
            writer.add_scalar("train/loss", loss(step), step)  # type: ignore[no-untyped-call]
            writer.add_scalar("rate", torch.tensor(0.1), step, new_style=True)  # type: ignore[no-untyped-call]
        writer.add_histogram("weights", torch.randn(100), 50)  # type: ignore[no-untyped-call]
        writer.add_text("notes", "not a scalar", 50)  # type: ignore[no-untyped-call]


def write_lightning(folder: Path) -> None:
    logger = CSVLogger(str(folder.parent), name="", version=folder.name)
    for step in STEPS:
        logger.log_metrics({"train/loss": loss(step), "epoch": step // 10}, step)
        if step % 10 == 0:
            logger.log_metrics({"rate": 0.1, "epoch": step // 10}, step)
    logger.save()


def write_transformers(folder: Path) -> None:
    for last in (25, 50):
        history = [
            {"epoch": step / 10, "step": step, "train/loss": loss(step), "rate": 0.1} for step in range(1, last + 1)
        ]
        checkpoint = folder / f"checkpoint-{last}"
        checkpoint.mkdir(parents=True)
        state = TrainerState(global_step=last, max_steps=100, num_train_epochs=10, log_history=history)
        state.save_to_json(str(checkpoint / "trainer_state.json"))


WRITERS: dict[str, Callable[[Path], None]] = {
    "TensorBoard": write_tensorboard,
    "Lightning": write_lightning,
    "Transformers": write_transformers,
}


def content_of(folder: Path) -> dict[str, str]:
    return {
        str(path): hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted(folder.rglob("*")) if path.is_file()
    }


@pytest.mark.parametrize("tool", WRITERS)
def test_a_log_is_read_as_a_run_and_left_alone(tool: str, tmp_path: Path) -> None:
    folder = tmp_path / "logs" / "mine"
    WRITERS[tool](folder)
    before = content_of(tmp_path)
    run = runs.read_run(folder)
    assert (run.kind, run.id, run.state, run.last_step) == ("attached", "mine", "running", 50)
    assert run.request == {"writer": tool}
    rows, following = runs.read_metrics(folder)
    assert [row.step for row in rows] == list(STEPS)
    assert following == 50
    assert [row.values["train/loss"] for row in rows] == pytest.approx([loss(step) for step in STEPS], rel=1e-6)
    assert rows[-1].values["rate"] == pytest.approx(0.1)
    assert set(rows[-1].values) == {"train/loss", "rate"}
    curves = runs.read_curves(folder)
    assert curves["train/loss"][-1] == (50, pytest.approx(0.04))
    assert runs.find_attached(tmp_path) == [folder]

    command = [sys.executable, "-P", str(MAIN), "runs", "show", str(folder)]
    assert "train/loss" in subprocess.run(command, cwd=tmp_path, check=True, capture_output=True, text=True).stdout
    with pytest.raises(CannotStop, match="only reads this log"):
        runs.stop_run(folder)
    with pytest.raises(runs.CannotResume, match="only reads this log"):
        runs.queue_again(folder)
    assert content_of(tmp_path) == before

    long_ago = time.time() - 3600
    for path in folder.rglob("*"):
        os.utime(path, (long_ago, long_ago))
    assert runs.read_run(folder).state == "completed"


def test_a_torn_record_ends_a_file_and_a_restart_replaces_what_it_writes_again(tmp_path: Path) -> None:
    write_tensorboard(tmp_path)
    [path] = tmp_path.glob("events*")
    whole = path.read_bytes()
    middle = whole.index(b"weights") // 2  # the scalars come before
    for length in (len(whole) - 3, middle, 30, 11, 0):
        path.write_bytes(whole[:length])
        rows, _ = runs.read_metrics(tmp_path)
        assert [row.step for row in rows] == list(range(1, len(rows) + 1))
        assert len(rows) <= 50
    path.write_bytes(whole[:middle] + b"\0" * 100)
    half = len(runs.read_metrics(tmp_path)[0])
    assert 0 < half < 50
    path.write_bytes(whole)
    with SummaryWriter(str(tmp_path), filename_suffix=".again") as writer:  # type: ignore[no-untyped-call]
        writer.add_scalar("train/loss", 9.0, 40)  # type: ignore[no-untyped-call]
    rows, _ = runs.read_metrics(tmp_path)
    assert [row.step for row in rows][-2:] == [39, 40]
    assert rows[-1].values == {"train/loss": 9.0}


@pytest.mark.parametrize("content", ["", "{", "[]", '{"log_history": 3}'])
def test_a_state_without_a_history_is_no_run(content: str, tmp_path: Path) -> None:
    (tmp_path / "trainer_state.json").write_text(content)
    with pytest.raises(runs.RunNotFound):
        runs.read_run(tmp_path)


def test_what_a_history_holds_beside_its_entries_is_passed_over(tmp_path: Path) -> None:
    (tmp_path / "trainer_state.json").write_text('{"log_history": [3, {"step": "x"}]}')
    assert runs.read_run(tmp_path).last_step == 0
