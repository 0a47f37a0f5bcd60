"""What a person sees while they type: hover, lenses and diagnostics follow the unsaved text."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from .client import Client
from .conftest import MODEL

Start = Callable[..., Client]
BROKEN = MODEL.replace("nn.Conv2d(3, 64", "nn.Conv2d(3, 32")


def test_shapes_follow_unsaved_text(start: Start, model_file: Path) -> None:
    client = start(model_file.parent)
    uri = client.open(model_file)
    assert client.diagnostics(uri, 1) == []
    assert client.lenses(uri)[0] == "x: (B, 3, 12, 12) · 6,566,666 parameters · 13.5 MFLOPs"
    assert "self.conv1(x): (B, 64, 10, 10)  float32" in (client.hover(uri, 12, 25) or "")
    assert "x: (B, 3, 12, 12)" in (client.hover(uri, 12, 23) or "")
    assert "fc1: Linear(in_features=6400, out_features=1024" in (client.hover(uri, 14, 15) or "")
    assert "| conv1 | Conv2d |" in (client.hover(uri, 4, 8) or "")

    client.change(uri, 2, BROKEN)
    [found] = client.diagnostics(uri, 2)
    assert found["range"]["start"]["line"] == 13
    assert "32·10·10 = 3,200" in found["message"]
    assert "(B, 32, 10, 10)" in (client.hover(uri, 12, 25) or "")
    assert client.lenses(uri)[0].startswith("x: (B, 3, 12, 12)")

    client.change(uri, 3, MODEL)
    assert client.diagnostics(uri, 3) == []


def test_a_pin_shows_the_folded_batch(start: Start, model_file: Path) -> None:
    client = start(model_file.parent)
    pinned = MODEL.replace(
        "class MyModel(nn.Module):", "class MyModel(nn.Module):  # pymodel: MyModel(), x=(B, 3, 32, 32)"
    )
    uri = client.open(model_file, pinned)
    [found] = client.diagnostics(uri, 1)
    assert found["code"] == "folded-batch"
    assert found["range"]["start"]["line"] == 13
    assert "9*B" in found["message"]


def test_a_syntax_error_keeps_the_last_shapes(start: Start, model_file: Path) -> None:
    client = start(model_file.parent)
    uri = client.open(model_file)
    client.diagnostics(uri, 1)
    client.change(uri, 2, MODEL.replace("        return self.fc2(x)", "        return self.fc2(x"))
    assert "(B, 64, 10, 10)" in (client.hover(uri, 12, 25) or "")


def test_positions_count_utf16_units(start: Start, tmp_path: Path) -> None:
    text = MODEL.replace("x = self.fc1(x).relu()", 'x = self.fc1({"😀漢é": x}["😀漢é"]).relu()')
    path = tmp_path / "modèle.py"
    path.write_text(text.replace("\n", "\r\n"), newline="")
    client = start(tmp_path)
    uri = client.open(path, text.replace("\n", "\r\n"))
    assert client.diagnostics(uri, 1) == []
    line = text.splitlines()[14]
    column = line.index(": x}") + 2
    units = len(line[:column].encode("utf-16-le")) // 2
    assert "x: (B, 6400)" in (client.hover(uri, 14, units) or "")


def test_nothing_runs_in_an_untrusted_workspace(start: Start, tmp_path: Path) -> None:
    canary = tmp_path / "canary"
    path = tmp_path / "model.py"
    path.write_text(f"open({str(canary)!r}, 'w')\n" + MODEL)
    client = start(tmp_path, trusted=False)
    uri = client.open(path)
    assert client.lenses(uri) == ["Restricted: why no shapes?"]
    status = client.wait(
        lambda: [each for each in client.notifications if each["method"] == "pymodel/status"], "status"
    )
    assert status[-1]["params"]["state"] == "restricted"
    reply = client.reply(
        "workspace/executeCommand",
        {"command": "pymodel.train", "arguments": [{"uri": uri, "target": "a", "data": "b"}]},
    )
    assert "restricted" in reply["error"]["message"]
    assert not canary.exists()


def test_a_workspace_cannot_shadow_the_server_or_the_engine(start: Start, model_file: Path) -> None:
    for name in ("server", "pymodel", "pymodel_server", "json", "torch", "pygls"):
        (model_file.parent / f"{name}.py").write_text(f"raise SystemExit('{name} was shadowed')\n")
    client = start(model_file.parent)
    uri = client.open(model_file)
    assert client.diagnostics(uri, 1) == []
    assert "(B, 64, 10, 10)" in (client.hover(uri, 12, 25) or "")


def test_user_output_never_reaches_the_protocol(start: Start, model_file: Path) -> None:
    client = start(model_file.parent)
    loud = MODEL.replace(
        "        x = self.fc1", "        print('hello'); import os; os.write(1, b'raw')\n        x = self.fc1"
    )
    uri = client.open(model_file, loud)
    assert client.diagnostics(uri, 1) == []
    assert "(B, 64, 10, 10)" in (client.hover(uri, 12, 25) or "")


def test_empty_and_oversized_files_are_answered(start: Start, tmp_path: Path) -> None:
    client = start(tmp_path)
    empty = client.open(tmp_path / "empty.py", "")
    large = client.open(tmp_path / "large.py", "x = 1\n" * 400_000)
    assert client.lenses(empty) == []
    assert client.lenses(large) == []


def test_a_half_typed_edit_does_not_lose_the_input_that_ran(start: Start, model_file: Path) -> None:
    client = start(model_file.parent)
    uri = client.open(model_file)
    client.diagnostics(uri, 1)
    for version, text in ((2, MODEL.replace("1024, 10)", "1024)")), (3, MODEL.replace("1024, 10)", "512, 10)"))):
        client.change(uri, version, text)
        assert client.diagnostics(uri, version)
    assert client.lenses(uri)[0].startswith("x: (B, 3, 12, 12)")


def test_a_save_forgets_what_earlier_texts_knew(start: Start, model_file: Path) -> None:
    client = start(model_file.parent)
    uri = client.open(model_file, MODEL.replace("64 * 10 * 10, 1024", "64, 1024"))
    assert client.diagnostics(uri, 1)
    broken = MODEL.replace("class MyModel(nn.Module)", "class MyModel(")
    client.change(uri, 2, broken)
    assert client.lenses(uri)
    client.notify("textDocument/didSave", {"textDocument": {"uri": uri}})
    client.wait_by_asking(lambda: not client.lenses(uri), "a text without models")
    found = client.request("textDocument/diagnostic", {"textDocument": {"uri": uri}})["items"]
    assert [each["code"] for each in found] == ["syntax-error"]
