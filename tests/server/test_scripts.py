"""Training scripts in the editor: a file without a model has its shapes as well."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

from pymodel.samples import create_sample_project

from .client import Client

Start = Callable[..., Client]


def find(path: Path, text: str, within: str) -> tuple[int, int]:
    """LSP position in the middle of a text that stands in the first line that holds `within`."""
    for number, line in enumerate(path.read_text().splitlines()):
        if within in line:
            return number, line.index(text) + len(text) // 2
    raise AssertionError(within)


def hints(client: Client, uri: str, lines: int) -> dict[int, str]:
    whole = {"start": {"line": 0, "character": 0}, "end": {"line": lines, "character": 0}}
    found: list[dict[str, Any]] = client.request(
        "textDocument/inlayHint", {"textDocument": {"uri": uri}, "range": whole}
    )
    return {hint["position"]["line"]: hint["label"] for hint in found}


def test_a_training_loop_has_hovers_and_hints(start: Start, tmp_path: Path) -> None:
    create_sample_project(tmp_path)
    path = tmp_path / "image_classifier/train.py"
    client = start(tmp_path)
    uri = client.open(path)
    assert client.diagnostics(uri, 1) == []
    assert "outputs: (B, 10)  float32" in (client.hover(uri, *find(path, "outputs", "outputs = model")) or "")
    assert "images: (B, 3, 12, 12)  float32" in (client.hover(uri, *find(path, "images", "outputs = model")) or "")
    assert "labels: (B,)  int64" in (client.hover(uri, *find(path, "labels", "loss = criterion")) or "")
    assert client.lenses(uri) == ["Run with Monitor"]
    shown = hints(client, uri, 60)
    assert shown[find(path, "for", "for images, labels")[0]] == "B×3×12×12"
    assert shown[find(path, "outputs", "outputs = model")[0]] == "B×10"
    assert shown[find(path, "loss", "loss = criterion")[0]] == "scalar"

    broken = path.read_text().replace("criterion(outputs, labels)", "criterion(outputs, labels.float())")
    client.change(uri, 2, broken)
    [found] = client.diagnostics(uri, 2)
    assert found["range"]["start"]["line"] == find(path, "loss", "loss = criterion")[0]
    assert "`.long()` fits" in found["message"]


SCRIPT = """import torch
from torch import nn

net = nn.Linear(4, 1)
optimizer = torch.optim.SGD(net.parameters(), lr=0.25)
for epoch in range(3):
    x = torch.ones(8, 4)
    loss = net(x).square().mean()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
print("done")
"""


def test_a_monitored_run_tells_its_last_values_at_the_lines_until_they_change(start: Start, tmp_path: Path) -> None:
    path = tmp_path / "fit.py"
    path.write_text(SCRIPT)
    client = start(tmp_path, inlayHints="off")
    uri = client.open(path)
    client.diagnostics(uri, 1)
    asked = {"command": "pymodel.scriptCommand", "arguments": [{"uri": uri}]}
    given = client.request("workspace/executeCommand", asked)
    ran = subprocess.run(given["command"], cwd=given["folder"], capture_output=True, text=True, check=True)
    assert ran.stdout == "done\n"
    client.wait_by_asking(lambda: 7 in hints(client, uri, 20), "a hint at the line of the loss")
    client.wait_by_asking(lambda: hints(client, uri, 20).get(5, "").endswith(" of 3"), "the loop's progress")
    shown = hints(client, uri, 20)
    assert shown[7].startswith("loss ")
    assert shown[10] == "rate 0.25"

    client.change(uri, 2, SCRIPT.replace("square()", "abs()"))
    shown = hints(client, uri, 20)
    assert 7 not in shown
    assert shown[10] == "rate 0.25"
    again = start(tmp_path, inlayHints="off")
    reopened = again.open(path)
    again.wait_by_asking(
        lambda: 7 in hints(again, reopened, 20), "the values of a run that ended before the editor began"
    )
