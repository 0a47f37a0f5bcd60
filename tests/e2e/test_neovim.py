"""A real Neovim, set up as docs/editors.md says, with the real server."""

from __future__ import annotations

import json
import os
import re
import subprocess
from typing import Any

import pytest

from .conftest import INTERPRETER, ROOT
from .neovim.install import find_neovim

SESSION = ROOT / "tests" / "e2e" / "neovim" / "session.lua"
SECONDS = 90
SOURCE = """\
import torch
from torch import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 64, kernel_size=3)
        self.fc = nn.Linear(6401, 10)

    def forward(self, x):
        x = self.conv(x).relu()
        x = x.flatten(1)
        return self.fc(x)


if __name__ == "__main__":
    Net()(torch.randn(8, 3, 12, 12))
"""


def documented_setup() -> str:
    """The Lua of docs/editors.md for a Neovim before 0.11."""
    page = (ROOT / "docs" / "editors.md").read_text(encoding="utf-8")
    [setup] = [block for block in re.findall(r"```lua\n(.*?)```", page, re.DOTALL) if "start_client" in block]
    return str(setup)


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What one session in a folder with `é` and a space in its name saw."""
    neovim = find_neovim()
    assert neovim, "Neovim is not installed for the tests: python -m tests.e2e.neovim.install, or make test"
    folder = tmp_path_factory.mktemp("neovim") / "mon réseau"
    folder.mkdir()
    (folder / "net.py").write_text(SOURCE, encoding="utf-8")
    init, answer = folder.parent / "init.lua", folder.parent / "seen.json"
    init.write_text(documented_setup(), encoding="utf-8")
    environment = {
        **os.environ,
        **{f"XDG_{name}_HOME": str(folder.parent / name) for name in ("CONFIG", "DATA", "STATE", "CACHE")},
        "PATH": f"{INTERPRETER.parent}{os.pathsep}{os.environ['PATH']}",
        "PYMODEL_SEEN": str(answer),
        "PYMODEL_SECONDS": str(SECONDS),
    }
    command = [neovim, "--headless", "-u", str(init), "-i", "NONE", "-n", "net.py", "-S", str(SESSION)]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=4 * SECONDS)
    assert answer.exists(), done.stderr
    found: dict[str, Any] = json.loads(answer.read_text(encoding="utf-8"))
    assert "problem" not in found, f"{found}\n{done.stderr}"
    return found


def test_a_fault_is_pushed_to_its_line(seen: dict[str, Any]) -> None:
    [fault] = seen["faults"]
    assert (fault["line"], fault["code"], fault["source"]) == (14, "shape-mismatch", "PyModel")
    assert "6401" in fault["message"]
    assert "6400" in fault["message"]


def test_a_hover_tells_the_shape(seen: dict[str, Any]) -> None:
    assert "(B, 64, 10, 10)" in seen["hover"]


def test_a_code_action_edits_the_text(seen: dict[str, Any]) -> None:
    assert seen["pinned"] == "class Net(nn.Module):  # pymodel: Net(), x=(B, 3, 12, 12):float32"
