"""An analysis changes nothing: each attempt ends in a diagnostic on its line, and has no effect."""

from __future__ import annotations

import shutil
import socket
import subprocess
from pathlib import Path

import pytest

from .analyst import FIXTURES, Analyst, marked_line
from .test_worker_killers import diagnostics_of

STRIKES = ("open_for_writing", "makedirs", "rmtree", "popen", "fork", "kill", "connect", "torch_save")
WHOLE_FILES = {"top_level_training": "top_level_training", "network_at_import": "tracker"}


def test_every_canary_is_tested() -> None:
    assert {path.stem for path in (FIXTURES / "canaries").glob("*.py")} == {*STRIKES, *WHOLE_FILES, "tracker"}


@pytest.mark.parametrize("place", ["forward", "init", "at_import"])
@pytest.mark.parametrize("canary", STRIKES)
def test_an_effect_is_refused_on_its_line(analyst: Analyst, canary: str, place: str, tmp_path: Path) -> None:
    strike = Path(shutil.copy(FIXTURES / "canaries" / f"{canary}.py", tmp_path / "strike.py"))
    net = Path(shutil.copy(FIXTURES / "hosts" / f"{place}.py", tmp_path / "net.py"))
    assert_no_effect(analyst, net, strike, "effect-refused")


@pytest.mark.parametrize("canary", WHOLE_FILES)
def test_a_file_that_acts_when_imported_does_not(analyst: Analyst, canary: str, tmp_path: Path) -> None:
    for name in {canary, WHOLE_FILES[canary]}:
        shutil.copy(FIXTURES / "canaries" / f"{name}.py", tmp_path)
    where = tmp_path / f"{WHOLE_FILES[canary]}.py"
    code = "not-run" if canary == "top_level_training" else "effect-refused"
    assert_no_effect(analyst, tmp_path / f"{canary}.py", where, code)


def assert_no_effect(analyst: Analyst, path: Path, marked: Path, code: str) -> None:
    folder = path.parent
    (folder / "kept").mkdir()
    (folder / "kept" / "file").touch()
    victim = subprocess.Popen(["sleep", "60"])
    (folder / "victim").write_text(str(victim.pid))
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.setblocking(False)
        (folder / "port").write_text(str(server.getsockname()[1]))
        before = sorted(folder.rglob("*"))
        found = diagnostics_of(analyst.analyse(path))
        with pytest.raises(BlockingIOError):
            server.accept()
    assert sorted(folder.rglob("*")) == before
    assert victim.poll() is None
    victim.kill()
    victim.wait()
    placed = [(each.code, each.path, each.start.line) for each in found]
    assert (code, str(marked), marked_line(marked)) in placed
