"""Whatever fails in the monitor or under it, the script ends as it would: the same output, weights and exit code."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from pymodel import runs
from pymodel.schema import Run

from .scripts import Ended, Scripts


@pytest.fixture(scope="module")
def scripts() -> Iterator[Scripts]:
    warm = Scripts()
    yield warm
    warm.close()


@pytest.fixture(scope="module")
def plain(scripts: Scripts, tmp_path_factory: pytest.TempPathFactory) -> Ended:
    return scripts.run(tmp_path_factory.mktemp("plain"), "nanogpt.py", plain=True)


def wait_for_step(folder: Path, step: int, seconds: float = 120) -> Run:
    """The run once it has come to a step."""
    deadline = time.monotonic() + seconds
    while True:
        with contextlib.suppress(runs.RunNotFound):
            if (run := runs.read_run(folder)).last_step >= step:
                return run
        assert time.monotonic() < deadline
        time.sleep(0.05)


def assert_same(ended: Ended, plain: Ended) -> None:
    assert ended.code == plain.code == 0, ended.errors
    assert ended.output == plain.output
    assert ended.errors == plain.errors
    assert (ended.folder / "weights.pt").read_bytes() == (plain.folder / "weights.pt").read_bytes()


HOOKS = (
    "steps",
    "losses",
    "losses under a gradient scaler",
    "cleared gradients",
    "the gradient norm of clipping",
    "optimizers",
    "outputs of layers",
    "the first NaN",
    "printed values",
    "torch",
)


@pytest.mark.parametrize("hook", [*HOOKS, "all"])
def test_a_hook_that_raises_changes_nothing(hook: str, scripts: Scripts, plain: Ended, tmp_path: Path) -> None:
    ended = scripts.run(tmp_path, "nanogpt.py", faulty=hook)
    assert_same(ended, plain)
    broken = (tmp_path / "broken.txt").read_text().splitlines()
    assert broken
    assert hook in ("all", broken[0])
    known = runs.read_monitored(ended.run)
    assert known is not None
    assert any("a fault that was put in" in gap.why for gap in known.gaps)
    if hook != "torch" and hook != "all":
        assert len(broken) <= 20


def test_loaders_hooks_that_raise_change_nothing(scripts: Scripts, tmp_path: Path) -> None:
    plain = scripts.run(tmp_path / "plain", "mnist.py", plain=True)
    for hook in ("batches", "passes over the data"):
        ended = scripts.run(tmp_path / hook, "mnist.py", faulty=hook)
        assert_same(ended, plain)
        assert hook in (tmp_path / hook / "broken.txt").read_text()


def test_a_full_disk_changes_nothing(scripts: Scripts, tmp_path: Path) -> None:
    full = scripts.run(tmp_path / "full", "endless_rows.py", max_bytes=2000)
    assert full.code == 0, full.errors
    assert full.output == b"done\n"
    assert (full.run / "metrics.0.jsonl").stat().st_size <= 2000
    known = runs.read_monitored(full.run)
    assert known is not None
    assert any(gap.what == "some rows" and "written" in gap.why for gap in known.gaps)


def test_a_removed_folder_changes_nothing(scripts: Scripts, tmp_path: Path) -> None:
    pid = scripts.start(tmp_path, "endless_rows.py", "wait")
    wait_for_step(tmp_path / "run", 1)
    shutil.rmtree(tmp_path / "run")
    (tmp_path / "go").touch()
    ended = Ended(tmp_path, scripts.wait(pid))
    assert (ended.code, ended.output, ended.errors) == (0, b"done\n", "")
    assert not ended.run.exists()


def test_without_a_folder_the_script_runs_and_is_told(scripts: Scripts, plain: Ended, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    ended = scripts.run(tmp_path, "nanogpt.py", options=("--run-dir", "file/below"))
    assert (ended.code, ended.output) == (0, plain.output)
    assert "this run is not recorded" in ended.errors


def test_a_crash_is_the_script_s_own(scripts: Scripts, tmp_path: Path) -> None:
    ended = scripts.run(tmp_path / "run", "crash.py")
    plain = scripts.run(tmp_path / "plain", "crash.py", plain=True)
    assert ended.code == plain.code == 1
    assert ended.errors.replace("/run/", "/plain/") == plain.errors
    run = runs.read_run(ended.run)
    assert (run.state, run.last_step) == ("failed", 8)
    assert run.error is not None
    assert (run.error.message, run.error.line) == ("ValueError: step 7 is one too many", 18)


def test_an_interrupt_is_the_script_s_own(scripts: Scripts, tmp_path: Path) -> None:
    pid = scripts.start(tmp_path, "endless.py")
    run = wait_for_step(tmp_path / "run", 6)
    assert run.state == "running"
    os.kill(pid, signal.SIGINT)
    assert scripts.wait(pid) == -signal.SIGINT
    ended = Ended(tmp_path, 0)
    assert "KeyboardInterrupt" in ended.errors.splitlines()[-1]
    assert "pymodel" not in ended.errors
    run = runs.read_run(ended.run)
    assert run.state == "stopped"
    rows, _ = runs.read_metrics(ended.run)
    assert rows[-1].step == run.last_step
