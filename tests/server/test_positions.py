"""Columns are counted in the client's units: with tabs, CRLF and characters of one to four bytes before the symbol."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from .client import Client

TEXT = """\
import torch
from torch import nn


class Net(nn.Module):  # 漢
    def __init__(self):
        super().__init__()
        "é漢😀"; self.first = nn.Linear(6, 8)
        "é漢😀"; self.second = nn.Linear(9, 10)

    def forward(self, x: "Float[Tensor, 'batch 6']"):
        "é漢😀"; hidden = self.first(x)  # é漢😀
        "é漢😀"; return self.second(hidden)  # é漢😀
"""
UNITS: dict[str, Callable[[str], int]] = {
    "utf-16": lambda text: len(text.encode("utf-16-le")) // 2,
    "utf-8": lambda text: len(text.encode()),
}
TEXTS = {
    "spaces": TEXT,
    "tabs": TEXT.replace("    ", "\t"),
    "crlf": TEXT.replace("\n", "\r\n"),
}
CLASS, HIDDEN, RETURN = 4, 11, 12
"""The lines that are asked about, counted from 0."""


@pytest.fixture(scope="module", params=UNITS)
def client(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    client = Client(tmp_path_factory.mktemp(request.param), encodings=[request.param])
    assert client.initialized["capabilities"]["positionEncoding"] == request.param
    yield client
    assert client.close() == 0


@pytest.mark.parametrize("kind", TEXTS)
def test_every_answer_stands_where_the_symbol_is(client: Client, tmp_path: Path, kind: str) -> None:
    text = TEXTS[kind]
    units = UNITS[client.initialized["capabilities"]["positionEncoding"]]
    lines = text.replace("\r\n", "\n").split("\n")
    path = tmp_path / f"{kind} é漢😀.py"
    path.write_bytes(text.encode())
    uri = client.open(path, text)

    def place(line: int, words: str) -> dict[str, Any]:
        start = lines[line].index(words)
        before, within = lines[line][:start], lines[line][: start + len(words)]
        return {"start": at(line, units(before)), "end": at(line, units(within))}

    [found] = client.diagnostics(uri, 1)
    assert "`second`" in found["message"]
    assert found["range"] == place(RETURN, "self.second(hidden)")

    document = {"uri": uri}
    for line, words, expected in ((HIDDEN, "hidden", "hidden: (B, 8)"), (RETURN, "self.second", "second: Linear")):
        asked = {"textDocument": document, "position": place(line, words)["end"]}
        asked["position"]["character"] -= 1
        hover = client.request("textDocument/hover", asked)
        assert expected in hover["contents"]["value"]
        assert hover["range"] == place(line, words)

    whole = {"start": at(0, 0), "end": at(len(lines), 0)}
    hints = client.request("textDocument/inlayHint", {"textDocument": document, "range": whole})
    shown = {hint["position"]["line"]: hint["position"]["character"] for hint in hints}
    assert shown[HIDDEN] == units(lines[HIDDEN])

    pinned = apply(text, edits_of(client, uri, place(CLASS, "Net")), units)
    added = pinned[len(text[: text.index("漢") + 1]) :].removesuffix(text[text.index("漢") + 1 :])
    assert added.startswith("  # pymodel: Net(), x=(B, 6)")


def edits_of(client: Client, uri: str, where: dict[str, Any]) -> list[dict[str, Any]]:
    """The edits of the action that pins the input."""
    asked = {"textDocument": {"uri": uri}, "range": where, "context": {"diagnostics": []}}
    actions = client.request("textDocument/codeAction", asked)
    action = next(each for each in actions if each["title"].startswith("Pin the input"))
    return list(action["edit"]["changes"][uri])


def apply(text: str, edits: list[dict[str, Any]], units: Callable[[str], int]) -> str:
    """The text with edits made as an editor makes them."""
    lines = text.split("\n")

    def offset(position: dict[str, int]) -> int:
        line = lines[position["line"]]
        column = next(n for n in range(len(line) + 1) if units(line[:n]) == position["character"])
        return sum(len(each) + 1 for each in lines[: position["line"]]) + column

    for edit in sorted(edits, key=lambda each: offset(each["range"]["start"]), reverse=True):
        text = text[: offset(edit["range"]["start"])] + edit["newText"] + text[offset(edit["range"]["end"]) :]
    return text


def at(line: int, character: int) -> dict[str, int]:
    return {"line": line, "character": character}


BLOCKS = """\
from torch import nn


class Block(nn.Module):
    def __init__(self):
        super().__init__()
        "é漢😀"; self.widen = nn.Linear(6, 8)

    def forward(self, x):
        "é漢😀"; return self.widen(x)
"""
NET = """\
from blocks import Block
from torch import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.block = Block()
        self.head = nn.Linear(9, 10)

    def forward(self, x):
        return self.head(self.block(x))
"""


def test_a_place_in_another_file_is_counted_in_that_file_s_text(client: Client, tmp_path: Path) -> None:
    (tmp_path / "blocks.py").write_text(BLOCKS)
    (tmp_path / "net.py").write_text(NET)
    units = UNITS[client.initialized["capabilities"]["positionEncoding"]]
    uri = client.open(tmp_path / "net.py")
    [found] = client.diagnostics(uri, 1)
    other = (tmp_path / "blocks.py").as_uri()
    places = [each["location"]["range"] for each in found["relatedInformation"] if each["location"]["uri"] == other]
    lines = BLOCKS.split("\n")
    made = next(each["start"] for each in places if each["start"]["line"] == 9)
    assert made["character"] == units(lines[9][: lines[9].index("self.widen(x)")])
