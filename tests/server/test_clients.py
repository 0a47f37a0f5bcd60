"""Other editors: the server with the capabilities that each of them has. Where these come from stands in the files."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from .client import Client

CLIENTS = sorted((Path(__file__).parent / "clients").glob("*.json"), key=lambda path: path.stem)
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
        s = "漢😀"; y = self.fc(x.flatten(1))
        return y


if __name__ == "__main__":
    Net()(torch.randn(8, 3, 12, 12))
"""


@pytest.mark.parametrize("recorded", CLIENTS, ids=lambda path: path.stem)
def test_a_fault_a_hover_and_an_action(start: Callable[..., Client], tmp_path: Path, recorded: Path) -> None:
    params = json.loads(recorded.read_text(encoding="utf-8"))
    capabilities = params["capabilities"]
    client = start(tmp_path, client=None, capabilities=capabilities)
    server = client.initialized["capabilities"]
    wanted = capabilities.get("general", {}).get("positionEncodings", ["utf-16"])
    assert server["positionEncoding"] in wanted
    assert {"hoverProvider", "codeActionProvider", "completionProvider", "executeCommandProvider"} <= set(server)
    path = tmp_path / "net.py"
    path.write_text(SOURCE, encoding="utf-8")
    uri = client.open(path)
    document = {"textDocument": {"uri": uri}}
    pulls = "diagnostic" in capabilities["textDocument"]

    def errors() -> list[dict[str, Any]]:
        if pulls:
            found = client.request("textDocument/diagnostic", document)["items"]
        else:
            found = client.published(uri)
        return [each for each in found if each["severity"] == 1]

    (client.wait_by_asking if pulls else client.wait)(lambda: bool(errors()), "the fault")
    [fault] = errors()
    assert "6401" in fault["message"]
    before = '        s = "漢😀"; y = '
    column = len(before.encode()) if server["positionEncoding"] == "utf-8" else len(before.encode("utf-16-le")) // 2
    assert fault["range"]["start"] == {"line": 12, "character": column}
    if pulls:
        assert client.published(uri) == []
    position = {"line": 12, "character": column + 2}
    hover = client.request("textDocument/hover", {**document, "position": position})
    kinds = capabilities["textDocument"]["hover"]["contentFormat"]
    assert hover["contents"]["kind"] in kinds
    assert ("```" in hover["contents"]["value"]) == ("markdown" in kinds)
    name = {"start": {"line": 4, "character": 7}, "end": {"line": 4, "character": 7}}
    actions = client.request("textDocument/codeAction", {**document, "range": name, "context": {"diagnostics": []}})
    assert "Pin the input of Net" in [each["title"] for each in actions]
    lenses = client.request("textDocument/codeLens", document)
    commands = set(server["executeCommandProvider"]["commands"])
    assert {lens["command"]["command"] for lens in lenses} <= commands
