"""Code that would take its process, or the machine, down: the analyst says what happened and goes on."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from pymodel.schema import Diagnostic, Failed, Finished, Traced

from .analyst import FIXTURES, HEALTHY, Analyst, Event, marked_line

PLACES = ("forward", "init", "at_import")
SURVIVED = ("print", "sys_exit", "fork_loop", "terabyte", "deep_recursion", "kill_itself")
DEADLY = {"exit_at_once": "exited", "segfault": "crashed", "endless_loop": "timeout", "c_level_hang": "timeout"}


def test_every_killer_is_tested() -> None:
    assert {path.stem for path in (FIXTURES / "killers").glob("*.py")} == {*SURVIVED, *DEADLY}


def prepare(folder: Path, killer: str, place: str) -> Path:
    shutil.copy(FIXTURES / "killers" / f"{killer}.py", folder / "strike.py")
    return Path(shutil.copy(FIXTURES / "hosts" / f"{place}.py", folder / "net.py"))


def diagnostics_of(said: list[Event]) -> list[Diagnostic]:
    found: list[Diagnostic] = []
    for event in said:
        found += event.trace.diagnostics if isinstance(event, Traced) else ()
        found += event.diagnostics if isinstance(event, Finished) else ()
    return found


def assert_still_serves(analyst: Analyst, folder: Path) -> None:
    healthy = folder / "fine.py"
    healthy.write_text(HEALTHY, encoding="utf-8")
    traces = [event.trace for event in analyst.analyse(healthy) if isinstance(event, Traced)]
    assert [trace.status for trace in traces] == ["complete"]
    assert any(value.name == "y" and value.dims == ("B", 5) for value in traces[0].values)


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("killer", SURVIVED)
def test_what_python_can_stop_becomes_a_diagnostic(analyst: Analyst, killer: str, place: str, tmp_path: Path) -> None:
    path = prepare(tmp_path, killer, place)
    starts = (analyst.start(), analyst.starts)[1]
    said = analyst.analyse(path)
    assert isinstance(said[-1], Finished), said[-1]
    found = [each for each in diagnostics_of(said) if each.severity != "hint"]
    if killer == "print":
        assert not found
    else:
        strike = tmp_path / "strike.py"
        lines = (1, 2, 6) if killer == "deep_recursion" else (marked_line(strike),)  # any of its frames may be the last
        assert any(each.path == str(strike) and each.start.line in lines for each in found), found
    assert_still_serves(analyst, tmp_path)
    assert analyst.starts == starts


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("killer", DEADLY)
def test_what_kills_a_child_is_told_and_placed(zygote: Analyst, killer: str, place: str, tmp_path: Path) -> None:
    path = prepare(tmp_path, killer, place)
    starts = (zygote.start(), zygote.starts)[1]
    failed = zygote.analyse(path)[-1]
    assert isinstance(failed, Failed), failed
    assert failed.code == DEADLY[killer]
    assert failed.target == (None if place == "at_import" else f"{path}::Net")
    assert failed.reason
    strike = tmp_path / "strike.py"
    assert failed.path == str(strike)
    assert failed.line in ((2, 3) if killer == "endless_loop" else (marked_line(strike),))
    assert_still_serves(zygote, tmp_path)
    assert zygote.starts == starts


@pytest.mark.parametrize("killer", DEADLY)
def test_what_kills_a_persistent_worker_leaves_a_next_one(persistent: Analyst, killer: str, tmp_path: Path) -> None:
    said = persistent.analyse(prepare(tmp_path, killer, "forward"))
    assert persistent.process is not None
    assert persistent.process.wait(20) != 0
    if killer == "endless_loop":
        assert isinstance(said[-1], Failed)
        assert (said[-1].code, said[-1].path) == ("timeout", str(tmp_path / "strike.py"))
    assert_still_serves(persistent, tmp_path)


def test_no_process_is_left_behind(zygote: Analyst, tmp_path: Path) -> None:
    zygote.analyse(prepare(tmp_path, "exit_at_once", "forward"))
    assert zygote.process is not None
    children = Path(f"/proc/{zygote.process.pid}/task/{zygote.process.pid}/children").read_text()
    assert children.split() == []
    assert os.waitpid(zygote.process.pid, os.WNOHANG) == (0, 0)
