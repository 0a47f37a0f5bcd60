"""docs/checks.md has a section for each finding, with what a reader of it needs."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from pymodel.cli.checks_page import read_checks

ROOT = Path(__file__).resolve().parents[2]
PLANTED = json.loads((ROOT / "tests/fixtures/bugs/expected.json").read_text(encoding="utf-8"))
CODES = sorted({found["code"] for findings in PLANTED.values() for found in findings})


@pytest.mark.parametrize("code", CODES)
def test_a_finding_has_a_section(code: str) -> None:
    assert len(read_checks()[code]) > 40


def test_the_table_leads_to_the_sections() -> None:
    page = (ROOT / "docs/checks.md").read_text(encoding="utf-8")
    anchors = set(re.findall(r"\]\(#([a-z-]+)\)", page))
    assert anchors <= set(read_checks())
    assert anchors >= set(CODES)
