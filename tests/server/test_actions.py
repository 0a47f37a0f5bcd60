"""What the lamp offers on a model's line: annotations and a test that are right, another input, and a pin."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from .client import Client
from .conftest import MODEL

Start = Callable[..., Client]
CLASS_LINE = 4


def actions(client: Client, uri: str, line: int = CLASS_LINE) -> dict[str, Any]:
    place = {"line": line, "character": 8}
    params = {
        "textDocument": {"uri": uri},
        "range": {"start": place, "end": place},
        "context": {"diagnostics": []},
    }
    return {each["title"]: each for each in client.request("textDocument/codeAction", params)}


def applied(text: str, edits: list[dict[str, Any]]) -> str:
    """A text of ASCII with LSP's edits."""
    starts = [0]
    for line in text.splitlines(keepends=True):
        starts.append(starts[-1] + len(line))

    def offset(place: dict[str, int]) -> int:
        return starts[place["line"]] + place["character"]

    for edit in sorted(edits, key=lambda each: offset(each["range"]["start"]), reverse=True):
        start, end = offset(edit["range"]["start"]), offset(edit["range"]["end"])
        text = text[:start] + edit["newText"] + text[end:]
    return text


def test_annotations_name_the_shapes_and_are_read_back(start: Start, model_file: Path) -> None:
    client = start(model_file.parent)
    uri = client.open(model_file)
    client.diagnostics(uri, 1)
    edit = actions(client, uri)["Write the shapes of MyModel as jaxtyping annotations"]["edit"]
    text = applied(MODEL, edit["changes"][uri])
    assert 'def forward(self, x: Float[Tensor, "B 3 12 12"]) -> Float[Tensor, "B 10"]:' in text
    assert "from jaxtyping import Float" in text
    client.change(uri, 2, text)
    assert [each for each in client.diagnostics(uri, 2) if each["severity"] < 4] == []
    assert client.lenses(uri)[0].startswith("x: (B, 3, 12, 12)")


def test_the_test_that_is_written_passes_and_fails_where_shapes_change(start: Start, model_file: Path) -> None:
    client = start(model_file.parent)
    uri = client.open(model_file)
    client.diagnostics(uri, 1)
    create, write = actions(client, uri)["Write a test of the shapes of MyModel"]["edit"]["documentChanges"]
    path = model_file.parent / "test_my_model_shapes.py"
    assert create["uri"] == write["textDocument"]["uri"] == path.as_uri()
    path.write_text(applied("", write["edits"]))
    assert run_pytest(path) == 0
    model_file.write_text(MODEL.replace("nn.Linear(1024, 10)", "nn.Linear(1024, 11)"))
    assert run_pytest(path) == 1


def run_pytest(path: Path) -> int:
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--rootdir", str(path.parent), path.name]
    return subprocess.run(command, cwd=path.parent, capture_output=True).returncode


def test_a_stale_trace_is_not_written_down(start: Start, model_file: Path) -> None:
    client = start(model_file.parent)
    uri = client.open(model_file)
    client.diagnostics(uri, 1)
    client.change(uri, 2, MODEL.replace("self.fc2(x)", "self.fc2(x"))
    assert not [title for title in actions(client, uri) if title.startswith("Write ")]


def test_the_input_is_pinned_or_changed_from_the_class_line(start: Start, model_file: Path) -> None:
    client = start(model_file.parent)
    uri = client.open(model_file)
    client.diagnostics(uri, 1)
    offered = actions(client, uri)
    pinned = applied(MODEL, offered["Pin the input of MyModel"]["edit"]["changes"][uri])
    assert "class MyModel(nn.Module):  # pymodel: MyModel(), x=(B, 3, 12, 12):float32" in pinned
    command = offered["Change the input of MyModel…"]["command"]
    assert (command["command"], command["arguments"]) == ("pymodel.setExampleInput", [uri, f"{model_file}::MyModel"])


def test_only_an_editor_with_the_dialogue_is_offered_it(start: Start, model_file: Path) -> None:
    client = start(model_file.parent, client="other")
    uri = client.open(model_file)
    client.diagnostics(uri, 1)
    offered = actions(client, uri)
    assert "Pin the input of MyModel" in offered
    assert "Change the input of MyModel…" not in offered
