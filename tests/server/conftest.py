"""Servers for tests: real processes over stdio, with the real worker behind them."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from pymodel_server.interpreter import BIN

from .client import Client

MODEL = """\
import torch
from torch import nn


class MyModel(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 64, kernel_size=3)
        self.fc1 = nn.Linear(64 * 10 * 10, 1024)
        self.fc2 = nn.Linear(1024, 10)

    def forward(self, x):
        x = self.conv1(x).relu()
        x = x.view(-1, 64 * 10 * 10)
        x = self.fc1(x).relu()
        return self.fc2(x)
"""


def make_venv(folder: Path) -> str:
    """A virtual environment without anything in it; its Python."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(folder)], check=True)
    return str(folder.joinpath(*BIN))


@pytest.fixture
def model_file(tmp_path: Path) -> Path:
    path = tmp_path / "model.py"
    path.write_text(MODEL)
    return path


@pytest.fixture
def start() -> Iterator[Callable[..., Client]]:
    """Starts servers; each must end cleanly."""
    clients: list[Client] = []

    def begin(folder: Path, **options: Any) -> Client:
        clients.append(Client(folder, **options))
        return clients[-1]

    yield begin
    for client in clients:
        assert client.close() == 0
