"""Diagnostics as SARIF 2.1.0, which code-scanning services read."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

from .. import __version__
from ..schema import Diagnostic, Fix, Position
from .checks_page import read_checks

SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
LEVELS = {"error": "error", "warning": "warning", "hint": "note"}


def build_sarif(diagnostics: Sequence[Diagnostic]) -> dict[str, Any]:
    """One run of PyModel, its places relative to the working directory where they lie below it."""
    pages = read_checks()
    rules = [_rule(code, pages.get(code)) for code in sorted({found.code for found in diagnostics})]
    driver = {"name": "PyModel", "version": __version__, "rules": rules}
    results = [_result(found) for found in diagnostics]
    return {
        "$schema": SCHEMA,
        "version": "2.1.0",
        "runs": [{"tool": {"driver": driver}, "columnKind": "unicodeCodePoints", "results": results}],
    }


def _rule(code: str, page: str | None) -> dict[str, Any]:
    """What a service shows beside a finding: the check's section of docs/checks.md."""
    if page is None:
        return {"id": code}
    first = page.partition("\n\n")[0].replace("\n", " ")
    return {"id": code, "shortDescription": {"text": first}, "help": {"text": page, "markdown": page}}


def _result(found: Diagnostic) -> dict[str, Any]:
    result: dict[str, Any] = {
        "ruleId": found.code,
        "level": LEVELS[found.severity],
        "message": {"text": found.message},
        "locations": [{"physicalLocation": _place(found.path, found.start, found.end)}],
    }
    if found.related:
        result["relatedLocations"] = [
            {
                "id": number,
                "physicalLocation": _place(each.path, each.start, each.end),
                "message": {"text": each.message},
            }
            for number, each in enumerate(found.related)
        ]
    if found.fixes:
        result["fixes"] = [_fix(fix) for fix in found.fixes]
    return result


def _fix(fix: Fix) -> dict[str, Any]:
    changes = [
        {
            "artifactLocation": {"uri": _uri(path)},
            "replacements": [
                {"deletedRegion": _region(edit.start, edit.end), "insertedContent": {"text": edit.text}}
                for edit in fix.edits
                if edit.path == path
            ],
        }
        for path in dict.fromkeys(edit.path for edit in fix.edits)
    ]
    return {"description": {"text": fix.title}, "artifactChanges": changes}


def _place(path: str, start: Position, end: Position) -> dict[str, Any]:
    return {"artifactLocation": {"uri": _uri(path)}, "region": _region(start, end)}


def _region(start: Position, end: Position) -> dict[str, int]:
    return {
        "startLine": start.line,
        "startColumn": start.column + 1,
        "endLine": end.line,
        "endColumn": end.column + 1,
    }


def _uri(path: str) -> str:
    file = Path(path).absolute()
    here = Path.cwd()
    return quote(file.relative_to(here).as_posix()) if file.is_relative_to(here) else file.as_uri()
