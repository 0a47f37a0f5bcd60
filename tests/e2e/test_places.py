"""Where a person sets a model's input, and where models live beside plain files, in a real VS Code."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from .conftest import SCREENSHOTS, Open
from .vscode.workbench import Workbench

NET = """\
import torch
from torch import nn


class Net(nn.Module):
    def __init__(self, width=64):
        super().__init__()
        self.conv = nn.Conv2d(3, width, kernel_size=3)
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.fc = nn.Linear(width, 10)

    def forward(self, x):
        x = self.conv(x).relu()
        x = self.pool(x).flatten(1)
        return self.fc(x)
"""
USE = """\
import torch
from net import Net

small = Net(width=16)
out = small(torch.randn(8, 3, 12, 12))
large = Net(128)
out = large(torch.randn(8, 3, 224, 224))
wrong = Net("wide")
"""
CELLS = (
    "%matplotlib inline\nimport torch\nfrom torch import nn",
    "class Block(nn.Module):\n    def __init__(self):\n        super().__init__()\n"
    "        self.fc = nn.Linear(8, 4)\n\n    def forward(self, x):\n        return self.fc(x).relu()",
    "!nvidia-smi\nout = Block()(torch.randn(2, 8))",
)


def write_notebook(path: Path) -> None:
    cells = [
        {"cell_type": "code", "execution_count": None, "metadata": {}, "outputs": [], "source": text} for text in CELLS
    ]
    metadata = {"kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"}}
    content = {"cells": cells, "metadata": metadata, "nbformat": 4, "nbformat_minor": 4}
    path.write_text(json.dumps(content), encoding="utf-8")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("places")
    (folder / "net.py").write_text(NET, encoding="utf-8")
    (folder / "use.py").write_text(USE, encoding="utf-8")
    write_notebook(folder / "blocks.ipynb")
    return folder


@pytest.fixture(scope="module")
def workbench(open_folder: Open, folder: Path) -> Iterator[Workbench]:
    with open_folder(folder) as workbench:
        yield workbench


def await_lens(workbench: Workbench, words: str) -> None:
    shown = workbench.code_lenses
    workbench.until(lambda: any(words in lens for lens in shown()), f"a lens with {words}", seconds=90, seen=shown)


def await_picks(workbench: Workbench, *words: str) -> list[str]:
    def offered() -> list[str] | None:
        picks = workbench.quick_picks()
        return picks if all(any(word in pick for pick in picks) for word in words) else None

    return workbench.until(offered, f"choices with {words}", seconds=60, seen=workbench.quick_picks)


def test_an_input_is_chosen_among_those_found(workbench: Workbench) -> None:
    workbench.open_file("net.py")
    await_lens(workbench, "(B, 3, H, W)")
    workbench.run("PyModel: Set Example Input…")
    picks = await_picks(workbench, "(B, 3, 12, 12)", "(B, 3, 224, 224)")
    assert "as it is called · use.py:5" in picks[0]
    workbench.screenshot(SCREENSHOTS / "places" / "input-picker.png")
    workbench.pick("(B, 3, 224, 224)")
    await_lens(workbench, "(B, 3, 224, 224)")
    assert "# pymodel: x=(B, 3, 224, 224):float32" in workbench.inlay_hints()


def test_a_construction_is_chosen_and_the_input_stays(workbench: Workbench) -> None:
    workbench.run("PyModel: Set Constructor Arguments…")
    await_picks(workbench, "Net(width=16)", "Net(128)", "Net('wide')")
    workbench.screenshot(SCREENSHOTS / "places" / "constructor-picker.png")
    workbench.pick("Net(128)")
    await_lens(workbench, "4,874 parameters")
    assert "# pymodel: Net(128), x=(B, 3, 224, 224):float32" in workbench.inlay_hints()


def test_the_cells_of_a_notebook_have_their_shapes(workbench: Workbench) -> None:
    workbench.open_notebook("blocks.ipynb")
    await_lens(workbench, "x: (B, 8)")
    workbench.screenshot(SCREENSHOTS / "places" / "notebook.png")
