"""Whatever happens to a training, nothing that it learned is lost, and what happened is told in words."""

from __future__ import annotations

import hashlib
import json
import os
import random
import shutil
import signal
import stat
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO

import pytest
import torch

from pymodel import runs
from pymodel.train.checkpoint import find_checkpoint

from .jobs import wait_until
from .trainings import FOLDER, log_of, losses_of, net_request, weights_of
from .warm import Warm

KILLS = 100 if os.environ.get("SOAK") else 8
REMOVALS = 40 if os.environ.get("SOAK") else 8
NOBODY = 65534


@pytest.fixture(scope="module")
def warm() -> Iterator[Warm]:
    process = Warm()
    yield process
    process.close()


def new(root: Path, **settings: object) -> Path:
    return runs.create_run(root, net_request(**settings))


def test_killed_at_any_moment(tmp_path: Path, warm: Warm) -> None:
    """The last checkpoint that was finished loads; no line is torn; the run is interrupted, and goes on."""
    folder = new(tmp_path, run__epochs=100_000)
    chance = random.Random(0)
    for _ in range(KILLS):
        pid = warm.start(folder)
        begun = runs.read_run(folder).last_step
        beyond = begun + chance.randrange(1, 60)
        wait_until(folder, lambda run, beyond=beyond: run.last_step >= beyond or run.state == "failed")  # type: ignore[misc]
        os.kill(pid, signal.SIGKILL)
        assert warm.wait(pid) == -signal.SIGKILL
        assert runs.read_run(folder).state == "interrupted", log_of(folder)
        check_checkpoint(find_checkpoint(folder, "last"))
        lines = (folder / "metrics.0.jsonl").read_bytes().split(b"\n")
        assert all(json.loads(line) for line in lines[:-1])
        rows, _ = runs.read_metrics(folder)
        steps = [row.step for row in rows if "train/loss" in row.values]
        assert steps == list(range(1, len(steps) + 1))
        runs.queue_again(folder)


def check_checkpoint(path: Path) -> None:
    manifest = json.loads((path / "manifest.json").read_text())
    for name, described in manifest["files"].items():
        assert hashlib.sha256((path / name).read_bytes()).hexdigest() == described["sha256"]
    assert "head.weight" in torch.load(path / "weights.pt", weights_only=True)
    assert torch.load(path / "state.pt", weights_only=True)["step"] == manifest["step"]


