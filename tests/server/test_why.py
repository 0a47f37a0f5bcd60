"""`pymodel.why` says what to do next, by what stands in the way."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from .client import Client
from .conftest import MODEL

Start = Callable[..., Client]


def why(client: Client, uri: str) -> Any:
    return client.request("workspace/executeCommand", {"command": "pymodel.why", "arguments": [{"uri": uri}]})


def commands(found: Any) -> list[str | None]:
    return [step["command"] for step in found["steps"]]


def test_nothing_is_to_do_where_all_is_known(start: Start, model_file: Path) -> None:
    client = start(model_file.parent)
    uri = client.open(model_file)
    client.diagnostics(uri, 1)
    found = why(client, uri)
    assert (found["status"], found["steps"]) == ("complete", [])


def test_an_error_is_to_be_mended_at_its_line(start: Start, model_file: Path) -> None:
    client = start(model_file.parent)
    uri = client.open(model_file, MODEL.replace("Linear(1024, 10)", "Linear(1000, 10)"))
    client.diagnostics(uri, 1)
    [mend, feed] = why(client, uri)["steps"]
    assert (mend["path"], mend["line"]) == (str(model_file), 16)
    assert mend["words"].startswith("Mend this: `fc2` takes 1000 features")
    assert feed["command"] == "pymodel.setExampleInput"


def test_a_package_that_is_missing_is_named_first(start: Start, model_file: Path) -> None:
    client = start(model_file.parent)
    text = "import package_that_is_missing as missing\n" + MODEL.replace("nn.Linear(1024, 10)", "missing.layer(1024)")
    uri = client.open(model_file, text)
    client.diagnostics(uri, 1)
    found = why(client, uri)
    assert "pip install package_that_is_missing" in found["steps"][0]["words"]
    assert commands(found)[-2:] == ["pymodel.setConstructorArguments", "pymodel.setExampleInput"]


def test_a_restricted_workspace_is_to_be_trusted(start: Start, model_file: Path) -> None:
    client = start(model_file.parent, trusted=False)
    uri = client.open(model_file)
    assert commands(why(client, uri)) == ["pymodel.manageTrust"]


def test_a_python_without_torch_is_to_be_changed(start: Start, model_file: Path) -> None:
    client = start(model_file.parent, interpreter="/usr/bin/python-that-is-not-there")
    uri = client.open(model_file)
    client.diagnostics(uri, 1)
    assert commands(why(client, uri))[0] == "pymodel.selectInterpreter"
