"""A recipe in the editor: what may be written, what it means, and each fault at its place."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from .client import Client

Start = Callable[..., Client]
RECIPE = """version = 1
[model]
target = "model.py::MyModel"
[data]
source = "data.py::digits"
[fine_tuning]
freeze = ["conv_1"]
"""
DATA = "from torch.utils.data import TensorDataset\n\ndef digits():\n    return TensorDataset()\n"


def labels(client: Client, uri: str, line: int, character: int) -> dict[str, Any]:
    where = {"textDocument": {"uri": uri}, "position": {"line": line, "character": character}}
    return {each["label"]: each for each in client.request("textDocument/completion", where)["items"]}


def test_a_recipe_is_completed_explained_and_checked_against_the_model(start: Start, model_file: Path) -> None:
    (model_file.parent / "data.py").write_text(DATA)
    path = model_file.parent / "net.recipe.toml"
    path.write_text(RECIPE)
    client = start(model_file.parent)
    model = client.open(model_file)
    client.wait_by_asking(lambda: any("parameters" in each for each in client.lenses(model)), "the model's trace")
    uri = client.open(path)
    (found,) = client.diagnostics(uri, 1)
    assert (found["code"], found["range"]["start"]) == ("recipe-layer", {"line": 6, "character": 10})
    assert "did you mean `conv1`?" in found["message"]

    text = RECIPE.replace("conv_1", "") + '[optimizer]\nname = "\nlea\n[\n'
    client.change(uri, 2, text)
    lines = text.split("\n")
    assert {"conv1", "fc1", "fc2"} <= set(labels(client, uri, 6, lines[6].index('""') + 1))
    assert {"AdamW", "SGD"} <= set(labels(client, uri, 8, 8))
    settings = labels(client, uri, 9, 3)
    assert settings["learning_rate"]["textEdit"]["newText"] == "learning_rate = "
    assert "name" not in settings
    sections = labels(client, uri, 10, 1)
    assert "[schedule]" in sections
    assert "[model]" not in sections
    assert "data.py::digits" in labels(client, uri, 4, 10)
    assert "model.py::MyModel" in labels(client, uri, 2, 10)
    assert "do not move" in (client.hover(uri, 6, 2) or "")
    assert "How the weights move" in (client.hover(uri, 7, 3) or "")

    client.change(uri, 3, RECIPE.replace("conv_1", "conv*"))
    assert client.diagnostics(uri, 3) == []
