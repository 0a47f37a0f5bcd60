"""Notebooks, synchronised as LSP has it: the cells are one program, each answered in its own lines."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from .client import Client

IMPORTS = "%matplotlib inline\nimport torch\nfrom torch import nn"
MODEL = """\
%%time
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 64, kernel_size=3)
        self.fc = nn.Linear(6401, 10)

    def forward(self, x):
        x = self.conv(x).relu()
        x = x.flatten(1)
        return self.fc(x)"""
USE = "!nvidia-smi\nfiles = !ls\nnet = Net()\nif True:\n    %timeit net\nout = net(torch.randn(8, 3, 12, 12))"
SHELL = "%%bash\nfor f in *; do echo $f; done"


class Notebook:
    """A notebook that is open in a client."""

    def __init__(self, client: Client, path: Path, cells: list[str]) -> None:
        self.client = client
        self.uri = path.as_uri()
        self.cells = [f"vscode-notebook-cell:{path}#W{number}" for number in range(len(cells))]
        self.version = 1
        documents = [self._document(uri, text) for uri, text in zip(self.cells, cells, strict=True)]
        notebook = {
            "uri": self.uri,
            "notebookType": "jupyter-notebook",
            "version": 1,
            "cells": [{"kind": 2, "document": uri} for uri in self.cells],
        }
        client.notify("notebookDocument/didOpen", {"notebookDocument": notebook, "cellTextDocuments": documents})

    def change(self, number: int, text: str) -> None:
        """Type a new text into a cell."""
        self.version += 1
        content = {
            "document": {"uri": self.cells[number], "version": self.version},
            "changes": [{"text": text}],
        }
        self._changed({"cells": {"textContent": [content]}})

    def move_first_to_end(self) -> None:
        first = self.cells.pop(0)
        self.cells.append(first)
        self.version += 1
        last = len(self.cells) - 1
        for array in (
            {"start": 0, "deleteCount": 1, "cells": []},
            {"start": last, "deleteCount": 0, "cells": [{"kind": 2, "document": first}]},
        ):
            self._changed({"cells": {"structure": {"array": array, "didOpen": [], "didClose": []}}})

    def diagnostics(self, number: int) -> list[dict[str, Any]]:
        """What was last published for a cell."""
        for message in reversed(self.client.notifications):
            params = message.get("params") or {}
            if message["method"] == "textDocument/publishDiagnostics" and params["uri"] == self.cells[number]:
                return list(params["diagnostics"])
        return []

    def errors(self, number: int) -> list[int]:
        return [each["range"]["start"]["line"] for each in self.diagnostics(number) if each["severity"] == 1]

    def ask(self, method: str, number: int, **more: Any) -> Any:
        return self.client.request(method, {"textDocument": {"uri": self.cells[number]}, **more})

    def await_hover(self, number: int, line: int, character: int, expected: str) -> None:
        def shown() -> bool:
            return expected in (self.client.hover(self.cells[number], line, character) or "")

        self.client.wait_by_asking(shown, f"a hover with {expected}")

    def _changed(self, change: dict[str, Any]) -> None:
        notebook = {"uri": self.uri, "version": self.version}
        self.client.notify("notebookDocument/didChange", {"notebookDocument": notebook, "change": change})

    def _document(self, uri: str, text: str) -> dict[str, Any]:
        return {"uri": uri, "languageId": "python", "version": 1, "text": text}


@pytest.fixture(scope="module")
def window(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    client = Client(tmp_path_factory.mktemp("notebooks"))
    yield client
    assert client.close() == 0


@pytest.fixture
def notebook(window: Client, tmp_path: Path) -> Notebook:
    return Notebook(window, tmp_path / "réseau.ipynb", [IMPORTS, SHELL, MODEL, USE])


def test_a_cell_knows_the_cells_before_it_and_answers_in_its_own_lines(notebook: Notebook) -> None:
    notebook.await_hover(2, 8, 14, "(B, 64, 10, 10)")
    whole = {"start": {"line": 0, "character": 0}, "end": {"line": 10, "character": 0}}
    hints = notebook.ask("textDocument/inlayHint", 2, range=whole)
    assert [(each["position"]["line"], each["label"]) for each in hints] == [(8, "B×64×10×10"), (9, "B×6400")]
    [lens, *_] = notebook.ask("textDocument/codeLens", 2)
    assert lens["range"]["start"]["line"] == 1
    assert "x: (B, 3, 12, 12)" in lens["command"]["title"]
    assert notebook.ask("textDocument/codeLens", 0) == []


def test_faults_stand_in_their_cell_and_go_when_it_is_mended(notebook: Notebook) -> None:
    client = notebook.client
    client.wait(lambda: notebook.errors(2) == [10], "the fault of line 10")
    [fault] = [each for each in notebook.diagnostics(2) if each["severity"] == 1]
    assert "6401" in fault["message"]
    places = [each["location"] for each in fault["relatedInformation"]]
    assert (notebook.cells[2], 9) in [(each["uri"], each["range"]["start"]["line"]) for each in places]
    assert {each["uri"] for each in places} <= set(notebook.cells)
    assert notebook.errors(0) == notebook.errors(1) == notebook.errors(3) == []
    notebook.change(2, MODEL.replace("6401", "6400"))
    client.wait(lambda: not notebook.errors(2), "no fault")


def test_an_action_edits_the_cell(notebook: Notebook) -> None:
    notebook.await_hover(2, 8, 14, "(B, 64, 10, 10)")
    place = {"start": {"line": 1, "character": 8}, "end": {"line": 1, "character": 8}}
    actions = notebook.ask("textDocument/codeAction", 2, range=place, context={"diagnostics": []})
    [pin] = [each for each in actions if each["title"] == "Pin the input of Net"]
    [(uri, [edit])] = pin["edit"]["changes"].items()
    assert uri == notebook.cells[2]
    assert edit["range"]["start"] == {"line": 1, "character": len("class Net(nn.Module):")}


def test_cells_count_in_their_order(notebook: Notebook) -> None:
    notebook.await_hover(2, 8, 14, "(B, 64, 10, 10)")
    notebook.move_first_to_end()
    client = notebook.client
    client.wait(lambda: any("nn" in each["message"] for each in notebook.diagnostics(1)), "that `nn` is not known yet")


def test_a_command_takes_a_cell_for_its_notebook(notebook: Notebook) -> None:
    notebook.await_hover(2, 8, 14, "(B, 64, 10, 10)")
    argument = {"uri": notebook.cells[2], "target": "Net"}
    asked = {"command": "pymodel.candidates", "arguments": [argument]}
    found = notebook.client.request("workspace/executeCommand", asked)
    assert found["used"] == "x=(B, 3, 12, 12):float32"
