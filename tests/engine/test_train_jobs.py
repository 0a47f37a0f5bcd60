from __future__ import annotations

import hashlib
import json
import os
import signal
import time
from pathlib import Path

import pytest
import torch

from pymodel import runs
from pymodel.runs.pause import CannotPause
from pymodel.samples import create_sample_project
from pymodel.schema import TrainRequest
from pymodel.train.checkpoint import find_checkpoint

from .jobs import make_recipe, run_job, start, tanks_request, wait_until


def weights_of(folder: Path, name: str) -> dict[str, torch.Tensor]:
    path = folder / "checkpoints" / name
    manifest = json.loads((path / "manifest.json").read_text())
    for file, described in manifest["files"].items():
        assert hashlib.sha256((path / file).read_bytes()).hexdigest() == described["sha256"]
    state = torch.load(path / "state.pt", weights_only=True)
    assert {"optimizer", "random", "schedule", "epoch", "step"} <= set(state)
    weights = torch.load(path / "weights.pt", weights_only=True)
    assert isinstance(weights, dict)
    return weights


def test_the_sample_learns_its_digits(tmp_path: Path) -> None:
    create_sample_project(tmp_path)
    folder = tmp_path / "image_classifier"
    recipe = make_recipe({"model__target": "model.py::MyModel", "data__source": "data.py::make_datasets"})
    request = TrainRequest(recipe, str(folder))
    path, run = run_job(tmp_path / ".pymodel/runs", request)
    assert run.state == "completed", (path / "log.txt").read_text()
    assert float(run.metrics["best"]["test/accuracy"]) > 0.95
    rows, _ = runs.read_metrics(path)
    steps = [row for row in rows if "train/loss" in row.values]
    assert [row.step for row in steps] == list(range(1, run.total_steps + 1))
    assert len([row for row in rows if "validation/accuracy" in row.values]) == 10
    assert weights_of(path, "best")["conv1.weight"].shape == (64, 3, 3, 3)
    assert sorted(each.name for each in (path / "source").iterdir()) == ["data.py", "model.py"]
    assert not list(folder.glob("*.pt"))
    sampled = runs.SampledSteps(path)
    row = sampled.read(sampled.steps[0])
    assert row is not None
    assert set(row.layers["conv1"]) == {"mean", "std", "zeros", "grad_norm", "update_ratio"}
    assert set(row.layers["relu1"]) == {"mean", "std", "zeros"}
    assert sampled.find_ailing() == ()


def test_another_project_goes_the_same_way(tmp_path: Path) -> None:
    path, run = run_job(tmp_path / "runs", tanks_request())
    assert run.state == "completed", (path / "log.txt").read_text()
    rows, _ = runs.read_metrics(path)
    losses = [float(row.values["validation/loss"]) for row in rows if "validation/loss" in row.values]
    assert losses[-1] < losses[0] / 3
    assert "test/loss" in run.metrics["last"]
    assert "test/accuracy" not in run.metrics["last"]
    assert weights_of(path, "last").keys() == weights_of(path, "best").keys()


def test_a_stopped_run_leaves_a_checkpoint(tmp_path: Path) -> None:
    folder = runs.create_run(tmp_path / "runs", tanks_request(run__epochs=100_000))
    process = start(folder)
    wait_until(folder, lambda run: run.last_step > 20)
    runs.stop_run(folder)
    assert process.wait(timeout=60) == 0
    run = runs.read_run(folder)
    assert run.state == "stopped"
    assert "smooth.weight" in weights_of(folder, "last")
    assert torch.load(folder / "checkpoints/last/state.pt", weights_only=True)["step"] == run.last_step


def losses_of(folder: Path) -> list[object]:
    return [row.values["train/loss"] for row in runs.read_metrics(folder)[0] if "train/loss" in row.values]


def test_a_paused_training_waits_and_learns_the_same(tmp_path: Path) -> None:
    folder, whole = (runs.create_run(tmp_path / "runs", tanks_request(run__epochs=100_000)) for _ in range(2))
    with pytest.raises(CannotPause, match="this run is queued"):
        runs.pause_run(folder)
    process = start(folder)
    wait_until(folder, lambda run: run.last_step > 0)
    runs.pause_run(folder)
    step = wait_until(folder, lambda run: run.state == "paused").last_step
    count = len(losses_of(folder))
    time.sleep(1)
    assert len(losses_of(folder)) == count >= step
    with pytest.raises(CannotPause, match="this run is paused"):
        runs.pause_run(folder)
    runs.continue_run(folder)
    wait_until(folder, lambda run: run.state == "running" and run.last_step > count)
    runs.pause_run(folder)
    wait_until(folder, lambda run: run.state == "paused")
    runs.stop_run(folder)
    assert process.wait(timeout=60) == 0
    assert runs.read_run(folder).state == "stopped"
    assert "smooth.weight" in weights_of(folder, "last")

    process = start(whole)
    wait_until(whole, lambda run: run.last_step > count + 20)
    runs.stop_run(whole)
    process.wait(timeout=60)
    both = min(len(losses_of(folder)), len(losses_of(whole)))
    assert both > count
    assert losses_of(folder)[:both] == losses_of(whole)[:both]


def test_a_killed_run_is_interrupted_and_what_it_saved_is_whole(tmp_path: Path) -> None:
    folder = runs.create_run(tmp_path / "runs", tanks_request(run__epochs=100_000))
    process = start(folder)
    wait_until(folder, lambda run: run.epoch > 2)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    assert runs.read_run(folder).state == "interrupted"
    assert "smooth.weight" in torch.load(find_checkpoint(folder, "last") / "weights.pt", weights_only=True)


@pytest.mark.parametrize(
    ("changes", "words", "line"),
    [
        ({"data__source": "measurements.py::broken_loaders"}, "the logger is not connected", 24),
        ({"data__source": "measurements.py::nowhere"}, "There is no `nowhere`", None),
        ({"data__source": "measurements.py::HOURS"}, "a Dataset, a DataLoader", None),
        ({"optimizer__name": "Magic"}, "no optimizer `Magic`", None),
        ({"loss__name": "magic"}, "no loss called `magic`", None),
        ({"model__construction": "LevelForecaster(hours=3)"}, "mat1 and mat2", 17),
    ],
)
def test_what_cannot_be_trained_fails_in_words(
    tmp_path: Path, changes: dict[str, object], words: str, line: int | None
) -> None:
    path, run = run_job(tmp_path / "runs", tanks_request(**changes))
    assert run.state == "failed"
    assert run.error is not None
    assert words in run.error.message
    assert run.error.line == line
    assert (path / "log.txt").stat().st_size > 0
