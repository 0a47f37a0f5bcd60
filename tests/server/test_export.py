"""Export over the real server: what may stop it is told first; a failure stands on its line until that is changed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from .client import Client

NET = """import torch
from torch import nn

class MyModel(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(6, 2)

    def forward(self, x):
        y = self.fc(x)
        if y.sum() > 0:
            y = y * 2
        return y

def main():
    MyModel()(torch.randn(4, 6))
"""
BRANCH = 10


@pytest.fixture(scope="module")
def window(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    client = Client(tmp_path_factory.mktemp("export"))
    yield client
    assert client.close() == 0


def ask(client: Client, name: str, path: Path, **more: Any) -> Any:
    argument = {"uri": path.as_uri(), "target": f"{path}::MyModel", **more}
    return client.request("workspace/executeCommand", {"command": name, "arguments": [argument]})


def failures(client: Client, uri: str) -> list[dict[str, Any]] | None:
    for message in reversed(client.notifications):
        params = message.get("params") or {}
        if message["method"] == "textDocument/publishDiagnostics" and params["uri"] == uri:
            return [each for each in params["diagnostics"] if each["code"] == "export-failed"]
    return None


def test_a_failure_is_foretold_then_shown_and_goes_with_its_line(window: Client, tmp_path: Path) -> None:
    path = tmp_path / "model.py"
    path.write_text(NET)
    uri = window.open(path)
    window.wait_by_asking(lambda: any("(B, 6)" in lens for lens in window.lenses(uri)), "a lens with the input")
    foretold = ask(window, "pymodel.preflight", path)
    assert [each["start"]["line"] - 1 for each in foretold["hindrances"]] == [BRANCH]
    assert foretold["inputs"] == ["x=(B, 6):float32"]
    assert list(foretold["symbols"]) == ["B"]
    found = ask(window, "pymodel.export", path, format="pt2")
    assert found["verified"] is False
    assert (found["error"]["path"], found["error"]["line"]) == (str(path), BRANCH + 1)
    shown = window.wait(lambda: failures(window, uri), "the failure on its line")
    assert [each["range"]["start"]["line"] for each in shown] == [BRANCH]
    assert "torch.where" in shown[0]["message"]
    mended = NET.replace("if y.sum() > 0:", "if y.shape[1] > 0:")
    path.write_text(mended)
    window.change(uri, 2, mended)
    window.wait(lambda: failures(window, uri) == [], "the failure to go")
    window.wait_by_asking(lambda: ask(window, "pymodel.preflight", path)["hindrances"] == [], "nothing in the way")
    assert ask(window, "pymodel.export", path, format="pt2")["verified"] is True
    assert (tmp_path / "MyModel.pt2").is_file()
