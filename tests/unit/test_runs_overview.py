"""A very long run is thinned, and what is rare or extreme in it is still there."""

from __future__ import annotations

import math
from pathlib import Path

from pymodel import runs
from pymodel.runs.overview import LONG, STRETCHES

STEPS = 3 * LONG


def write(folder: Path, first: int, last: int, *, resumed_at: int | None = None) -> None:
    writer = runs.MetricWriter(folder, resumed_at=resumed_at)
    for step in range(first, last + 1):
        loss = {777: 50.0, 888: -1.0, 999: math.nan}.get(step, 1 + math.sin(step / 50) / 10)
        writer.append(step, step // 1000, {"train/loss": loss, "learning_rate": 0.1}, at=0.0)
        if step % 1000 == 0:
            writer.append(step, step // 1000, {"validation/loss": loss, "validation/accuracy": 0.5}, at=0.0)
    writer.close()


def test_a_run_that_is_not_long_is_whole(tmp_path: Path) -> None:
    assert runs.read_overview(tmp_path) is None
    write(tmp_path, 1, 1000)
    assert runs.read_overview(tmp_path) is None


def test_extremes_and_what_is_rare_are_kept(tmp_path: Path) -> None:
    write(tmp_path, 1, STEPS)
    found = runs.read_overview(tmp_path)
    assert found is not None
    rows, following, thinned = found
    assert (following, thinned) == (STEPS + STEPS // 1000, (STEPS + STEPS // 1000) // STRETCHES)
    assert len(rows) < 3 * STRETCHES
    by_step = {row.step: row.values["train/loss"] for row in rows if "train/loss" in row.values}
    assert (by_step[1], by_step[777], by_step[888], by_step[999]) == (1.0019998666693333, 50.0, -1.0, "nan")
    assert max(by_step) >= STEPS - thinned
    assert [row.step for row in rows if "validation/loss" in row.values] == list(range(1000, STEPS + 1, 1000))
    assert [row.step for row in rows] == sorted(row.step for row in rows)
    assert runs.read_metrics(tmp_path, following) == ([], following)


def test_what_a_resume_took_back_is_gone(tmp_path: Path) -> None:
    write(tmp_path, 1, STEPS)
    write(tmp_path, 501, 600, resumed_at=500)
    found = runs.read_overview(tmp_path)
    assert found is not None
    assert max(row.step for row in found[0]) == 600
    assert all(float(row.values.get("train/loss", 0)) < 2 for row in found[0])


def test_lines_of_several_forms_are_each_thinned(tmp_path: Path) -> None:
    writer = runs.MetricWriter(tmp_path)
    for step in range(1, LONG + 1):
        name = "d_loss" if step % 2 else "g_loss"
        values = {name: step % 97} if step % 2 else {name: -(step % 89), "learning_rate": 0.1}
        writer.append(step, 0, {key: float(value) for key, value in values.items()}, at=0.0)
    writer.append(LONG + 1, 0, {'a "quoted" name': 1.0}, at=0.0)
    writer.close()
    with (tmp_path / "metrics.0.jsonl").open("a") as file:
        file.write("no row\n" * LONG)
    found = runs.read_overview(tmp_path)
    assert found is not None
    curves: dict[str, list[float]] = {}
    for row in found[0]:
        for name, value in row.values.items():
            curves.setdefault(name, []).append(float(value))
    assert (max(curves["d_loss"]), min(curves["g_loss"])) == (96, -88)
    assert 1000 < len(curves["d_loss"]) < LONG / 3
    assert curves['a "quoted" name'] == [1.0]
