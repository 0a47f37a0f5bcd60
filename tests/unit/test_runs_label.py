"""What people call a run and note of it, and the end of its log: beside what the job writes, never in its way."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from pymodel import runs
from pymodel.cli import main
from pymodel.runs.label import LONGEST_NAME, CannotLabel
from pymodel.schema import DataSettings, ModelSettings, Recipe, TrainRequest

REQUEST = TrainRequest(Recipe(ModelSettings("net.py::Net"), DataSettings("data.py::digits")), "/work")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return runs.create_run(runs.find_runs_root(str(tmp_path), (str(tmp_path),)), REQUEST)


def test_a_label_outlives_what_the_job_writes_and_is_not_in_it(folder: Path) -> None:
    before = runs.read_run(folder)
    assert (before.name, before.note) == ("", "")
    runs.label_run(folder, name=" wide ", note="twice the channels\nno augmentation")
    runs.write_run(folder, replace(before, last_step=5))
    run = runs.read_run(folder)
    assert (run.name, run.note, run.last_step) == ("wide", "twice the channels\nno augmentation", 5)
    runs.write_run(folder, run)
    assert not {"name", "note"} & json.loads((folder / runs.RUN_FILE).read_text()).keys()
    runs.label_run(folder, name="")
    assert (runs.read_run(folder).name, runs.read_run(folder).note) == ("", run.note)
    assert [each.name for _, each in runs.list_runs(folder.parent)] == [""]


@pytest.mark.parametrize("name", ["two\nlines", "x" * (LONGEST_NAME + 1), "\x1b[31mred"])
def test_a_name_is_one_short_line(folder: Path, name: str) -> None:
    with pytest.raises(CannotLabel, match="one line"):
        runs.label_run(folder, name=name)
    assert not (folder / runs.LABEL_FILE).exists()


@pytest.mark.parametrize("content", ["", "[]", '{"name": 3}', '{"name"'])
def test_a_damaged_label_is_none(folder: Path, content: str) -> None:
    (folder / runs.LABEL_FILE).write_text(content)
    assert runs.read_run(folder).name == ""
    runs.label_run(folder, note="again")
    assert runs.read_run(folder).note == "again"


def test_the_log_of_another_tool_is_only_read(tmp_path: Path) -> None:
    with pytest.raises(CannotLabel, match="only reads"):
        runs.label_run(tmp_path, name="mine")
    assert list(tmp_path.iterdir()) == []


def test_a_terminal_names_runs_too(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["runs", "rename", folder.name, "wide"]) == 0
    assert main(["runs", "note", folder.name, "twice the channels"]) == 0
    assert main(["runs", "list"]) == 0
    assert "Net · wide" in capsys.readouterr().out
    assert main(["runs", "show", folder.name]) == 0
    assert "twice the channels" in capsys.readouterr().out


def test_a_log_is_shown_as_a_terminal_would(folder: Path) -> None:
    assert runs.read_log_tail(folder) == ""
    bar = "".join(f"\r{done} %" for done in range(0, 101, 50))
    (folder / "log.txt").write_bytes(f"\x1b[1;31mred\x1b[0m\n{bar}\r\n\tin\x07dented\n\xff".encode("latin-1"))
    assert runs.read_log_tail(folder) == "red\n100 %\n\tindented\n�"


def test_of_a_long_log_the_last_whole_lines_are_read(folder: Path) -> None:
    (folder / "log.txt").write_text("".join(f"{number} {'é' * 200}\n" for number in range(5000)), encoding="utf-8")
    lines = runs.read_log_tail(folder).split("\n")
    assert lines[-1] == ""
    assert [line.split()[0] for line in lines[:-1]] == [str(number) for number in range(5000 - len(lines) + 1, 5000)]
    assert 100 < len(lines) <= 200
