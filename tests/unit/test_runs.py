from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from pymodel import runs
from pymodel.runs.atomic import replacing
from pymodel.schema import (
    DataSettings,
    ExportRequest,
    ModelSettings,
    Process,
    PyModelError,
    Recipe,
    Run,
    RunSettings,
    TrainRequest,
)

RECIPE = Recipe(ModelSettings("net.py::Net"), DataSettings("data.py::digits"), run=RunSettings(epochs=3))
REQUEST = TrainRequest(RECIPE, "/work")
ROOT = str(Path(__file__).parents[2])


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return runs.create_run(runs.find_runs_root(str(tmp_path / "net.py"), (str(tmp_path),)), REQUEST)


# The kernel itself ends it: Python's own handler would not, for a signal that comes just before the pause.
SLEEP = """
import signal
signal.signal(signal.SIGINT, signal.SIG_DFL)
print("ready", flush=True)
signal.pause()
"""


@pytest.fixture
def sleeper() -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen(
        [sys.executable, "-c", SLEEP],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    assert process.stdout is not None
    process.stdout.readline()
    yield process
    process.kill()
    process.wait()


def identity(pid: int) -> Process:
    process = runs.describe_process(pid)
    assert process is not None
    return process


def running(folder: Path, process: Process | None) -> Run:
    run = replace(runs.read_run(folder), state="running", process=process)
    runs.write_run(folder, run)
    return run


def test_a_new_run_is_queued_and_git_never_sees_it(folder: Path, tmp_path: Path) -> None:
    run = runs.read_run(folder)
    assert (run.state, run.kind, run.epochs, run.id) == ("queued", "train", 3, folder.name)
    assert runs.read_request(run) == REQUEST
    assert (tmp_path / ".pymodel/.gitignore").read_text() == "*\n"
    assert [path.name for path in tmp_path.iterdir()] == [".pymodel"]


def test_runs_belong_to_the_innermost_folder_or_stand_beside_the_file(tmp_path: Path) -> None:
    outer, inner = tmp_path / "outer", tmp_path / "outer/inner"
    inner.mkdir(parents=True)
    path = str(inner / "net.py")
    assert runs.find_runs_root(path, (str(outer), str(inner))) == inner / ".pymodel/runs"
    assert runs.find_runs_root(path, (str(outer), str(tmp_path / "out"))) == outer / ".pymodel/runs"
    assert runs.find_runs_root(path) == inner / ".pymodel/runs"
    assert not (inner / ".pymodel").exists()


def test_a_run_folder_is_not_used_twice(tmp_path: Path) -> None:
    folder = runs.initialise_run(tmp_path / "mine", ExportRequest("net.py::Net"))
    assert runs.read_run(folder).kind == "export"
    with pytest.raises(PyModelError, match="already"):
        runs.initialise_run(folder, REQUEST)


def test_runs_are_listed_newest_first_and_what_is_none_is_left_out(folder: Path) -> None:
    other = runs.create_run(folder.parent, REQUEST)
    runs.write_run(other, replace(runs.read_run(other), started=time.time() + 60))
    (folder.parent / "empty").mkdir()
    (folder.parent / "broken").mkdir()
    (folder.parent / "broken/run.json").write_text('{"id": 3')
    assert [path for path, _ in runs.list_runs(folder.parent)] == [other, folder]
    assert runs.list_runs(folder / "nowhere") == []
    with pytest.raises(runs.RunNotFound, match="no run"):
        runs.read_run(folder.parent / "empty")


def test_killed_at_any_moment_run_json_is_whole(folder: Path) -> None:
    writer = (
        "import sys; from dataclasses import replace; from pathlib import Path; from pymodel import runs\n"
        "folder = Path(sys.argv[1]); run = runs.read_run(folder); step = 0\n"
        "while True:\n"
        "    step += 1; runs.write_run(folder, replace(run, last_step=step)); print(step, flush=True)\n"
    )
    for delay in (0, 1, 2, 3, 5, 8):
        process = subprocess.Popen(
            [sys.executable, "-c", writer, str(folder)], stdout=subprocess.PIPE, text=True, cwd=ROOT
        )
        assert process.stdout is not None
        acknowledged = [int(process.stdout.readline()) for _ in range(3 + delay)][-1]
        process.kill()
        process.wait()
        assert json.loads((folder / "run.json").read_text())["last_step"] >= acknowledged


def test_a_replacement_that_fails_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "file"
    runs.write_atomically(path, b"old")

    def fail_half_way() -> None:
        with replacing(path) as temporary:
            temporary.write_bytes(b"ne")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail_half_way()
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_interrupted_is_derived_from_the_process(folder: Path, sleeper: subprocess.Popen[bytes]) -> None:
    process = identity(sleeper.pid)
    running(folder, process)
    assert runs.read_run(folder).state == "running"
    for other in (
        replace(process, start_time=process.start_time - 5),
        replace(process, boot_id="an earlier boot"),
        None,
    ):
        running(folder, other)
        assert runs.read_run(folder).state == "interrupted"
    running(folder, process)
    sleeper.kill()
    os.waitid(os.P_PID, sleeper.pid, os.WEXITED | os.WNOWAIT)  # dead, and still a zombie
    assert runs.read_run(folder).state == "interrupted"
    assert json.loads((folder / "run.json").read_text())["state"] == "running"
    with pytest.raises(ValueError, match="never written"):
        runs.write_run(folder, runs.read_run(folder))


def test_stop_interrupts_the_job_and_nothing_else(folder: Path, sleeper: subprocess.Popen[bytes]) -> None:
    running(folder, identity(sleeper.pid))
    runs.stop_run(folder)
    assert sleeper.wait(timeout=10) == -signal.SIGINT
    with pytest.raises(PyModelError, match="interrupted"):
        runs.stop_run(folder)


def test_stop_takes_a_queued_run_out_of_the_queue(folder: Path) -> None:
    runs.stop_run(folder)
    assert runs.read_run(folder).state == "stopped"


def test_rows_are_read_on_from_where_one_stopped(tmp_path: Path) -> None:
    writer = runs.MetricWriter(tmp_path)
    writer.append(1, 1, {"train/loss": 0.5, "validation/loss": float("nan")})
    writer.append(2, 1, {"train/loss": float("-inf")})
    assert runs.read_metrics(tmp_path) == ([], 0)
    writer.flush()
    rows, following = runs.read_metrics(tmp_path)
    assert [row.values for row in rows] == [
        {"train/loss": 0.5, "validation/loss": "nan"},
        {"train/loss": "-inf"},
    ]
    writer.append(3, 2, {"train/loss": 0.25})
    writer.close()
    assert [row.step for row in runs.read_metrics(tmp_path, following)[0]] == [3]
    assert runs.read_metrics(tmp_path / "nowhere") == ([], 0)


def test_a_torn_last_line_is_ignored_then_cut(tmp_path: Path) -> None:
    writer = runs.MetricWriter(tmp_path)
    writer.append(1, 1, {"train/loss": 0.5})
    writer.close()
    path = tmp_path / "metrics.0.jsonl"
    path.write_bytes(path.read_bytes() + b'{"step": 2, "time": 1.0, "ep')
    rows, following = runs.read_metrics(tmp_path)
    assert ([row.step for row in rows], following) == ([1], 1)
    writer = runs.MetricWriter(tmp_path)
    writer.append(2, 1, {"train/loss": 0.4})
    writer.close()
    assert [row.step for row in runs.read_metrics(tmp_path, following)[0]] == [2]


def test_a_resume_takes_back_what_came_after_its_checkpoint(tmp_path: Path) -> None:
    writer = runs.MetricWriter(tmp_path)
    for step in range(1, 6):
        writer.append(step, 1, {"train/loss": 1.0})
    writer.close()
    writer = runs.MetricWriter(tmp_path, resumed_at=3)
    writer.append(4, 1, {"train/loss": 2.0})
    writer.close()
    rows, following = runs.read_metrics(tmp_path)
    assert [(row.step, row.values["train/loss"]) for row in rows] == [(1, 1.0), (2, 1.0), (3, 1.0), (4, 2.0)]
    assert following == 7
