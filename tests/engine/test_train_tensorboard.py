"""A run's event files hold what the run holds, by TensorBoard's own reader; and so does its CSV."""

from __future__ import annotations

import csv
import io
from pathlib import Path

from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from pymodel import runs
from pymodel.train.tensorboard import write_events

from .trainings import train_new


def test_tensorboard_reads_every_value(tmp_path: Path) -> None:
    folder = train_new(tmp_path / "runs")
    count = write_events(folder, tmp_path / "events")
    reader = EventAccumulator(str(tmp_path / "events"), size_guidance={"scalars": 0})
    reader.Reload()
    rows, _ = runs.read_metrics(folder)
    expected: dict[str, list[tuple[int, float]]] = {}
    for row in rows:
        for name, value in row.values.items():
            expected.setdefault(name, []).append((row.step, float(value)))
    assert count == sum(map(len, expected.values()))
    assert set(reader.Tags()["scalars"]) == set(expected)
    for name, points in expected.items():
        found = [(event.step, event.value) for event in reader.Scalars(name)]
        assert [step for step, _ in found] == [step for step, _ in points]
        assert all(
            abs(value - point) <= 1e-6 * abs(point) for (_, value), (_, point) in zip(found, points, strict=True)
        )


def test_csv_has_a_column_per_metric(tmp_path: Path) -> None:
    folder = train_new(tmp_path)
    table = list(csv.DictReader(io.StringIO(runs.metrics_csv(folder))))
    rows, _ = runs.read_metrics(folder)
    assert len(table) == len(rows)
    assert {"step", "epoch", "time", "train/loss", "validation/accuracy"} <= set(table[0])
    assert [float(row["train/loss"]) for row in table if row["train/loss"]] == [
        row.values["train/loss"] for row in rows if "train/loss" in row.values
    ]
