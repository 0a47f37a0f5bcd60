"""What curves say: each finding where it is, with its steps, and silence where there is nothing to say."""

from __future__ import annotations

import math
import random
from pathlib import Path

import pytest

from pymodel import runs
from pymodel.cli import main
from pymodel.runs.advice import Advice, advise
from pymodel.schema import DataSettings, LayerFinding, ModelSettings, Recipe, TrainRequest

STEPS = 400
EPOCH = 40


def run_of(losses: list[float], held_out: list[float] | None = None, name: str = "validation/loss") -> list[Advice]:
    curves = {"train/loss": list(enumerate(losses, 1))}
    if held_out is not None:
        curves[name] = [(epoch * EPOCH, value) for epoch, value in enumerate(held_out, 1)]
    return advise(curves)


def noisy(values: list[float], amount: float = 0.03) -> list[float]:
    source = random.Random(0)
    return [value + source.gauss(0, amount) for value in values]


FALLING = noisy([2.3 * math.exp(-step / 150) + 0.02 for step in range(STEPS)])


def test_a_run_that_learns_gets_no_advice() -> None:
    assert run_of(FALLING, [2.0, 1.5, 1.2, 1.0, 0.8, 0.7, 0.6, 0.5, 0.45, 0.4]) == []


@pytest.mark.parametrize("steps", [0, 1, 20])
def test_what_is_too_short_is_not_judged(steps: int) -> None:
    assert run_of([1.0] * steps) == []


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_a_loss_that_is_no_number_diverges_where_it_begins(bad: float) -> None:
    (found,) = run_of([*FALLING[:100], bad, bad])
    assert (found.kind, found.first_step, found.last_step) == ("divergence", 101, 102)


def test_a_loss_that_leaves_its_lowest_level_diverges() -> None:
    (found,) = run_of(noisy([abs(step - 100) / 100 + 0.5 for step in range(STEPS)]))
    assert found.kind == "divergence"
    assert 80 <= found.first_step <= 160
    assert found.last_step == STEPS


def test_noise_is_no_divergence() -> None:
    assert [each.kind for each in run_of(noisy([1.0] * STEPS, 0.3))] != ["divergence"]


def test_a_loss_that_hardly_falls_under_fits() -> None:
    (found,) = run_of(noisy([2.3 - 0.0002 * step for step in range(STEPS)]))
    assert (found.kind, found.first_step, found.last_step) == ("under-fitting", 1, STEPS)


def test_a_loss_that_stands_still_is_a_plateau_from_there() -> None:
    (found,) = run_of(noisy([max(0.8, 2.3 - 0.015 * step) for step in range(STEPS)], 0.005))
    assert found.kind == "plateau"
    assert 80 <= found.first_step <= 161


def test_a_loss_near_zero_is_learned_and_no_plateau() -> None:
    assert run_of([2.3 * math.exp(-step / 10) for step in range(STEPS)]) == []


@pytest.mark.parametrize("name", ["validation/loss", "printed/val_loss", "logged/eval_loss", "printed/val loss"])
def test_over_fitting_is_told_from_the_best_evaluation_on(name: str) -> None:
    (found,) = run_of(FALLING, [2.0, 1.5, 1.2, 1.1, 1.15, 1.25, 1.4, 1.5, 1.6, 1.8], name)
    assert (found.kind, found.metric, found.first_step, found.last_step) == ("over-fitting", name, 160, 400)
    assert "1.1" in found.words
    assert any("early_stopping" in each for each in found.suggestions)


def test_one_bad_evaluation_is_no_over_fitting() -> None:
    assert run_of(FALLING, [2.0, 1.5, 1.2, 1.1, 1.15, 1.12, 1.11, 1.1, 1.12, 1.8]) == []


def test_a_held_out_loss_that_rises_with_the_training_loss_is_no_over_fitting() -> None:
    rising = noisy([abs(step - 100) / 100 + 0.5 for step in range(STEPS)])
    kinds = [each.kind for each in run_of(rising, [1.0, 0.5, 0.8, 1.2, 1.6, 2.0, 2.4, 2.8, 3.2, 3.6])]
    assert kinds == ["divergence"]


def test_dead_modules_are_named() -> None:
    layers = [LayerFinding("blocks.1", "dead", 40, "…"), LayerFinding("head", "exploding", 50, "…")]
    (found,) = advise({}, layers)
    assert (found.kind, found.first_step, found.last_step) == ("dead units", 40, 40)
    assert "blocks.1" in found.words
    assert "head" not in found.words


def test_a_run_in_a_folder_is_shown_with_its_advice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    request = TrainRequest(Recipe(ModelSettings("net.py::Net"), DataSettings("data.py::digits")), str(tmp_path))
    folder = runs.create_run(runs.find_runs_root(str(tmp_path), (str(tmp_path),)), request)
    writer = runs.MetricWriter(folder)
    for step in range(1, 61):
        writer.append(step, 0, {"train/loss": 1.0 if step < 60 else math.nan})
    writer.close()
    monkeypatch.chdir(tmp_path)
    assert main(["runs", "show", folder.name]) == 0
    assert "divergence (steps 60 to 60): The loss is not a finite number since step 60." in capsys.readouterr().out


def test_curves_are_the_rows_also_after_a_resume_and_a_torn_line(tmp_path: Path) -> None:
    for resumed_at in (None, 3):
        writer = runs.MetricWriter(tmp_path, resumed_at=resumed_at)
        for step in range(1 if resumed_at is None else 4, 8):
            writer.append(step, 0, {"train/loss": 1.0 / step, "validation/loss": math.inf})
        writer.close()
    with open(tmp_path / "metrics.0.jsonl", "a") as file:
        file.write('no row\n{"step": 8, "time": 0, "epoch": 0, "values": {"train/lo')
    rows, _ = runs.read_metrics(tmp_path)
    curves = runs.read_curves(tmp_path)
    assert len(rows) == 7
    assert curves == {
        name: [(row.step, float(row.values[name])) for row in rows] for name in ("train/loss", "validation/loss")
    }
