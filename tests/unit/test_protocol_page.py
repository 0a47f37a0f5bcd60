"""`docs/protocol.md` tells of every message and command that there is, and of no other."""

from __future__ import annotations

import re
from pathlib import Path

from pymodel_server.announced import COMMANDS

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs/protocol.md").read_text(encoding="utf-8")
SERVER = "\n".join(path.read_text(encoding="utf-8") for path in (ROOT / "server/pymodel_server").rglob("*.py"))


def rows(page: str, pattern: str) -> set[str]:
    return set(re.findall(rf"^\| `({pattern})`", page, re.MULTILINE))


def undocumented(page: str) -> set[str]:
    """Methods and commands that the server has and the page has not, or the other way round."""
    methods = set(re.findall(r'"(pymodel/\w+)"', SERVER))
    commands = set(COMMANDS)
    assert len(methods) >= 10
    assert len(commands) >= 11
    return (methods ^ rows(page, r"pymodel/\w+")) | (commands ^ rows(page, r"pymodel\.\w+"))


def test_the_page_is_whole() -> None:
    assert undocumented(PAGE) == set()


def test_what_is_left_out_is_noticed() -> None:
    assert undocumented(PAGE.replace("| `pymodel/graph`", "|")) == {"pymodel/graph"}
    assert undocumented(PAGE + "| `pymodel.fly` | | |\n") == {"pymodel.fly"}