def test_a_full_disk_is_waited_for(tmp_path: Path, warm: Warm) -> None:
    """A disk of its own, filled while the training runs, and freed again: not a row is missing."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=600k", "none", str(disk)], capture_output=True)
    if mounted.returncode:  # no right to mount: a limit of file sizes refuses writes just as well
        limit_file_sizes(tmp_path, warm)
        return
    try:
        folder = new(disk / "runs", run__epochs=100_000)
        log = tmp_path / "log.txt"
        (folder / "log.txt").symlink_to(log)
        pid = warm.start(folder)
        wait_until(folder, lambda run: run.last_step > 20)
        with open(disk / "filler", "wb", buffering=0) as filler:
            fill(filler)
            wait_for(lambda: "No space left" in log.read_text())
        (disk / "filler").unlink()
        before = runs.read_run(folder).last_step
        wait_until(folder, lambda run: run.last_step > before)
        runs.stop_run(folder)
        assert warm.wait(pid) == 0
        steps = [row.step for row in runs.read_metrics(folder)[0] if "train/loss" in row.values]
        assert steps == list(range(1, runs.read_run(folder).last_step + 1))
        check_checkpoint(find_checkpoint(folder, "last"))
        assert log.read_text().count("nothing can be written") >= 1
    finally:
        subprocess.run(["umount", str(disk)], check=True)


def limit_file_sizes(tmp_path: Path, warm: Warm) -> None:
    folder = new(tmp_path, run__epochs=100_000)
    pid = warm.start(folder)
    wait_until(folder, lambda run: run.last_step > 20)
    limits = ["prlimit", f"--pid={pid}", "--fsize=1000:unlimited"]
    subprocess.run(limits, check=True)
    wait_for(lambda: "nothing can be written" in log_of(folder) or runs.read_run(folder).state != "running")
    subprocess.run(["prlimit", f"--pid={pid}", "--fsize=unlimited:unlimited"], check=True)
    runs.stop_run(folder)
    assert warm.wait(pid) == 0
    check_checkpoint(find_checkpoint(folder, "last"))


def fill(file: IO[bytes]) -> None:
    block = b"x" * 4096
    try:
        while True:
            file.write(block)
    except OSError:
        return


def wait_for(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 120
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_a_folder_that_cannot_be_written_is_told_before_anything_runs(tmp_path: Path, warm: Warm) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(runs.FolderNotWritable, match=r"No run can be kept here.*--run-dir"):
        new(tmp_path / "file" / "runs")


def test_a_folder_that_becomes_read_only_loses_nothing(tmp_path: Path, warm: Warm) -> None:
    folder = new(tmp_path, run__epochs=100_000)
    for path in (*tmp_path.parents[:3], tmp_path):
        if os.getuid() == 0 and path != Path("/tmp"):
            path.chmod(0o777)
    give_away(folder)
    pid = warm.start(folder, NOBODY if os.getuid() == 0 else 0)
    wait_until(folder, lambda run: run.last_step > 20 or run.state == "failed")
    folder.chmod(0o555)
    wait_for(lambda: "Permission denied" in log_of(folder))
    folder.chmod(0o777)
    before = runs.read_run(folder).last_step
    wait_until(folder, lambda run: run.last_step > before)
    os.kill(pid, signal.SIGINT)
    assert warm.wait(pid) == 0
    check_checkpoint(find_checkpoint(folder, "last"))


def give_away(folder: Path) -> None:
    if os.getuid():
        return
    for path in (folder, *folder.rglob("*")):
        os.chown(path, NOBODY, NOBODY)
        path.chmod(stat.S_IMODE(path.stat().st_mode) | 0o666)


def test_a_folder_that_is_removed_is_made_again_for_what_was_learned(tmp_path: Path, warm: Warm) -> None:
    """Also where it is removed while a checkpoint is being written."""
    for number in range(REMOVALS):
        folder = new(tmp_path, run__epochs=100_000)
        pid = warm.start(folder)
        wait_until(folder, lambda run, beyond=20 + number: run.last_step > beyond)  # type: ignore[misc]
        folder.rename(tmp_path / "elsewhere")
        assert warm.wait(pid) == 1
        run = runs.read_run(folder)
        assert run.state == "failed"
        assert run.error is not None
        assert "folder was removed" in run.error.message
        check_checkpoint(find_checkpoint(folder, "last"))
        shutil.rmtree(tmp_path / "elsewhere")


@pytest.mark.parametrize("workers", [0, 2])
def test_an_item_that_cannot_be_made_is_named_with_its_line(tmp_path: Path, warm: Warm, workers: int) -> None:
    folder = new(tmp_path, data__source="data.py::Broken", data__workers=workers)
    assert warm.run(folder) == 1
    run = runs.read_run(folder)
    assert run.error is not None
    assert run.error.message.startswith("Item 17 of the data set: ValueError: the scan of this patient is empty")
    assert "Traceback" not in run.error.message
    assert run.error.path == str(FOLDER / "data.py")
    line = next(
        n for n, text in enumerate((FOLDER / "data.py").read_text().split("\n"), 1) if "raise ValueError" in text
    )
    assert run.error.line == line
    assert runs.read_metrics(folder)[0] or run.last_step == 0
    if run.last_step:
        assert torch.load(folder / "checkpoints/last/state.pt", weights_only=True)["step"] == run.last_step


def test_a_loss_that_is_no_number_ends_it_with_the_step_and_advice(tmp_path: Path, warm: Warm) -> None:
    folder = new(tmp_path, model__target="net.py::Explodes", run__epochs=100_000)
    assert warm.run(folder) == 1
    run = runs.read_run(folder)
    assert run.error is not None
    assert "since step 1, at a learning rate of 0.01" in run.error.message
    assert "clip_norm" in run.error.message
    assert set(losses_of(folder)) <= {"nan", "inf", "-inf"}
    assert not (folder / "checkpoints").exists()


def test_what_no_checkpoint_can_hold_is_told_before_the_first_step(tmp_path: Path, warm: Warm) -> None:
    folder = new(tmp_path, model__target="net.py::Unsavable")
    assert warm.run(folder) == 1
    run = runs.read_run(folder)
    assert run.error is not None
    assert "`_extra_state`, function" in run.error.message
    assert run.last_step == 0


def test_a_stop_saves_and_the_weights_load(tmp_path: Path, warm: Warm) -> None:
    folder = new(tmp_path, run__epochs=100_000)
    pid = warm.start(folder)
    wait_until(folder, lambda run: run.last_step > 20)
    runs.stop_run(folder)
    assert warm.wait(pid) == 0
    assert runs.read_run(folder).state == "stopped"
    assert "head.weight" in weights_of(folder)
