"""Pins from everywhere they may stand, over the real server: what they change, what is wrong with them, completion."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from .client import Client
from .conftest import MODEL

CLASS = "class MyModel(nn.Module):"
CALLS = "import torch\nfrom model import MyModel\n\nout = MyModel()(torch.randn(4, 3, 12, 12))\n"
CONVOLUTION = (12, 25)


@pytest.fixture(scope="module")
def window(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    client = Client(tmp_path_factory.mktemp("window"))
    yield client
    assert client.close() == 0


@pytest.fixture
def path(window: Client, tmp_path: Path) -> Iterator[Path]:
    """A model in a workspace folder of its own."""
    (tmp_path / "model.py").write_text(MODEL)
    folder = {"uri": tmp_path.as_uri(), "name": tmp_path.name}
    window.notify("workspace/didChangeWorkspaceFolders", {"event": {"added": [folder], "removed": []}})
    yield tmp_path / "model.py"
    window.notify("workspace/didChangeWorkspaceFolders", {"event": {"added": [], "removed": [folder]}})
    window.notify("workspace/didChangeConfiguration", {"settings": {"pymodel": {"pins": {}}}})
    window.notify("textDocument/didClose", {"textDocument": {"uri": (tmp_path / "model.py").as_uri()}})


def await_input(client: Client, uri: str, words: str) -> None:
    client.wait_by_asking(lambda: any(words in lens for lens in client.lenses(uri)), f"a lens with {words}")


def await_finding(client: Client, uri: str, code: str) -> dict[str, Any]:
    def found() -> dict[str, Any] | None:
        for message in reversed(client.notifications):
            params = message.get("params") or {}
            if message["method"] == "textDocument/publishDiagnostics" and params["uri"] == uri:
                return next((each for each in params["diagnostics"] if each["code"] == code), None)
        return None

    finding: dict[str, Any] = client.wait(found, f"a finding {code}")
    return finding


def command(client: Client, name: str, path: Path, **more: Any) -> Any:
    argument = {"uri": path.as_uri(), "target": "MyModel", **more}
    return client.request("workspace/executeCommand", {"command": name, "arguments": [argument]})


def labels(client: Client, uri: str, line: int, character: int) -> list[str]:
    position = {"line": line, "character": character}
    found = client.request("textDocument/completion", {"textDocument": {"uri": uri}, "position": position})
    return [each["label"] for each in found["items"]]


def test_the_most_local_pin_wins_and_each_change_counts_without_a_restart(window: Client, path: Path) -> None:
    uri = window.open(path)
    await_input(window, uri, "(B, 3, 12, 12)")
    (path.parent / "pyproject.toml").write_text('[tool.pymodel.pins]\n"model.py::MyModel" = "x=(5, 3, 12, 12)"\n')
    await_input(window, uri, "(5, 3, 12, 12)")
    pins = {"model.py::MyModel": "x=(6, 3, 12, 12)"}
    window.notify("workspace/didChangeConfiguration", {"settings": {"pymodel": {"pins": pins}}})
    await_input(window, uri, "(6, 3, 12, 12)")
    window.change(uri, 2, MODEL.replace(CLASS, f"{CLASS}  # pymodel: x=(7, 3, 12, 12)"))
    await_input(window, uri, "(7, 3, 12, 12)")
    window.change(uri, 3, MODEL)
    await_input(window, uri, "(6, 3, 12, 12)")
    window.notify("workspace/didChangeConfiguration", {"settings": {"pymodel": {"pins": {}}}})
    await_input(window, uri, "(5, 3, 12, 12)")


@pytest.mark.parametrize(
    ("pin", "code", "words"),
    [
        ("x=(B,", "bad-pin", "is not a pin"),
        ("y=(B, 3, 12, 12)", "pin-argument", "takes x, and no `y`"),
        ("x=(B, 3, 12)", "pin-rank", "pinned with 3 dimensions, as (B, 3, 12); MyModel runs with 4 dimensions"),
    ],
)
def test_what_is_wrong_with_a_pin_stands_on_it(window: Client, path: Path, pin: str, code: str, words: str) -> None:
    (path.parent / "use.py").write_text(CALLS)
    uri = window.open(path, MODEL.replace(CLASS, f"{CLASS}  # pymodel: {pin}"))
    found = await_finding(window, uri, code)
    assert words in found["message"]
    assert found["range"]["start"] == {"line": 4, "character": len(f"{CLASS}  # pymodel: ")}


def test_a_pin_that_nothing_uses_is_told_with_its_line(window: Client, path: Path) -> None:
    (path.parent / "pyproject.toml").write_text('[tool.pymodel]\n"model.py::MyNodel" = "x=(B, 3, 12, 12)"\n')
    uri = window.open(path)
    found = await_finding(window, uri, "unused-pin")
    assert "this file holds MyModel" in found["message"]
    [related] = found["relatedInformation"]
    assert related["location"]["uri"].endswith("/pyproject.toml")
    assert related["location"]["range"]["start"] == {"line": 1, "character": 1}


def test_completion_offers_what_is_known(window: Client, path: Path) -> None:
    uri = window.open(path)
    await_input(window, uri, "(B, 3, 12, 12)")

    def offered(comment: str) -> list[str]:
        nonlocal version
        version += 1
        window.change(uri, version, MODEL.replace(CLASS, f"{CLASS}  {comment}"))
        return labels(window, uri, 4, len(f"{CLASS}  {comment}"))

    version = 1
    assert offered("# py") == ["# pymodel: MyModel(), x=(B, 3, 12, 12):float32"]
    assert offered("# pymodel: ") == ["MyModel()", "x=(B, 3, 12, 12):float32"]
    assert offered("# pymodel: MyModel(), ") == ["x=(B, 3, 12, 12):float32"]
    assert offered("# pymodel: x=") == ["(B, 3, 12, 12):float32"]
    assert offered("# pymodel: x=(B, 3, 12, 12):")[:2] == ["float32", "int64"]
    assert offered("# pymodel: x=(B, 3, 12, 12), ") == []
    assert offered("# something") == []
    assert labels(window, uri, 12, 10) == []


def test_candidates_come_with_their_sources_and_are_set_by_the_editor(window: Client, path: Path) -> None:
    (path.parent / "use.py").write_text(CALLS)
    uri = window.open(path)
    await_input(window, uri, "(B, 3, 12, 12)")
    found = command(window, "pymodel.candidates", path)
    assert (found["pin"], found["used"]) == (None, "x=(B, 3, 12, 12):float32")
    by_kind = {each["kind"]: each for each in reversed(found["candidates"])}
    assert by_kind["construction"]["pin"] == "MyModel()"
    source = by_kind["inputs"]["source"]
    assert (source["kind"], Path(source["path"]).name, source["line"]) == ("call-site", "use.py", 4)
    window.notifications.clear()
    window.answers["workspace/applyEdit"] = {"applied": True}
    command(window, "pymodel.pin", path, part="inputs", pin="x=(B, 3, 12, 12)")
    [edit] = [each["params"]["edit"] for each in window.notifications if each["method"] == "workspace/applyEdit"]
    [change] = edit["changes"][uri]
    assert change["newText"] == "  # pymodel: x=(B, 3, 12, 12)"
    assert change["range"]["start"] == {"line": 4, "character": len(CLASS)}


def test_one_part_of_a_pin_is_set_and_the_other_stays(window: Client, path: Path) -> None:
    uri = window.open(path, MODEL.replace(CLASS, f"{CLASS}  # pymodel: MyModel(), x=(B, 3, 12, 12)"))
    window.answers["workspace/applyEdit"] = {"applied": True}
    assert command(window, "pymodel.pin", path, part="inputs", pin="x=(2, 3, 12, 12)")["pin"] == (
        "MyModel(), x=(2, 3, 12, 12)"
    )
    assert command(window, "pymodel.pin", path, part="construction", pin="")["pin"] == "x=(B, 3, 12, 12)"
    assert command(window, "pymodel.pin", path, pin="")["pin"] is None
    argument = {"uri": uri, "target": "MyModel", "pin": "x=("}
    refused = window.reply("workspace/executeCommand", {"command": "pymodel.pin", "arguments": [argument]})
    assert "`x=(` is not a pin" in refused["error"]["message"]


def test_a_report_holds_no_code(window: Client, path: Path) -> None:
    uri = window.open(path, MODEL.replace("6400", "SECRET_SIZE").replace("10 * 10", "SECRET_SIZE"))
    window.wait_by_asking(lambda: window.lenses(uri) != ["analysing…"], "an answer")
    told = str(window.request("workspace/executeCommand", {"command": "pymodel.report", "arguments": [{}]}))
    assert "torch" in told
    assert "raises" in told or "failed" in told or "partial" in told
    for word in ("SECRET", "MyModel", "conv1", "model.py"):
        assert word not in told
