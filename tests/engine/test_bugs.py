"""Planted bugs in plain files: each is found, on its range and in its words; its first quick fix mends it; and nothing
is found in its corrected twin."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from pymodel.fix.source import apply
from pymodel.schema import Checked, Diagnostic, Finished, Traced

from .analyst import FIXTURES, Analyst

BUGS = FIXTURES / "bugs"
EXPECTED: dict[str, list[dict[str, str]]] = json.loads((BUGS / "expected.json").read_text(encoding="utf-8"))
"""By folder, its findings in the order of the text: code, severity, the text of the range with its line, message."""


def find(analyst: Analyst, path: Path, text: str | None = None) -> list[Diagnostic]:
    """All errors and warnings of a file, in the order of the text."""
    documents = {} if text is None else {str(path): text}
    found: dict[str, tuple[Diagnostic, ...]] = {}
    for event in analyst.analyse(path, documents=documents):
        assert isinstance(event, Checked | Finished | Traced) or event.event == "started", event
        if isinstance(event, Traced):
            found[event.trace.target] = event.trace.diagnostics
        elif isinstance(event, Checked):
            found[event.target] = event.diagnostics
        elif isinstance(event, Finished):
            found[""] = event.diagnostics
    told = dict.fromkeys(each for diagnostics in found.values() for each in diagnostics if each.severity != "hint")
    return sorted(told, key=lambda each: (each.start, each.code))


def describe(found: Diagnostic, text: str) -> dict[str, str]:
    assert found.start.line == found.end.line
    line = text.splitlines()[found.start.line - 1]
    return {
        "code": found.code,
        "severity": found.severity,
        "line": line.strip(),
        "range": line[found.start.column : found.end.column],
        "message": found.message,
    }


def test_every_planted_bug_has_a_twin() -> None:
    folders = {each.name for each in BUGS.iterdir() if each.is_dir()}
    assert folders == set(EXPECTED)
    assert len(folders) >= 30


@pytest.mark.parametrize("name", EXPECTED)
def test_a_planted_bug_is_found_and_its_first_fix_mends_it(name: str, zygote: Analyst) -> None:
    path = BUGS / name / "bug.py"
    text = path.read_text(encoding="utf-8")
    found = find(zygote, path)
    assert [describe(each, text) for each in found] == EXPECTED[name]
    fix = next(each.fixes[0] for each in found if each.fixes)
    assert find(zygote, path, apply(text, fix.edits)) == []


@pytest.mark.parametrize("name", EXPECTED)
def test_nothing_is_found_in_a_twin(name: str, zygote: Analyst) -> None:
    assert find(zygote, BUGS / name / "fixed.py") == []
