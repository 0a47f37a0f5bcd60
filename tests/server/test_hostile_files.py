"""Files of weights that would harm or are broken: each is refused in one line, by the command and by the server, which
goes on; none of them runs anything."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from pymodel.cli import main

from ..engine.test_weights import CANARY, HOSTILE
from .client import Client


@pytest.mark.parametrize("case", HOSTILE)
def test_the_command_refuses_it_in_one_line(case: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "w.pt"
    HOSTILE[case][0](path)
    source = ["--run", str(path)] if path.is_dir() else [str(path)]
    assert main(["explain", "weights", *source, "--json"]) == 3
    captured = capsys.readouterr()
    assert captured.out == "", "no half document"
    assert captured.err.startswith(f"pymodel: {path}: ")
    assert captured.err.count("\n") == 1
    assert not (tmp_path / CANARY).exists()


def test_the_server_refuses_them_and_goes_on(start: Callable[..., Client], model_file: Path) -> None:
    client = start(model_file.parent)
    for number, case in enumerate(("a payload in a zip", "a bomb", "tensors over each other")):
        path = model_file.parent / f"{number}.pt"
        HOSTILE[case][0](path)
        params = {"command": "pymodel.weightsPage", "arguments": [{"source": str(path)}]}
        error = client.reply("workspace/executeCommand", params)["error"]
        assert str(path) in error["message"], case
        assert "\n" not in error["message"]
    listed = client.request("workspace/executeCommand", {"command": "pymodel.runs", "arguments": [{}]})
    assert listed["runs"] == []
    assert not (model_file.parent / CANARY).exists()
