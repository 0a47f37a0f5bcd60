"""What a hover says: short first, then numbers, and where each size was decided."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from .client import Client

CONFIG = """\
from dataclasses import dataclass


@dataclass
class Config:
    heads: int = 4
    width: int = 32
"""
MODEL = """\
import torch
from torch import nn

from config import Config

CLASSES = 10


class Block(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.heads = config.heads
        self.mix = nn.Linear(config.width, 3 * config.width)

    def forward(self, x):
        B, T, C = x.shape
        q, k, v = self.mix(x).split(C, dim=2)
        q = q.view(B, T, self.heads, C // self.heads)
        return x + v


class Net(nn.Module):
    def __init__(self, config: Config):
        super().__init__()
        self.embed = nn.Embedding(100, config.width)
        self.block = Block(config)
        self.head = nn.Linear(config.width, CLASSES)
        self.head.bias.requires_grad_(False)

    def forward(self, tokens):
        x = self.block(self.embed(tokens))
        for size in (8, 4):
            y = x[..., :size]
        return self.head(x)
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("hover")
    (folder / "config.py").write_text(CONFIG)
    (folder / "model.py").write_text(MODEL)
    return folder


@pytest.fixture(scope="module")
def client(folder: Path) -> Iterator[Client]:
    client = Client(folder)
    client.diagnostics(client.open(folder / "model.py"), 1)
    yield client
    assert client.close() == 0


@pytest.mark.parametrize(
    ("line", "word", "expected"),
    [
        ("q = q.view", "q ", ("q: (B, T, 4, 8)", "`4`: `Config.heads`, [config.py:6](", "KiB", "cpu", "at B=")),
        ("q, k, v", "q", ("`32`: `Config.width`, [config.py:7](",)),
        ("q, k, v", "mix", ("`96`: `3 * config.width`, `Config.width`, [config.py:7](", "mix: Linear(in_features=32")),
        ("B, T, C", "C", ("C = 32", "`Config.width`, [config.py:7](")),
        ("return self.head", "head", ("`10`: `CLASSES`, [model.py:6](", "330 parameters, 10 of them frozen", "FLOPs")),
        ("y = x[", "y", ("run 1: `(B, T, 8)`, run 2: `(B, T, 4)`",)),
        ("class Net", "Net", ("→ (B, T, 10)", "| block | Block |", "model made by `Net(Config())`")),
        ("def forward(self, tokens)", "forward", ("tokens: (B, T)  int64", "](command:pymodel.setExampleInput?")),
    ],
)
def test_a_hover_says(client: Client, folder: Path, line: str, word: str, expected: tuple[str, ...]) -> None:
    lines = MODEL.splitlines()
    number = next(n for n, text in enumerate(lines) if line in text)
    shown = client.hover((folder / "model.py").as_uri(), number, lines[number].index(word, lines[number].index(line)))
    assert shown is not None
    for words in expected:
        assert words in shown, shown


def test_an_edit_of_a_shared_block_reaches_its_users(client: Client, folder: Path) -> None:
    config, model = (folder / "config.py").as_uri(), (folder / "model.py").as_uri()
    client.open(folder / "config.py")
    line = next(n for n, text in enumerate(MODEL.splitlines()) if "return x + v" in text)
    client.change(config, 2, CONFIG.replace("32", "48"))
    client.wait_by_asking(lambda: "(B, T, 48)" in (client.hover(model, line, 17) or ""), "the new width")
    client.notify("textDocument/didClose", {"textDocument": {"uri": config}})
    client.wait_by_asking(lambda: "(B, T, 32)" in (client.hover(model, line, 17) or ""), "the width on disk")
