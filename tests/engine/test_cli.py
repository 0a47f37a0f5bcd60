"""The command line, run as a user runs it: one document on stdout whatever user code does, and the exit codes."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from .analyst import FIXTURES, HEALTHY, ROOT

MAIN = ROOT / "pymodel/__main__.py"
BROKEN = HEALTHY.replace("y = self.fc(x)", "y = self.fc(self.fc(x))")
KILLERS = sorted(path.stem for path in (FIXTURES / "killers").glob("*.py"))


def run(folder: Path, *arguments: str, python: tuple[str, ...] = ()) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *python, "-P", str(MAIN), *arguments],
        cwd=folder,
        env={**os.environ, "PYMODEL_ANALYSIS_SECONDS": "5"},
        capture_output=True,
        encoding="utf-8",
        timeout=90,
    )


def document(done: subprocess.CompletedProcess[str], code: int) -> Any:
    """The one JSON document on stdout."""
    assert done.returncode == code, done.stderr + done.stdout
    return json.loads(done.stdout)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "fine.py").write_text(HEALTHY, encoding="utf-8")
    return tmp_path


def test_models(folder: Path) -> None:
    found = document(run(folder, "models", ".", "--json"), 0)
    assert found == {"models": [{"target": "fine.py::Fine", "line": 4, "kind": "class", "bases": ["nn.Module"]}]}
    assert run(folder, "models", ".").stdout.split() == ["fine.py::Fine", "4", "class", "nn.Module"]


def test_shapes_document_has_the_keys_of_the_contract_and_no_others(folder: Path) -> None:
    shapes = document(run(folder, "shapes", "fine.py::Fine", "--json"), 0)
    assert set(shapes) == {
        *("target", "mode", "status", "construction", "inputs", "symbols", "values", "modules", "diagnostics"),
        "totals",
    }
    assert (shapes["target"], shapes["mode"], shapes["status"]) == ("fine.py::Fine", "eval", "complete")
    assert shapes["construction"]["expression"] == "Fine()"
    value_keys = {
        *("path", "phase", "start", "end", "name", "text", "kind", "dims", "dtype", "device", "occurrences"),
        "assumed",
    }
    for value in shapes["values"]:
        extra = {"int": {"value"}, "tuple": {"items"}}.get(value["kind"], set())
        assert set(value) == value_keys | extra
    for module in shapes["modules"]:
        assert set(module) == {"path", "class", "parameters", "trainable", "flops", "outputs"}
    assert [value["dims"] for value in shapes["values"] if value["name"] == "y"] == [["B", 5]]
    assert shapes["totals"]["parameters"] == 20


def test_shapes_for_people_stand_at_the_ends_of_lines(folder: Path) -> None:
    done = run(folder, "shapes", "fine:Fine")
    assert done.returncode == 0, done.stderr
    assert any("y = self.fc(x)" in line and line.endswith("# y: (B, 5) float32") for line in done.stdout.splitlines())


def test_an_input_given_on_the_command_line_wins(folder: Path) -> None:
    shapes = document(run(folder, "shapes", "fine.py", "--input", "x=(B, 6, 3):float32", "--json"), 0)
    assert shapes["inputs"][0]["dims"] == ["B", 6, 3]
    assert shapes["inputs"][0]["source"]["kind"] == "pin"


def test_summary_why_and_graph(folder: Path) -> None:
    summary = document(run(folder, "summary", "fine.py", "--json"), 0)
    assert [module["path"] for module in summary["modules"]] == ["", "fc"]
    why = document(run(folder, "why", "fine.py", "--json"), 0)
    assert why["status"] == "complete"
    assert why["attempts"]
    level = document(run(folder, "graph", "fine.py", "--json"), 0)["level"]
    assert any(node["type"] == "Linear" for node in level["nodes"])
    assert all({"from", "to", "dims", "dtype"} <= set(edge) for edge in level["edges"])
    table = run(folder, "summary", "fine.py").stdout.splitlines()
    assert table[0].split() == ["module", "class", "output", "parameters", "FLOPs"]


@pytest.mark.parametrize("killer", KILLERS)
def test_shapes_prints_its_document_whatever_user_code_does(folder: Path, killer: str) -> None:
    shutil.copy(FIXTURES / "killers" / f"{killer}.py", folder / "strike.py")
    shutil.copy(FIXTURES / "hosts" / "forward.py", folder / "net.py")
    done = run(folder, "shapes", "net.py::Net", "--json")
    shapes = json.loads(done.stdout)
    expected = {"complete": {0}, "partial": {1}, "failed": {3}}[shapes["status"]]
    assert done.returncode in expected
    assert (shapes["status"] == "complete") == (killer == "print")
    assert (shapes["diagnostics"] == []) == (killer == "print")


def test_a_model_that_kills_its_process_does_not_take_the_next_along(folder: Path) -> None:
    deadly = HEALTHY.replace("Fine", "Deadly").replace("return y", "import os; os._exit(7)")
    (folder / "two.py").write_text(deadly + "\n\n" + BROKEN, encoding="utf-8")
    found = document(run(folder, "check", "two.py", "--json"), 3)["diagnostics"]
    assert {each["start"]["line"] for each in found} == {11, 23}


def test_files_named_like_modules_of_ours_and_of_python_change_nothing(folder: Path) -> None:
    for name in ("json", "torch", "pymodel", "server", "pymodel_server", "ast", "os"):
        (folder / f"{name}.py").write_text("raise SystemExit('taken for another')\n", encoding="utf-8")
    assert document(run(folder, "shapes", "fine.py", "--json"), 0)["status"] == "complete"


@pytest.mark.parametrize(
    "arguments",
    [
        ("shapes", "absent.py::Net"),
        ("shapes", "fine.py::Absent"),
        ("shapes", "no.such.module:Net"),
        ("shapes", "fine.py", "--input", "x=("),
        ("check", "absent"),
        ("shapes",),
        ("dance",),
    ],
)
def test_words_that_name_nothing_are_a_usage_error(folder: Path, arguments: tuple[str, ...]) -> None:
    done = run(folder, *arguments)
    assert done.returncode == 2
    assert done.stderr
    assert "Traceback" not in done.stderr


PARTS = """from torch import nn


