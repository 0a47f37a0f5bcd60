"""Runs that wait for their turn: one at a time on a device, oldest first, and each is started by one server alone."""

from __future__ import annotations

import os
import threading
import time
from dataclasses import replace
from pathlib import Path

import pytest

from pymodel import runs
from pymodel.schema import ComputeSettings, DataSettings, ModelSettings, Recipe, Run, TrainRequest


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return runs.find_runs_root(str(tmp_path), (str(tmp_path),))


def create(root: Path, age: float = 0.0, *, device: str = "auto", waits: bool = True) -> Path:
    recipe = Recipe(ModelSettings("net.py::Net"), DataSettings("random"), compute=ComputeSettings(device=device))
    folder = runs.create_run(root, TrainRequest(recipe, "/work"))
    run = runs.read_run(folder)
    runs.write_run(folder, replace(run, started=run.started - age, updated=run.updated - age))
    if waits:
        runs.let_wait(folder)
    return folder


def set_state(folder: Path, state: str) -> Run:
    process = runs.describe_process(os.getpid())
    run = replace(runs.read_run(folder), state=state, process=process)  # type: ignore[arg-type]
    runs.write_run(folder, run)
    return run


def take(root: Path) -> list[Path]:
    return [folder for folder, _ in runs.take_next(root)]


def test_the_oldest_starts_when_the_one_before_has_ended_in_any_way(root: Path) -> None:
    working = create(root, waits=False)
    later, first = create(root, 10), create(root, 20)
    for state in ("running", "paused", "queued"):
        set_state(working, state)
        assert take(root) == []
    set_state(working, "failed")
    assert take(root) == [first]
    assert take(root) == [], "the first has still to get its process"
    set_state(first, "running")
    assert take(root) == []
    set_state(first, "completed")
    assert take(root) == [later]


def test_runs_on_other_devices_do_not_wait_for_each_other(root: Path) -> None:
    working = create(root, waits=False, device="cuda:0")
    set_state(working, "running")
    same, other, any_one = create(root, 30, device="cuda:0"), create(root, 20, device="cuda:1"), create(root, 10)
    assert take(root) == [other]
    set_state(other, "running")
    set_state(working, "stopped")
    assert take(root) == [same]
    for folder in (same, other):
        set_state(folder, "completed")
    assert take(root) == [any_one]


def test_a_run_that_never_got_its_process_holds_nobody_up(root: Path) -> None:
    lost, waiting = create(root, 1000, waits=False), create(root)
    assert runs.find_at_work(root, runs.read_run(waiting)) is None
    assert take(root) == [waiting]
    assert runs.read_run(lost).state == "queued"


def test_a_waiting_run_is_cancelled_and_does_not_wait_when_it_goes_on_later(root: Path) -> None:
    folder = create(root)
    assert runs.is_waiting(folder, runs.read_run(folder))
    runs.stop_run(folder)
    assert runs.read_run(folder).state == "stopped"
    assert take(root) == []
    runs.queue_again(folder)
    assert not runs.is_waiting(folder, runs.read_run(folder))


def test_of_several_servers_one_starts_a_run(root: Path) -> None:
    folders = {create(root, number, device=f"cuda:{number}") for number in range(20)}
    taken: list[Path] = []
    threads = [threading.Thread(target=lambda: taken.extend(take(root))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(taken) == sorted(folders)
    assert time.time() - runs.read_run(taken[0]).updated < 60