class Net(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.fc = nn.Linear(8, width)

    def forward(self, x):
        return self.fc(x)
"""
FACTORIES = """from parts import Net


def build():
    return Net(5)


net = Net(7)


def count():
    return 3
"""


def test_a_factory_and_a_variable_of_a_class_from_elsewhere_are_taken_at_their_word(folder: Path) -> None:
    (folder / "parts.py").write_text(PARTS)
    (folder / "main.py").write_text(FACTORIES)
    for name, width in (("build", 5), ("net", 7)):
        found = document(run(folder, "summary", f"main.py::{name}", "--json"), 0)
        assert found["totals"]["parameters"] == 9 * width
    found = document(run(folder, "shapes", "main.py::count", "--json"), 3)
    assert "not an nn.Module" in found["diagnostics"][0]["message"]


def test_several_models_and_no_name_lists_them(folder: Path) -> None:
    (folder / "two.py").write_text(HEALTHY + HEALTHY.replace("Fine", "Other"), encoding="utf-8")
    done = run(folder, "summary", "two.py")
    assert done.returncode == 2
    assert "Fine, Other" in done.stderr


def test_probe_tells_what_is_there_and_what_is_not(folder: Path) -> None:
    found = document(run(folder, "probe"), 0)
    assert found["torch"]
    assert found["device"]
    assert found["error"] is None
    without_packages = document(run(folder, "probe", python=("-S",)), 3)
    assert without_packages["torch"] is None
    assert "pip install torch" in without_packages["error"]


def test_what_changed_since_a_revision(folder: Path) -> None:
    def git(*words: str) -> None:
        subprocess.run(["git", "-c", "user.name=a", "-c", "user.email=a@b", *words], cwd=folder, check=True, timeout=60)

    for words in (("init", "-q"), ("add", "."), ("commit", "-qm", "first")):
        git(*words)
    assert "nothing changed" in run(folder, "graph", "fine.py", "--diff", "HEAD").stdout
    (folder / "fine.py").write_text(HEALTHY.replace("y = self.fc(x)", "y = self.fc(x).tanh()"), encoding="utf-8")
    diff = document(run(folder, "graph", "fine.py", "--diff", "HEAD", "--json"), 0)["diff"]
    assert [(each["change"], each["before"]) for each in diff["changes"]] == [("added", None)]
    assert "| added |" in run(folder, "graph", "fine.py", "--diff", "HEAD", "--format", "markdown").stdout
    assert "flowchart" in run(folder, "graph", "fine.py", "--format", "mermaid").stdout
    unknown = run(folder, "graph", "fine.py", "--diff", "--output=fine.py")
    assert unknown.returncode == 2
    assert run(folder, "graph", "fine.py", "--diff=--output=fine.py").stderr.startswith(
        "pymodel: git knows no revision"
    )
