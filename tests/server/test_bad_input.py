"""Whatever a file or a machine lacks: one clear message with the next step on it, and the rest goes on working."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from .client import ROOT, Client
from .conftest import MODEL, make_venv

Start = Callable[..., Client]
FIXTURES = ROOT / "tests" / "fixtures"
KILLERS = sorted(path.stem for path in (FIXTURES / "killers").glob("*.py"))


def statuses(client: Client) -> list[dict[str, Any]]:
    return [each["params"] for each in client.notifications if each["method"] == "pymodel/status"]


def await_status(client: Client, state: str) -> dict[str, Any]:
    found: list[dict[str, Any]] = client.wait(
        lambda: [each for each in statuses(client) if each["state"] == state], f"the state {state}"
    )
    return found[-1]


def assert_answers(client: Client, folder: Path) -> None:
    """Another file of the same window has its shapes."""
    healthy = folder / "healthy.py"
    healthy.write_text(MODEL)
    uri = client.open(healthy)
    client.wait_by_asking(lambda: "(B, 64, 10, 10)" in (client.hover(uri, 12, 25) or ""), "shapes of another file")


@pytest.fixture(scope="module")
def bare_python(tmp_path_factory: pytest.TempPathFactory) -> str:
    """An interpreter without torch."""
    return make_venv(tmp_path_factory.mktemp("bare"))


def test_no_torch(start: Start, model_file: Path, bare_python: str) -> None:
    client = start(model_file.parent, interpreter=bare_python)
    uri = client.open(model_file)
    assert "pip install torch" in await_status(client, "error")["detail"]
    [found] = client.diagnostics(uri, 1)
    assert "pip install torch" in found["message"]
    assert found["range"]["start"]["line"] == 4
    assert client.lenses(uri) == ["Why no shapes here?"]


def test_no_interpreter(start: Start, model_file: Path) -> None:
    client = start(model_file.parent, interpreter=str(model_file.parent / "gone" / "python"))
    uri = client.open(model_file)
    detail = await_status(client, "error")["detail"]
    assert "gone" in detail
    assert "Select Interpreter" in detail
    assert client.lenses(uri) == ["Why no shapes here?"]


@pytest.mark.parametrize(
    ("text", "code", "line", "words"),
    [
        ("import no_such_package\n" + MODEL, "missing-import", 0, "pip install no_such_package"),
        ("WIDTH = 1 // 0\n" + MODEL.replace("3, 64,", "3, WIDTH,"), "import-failed", 0, "ZeroDivisionError"),
        (
            MODEL.replace("        self.conv1", "        raise ValueError('no table')\n        self.conv1", 1),
            "raises",
            7,
            "no table",
        ),
        (
            MODEL.replace("        x = self.conv1(x)", "        x = self.conv1(x"),
            "syntax-error",
            12,
            "was never closed",
        ),
        (MODEL.replace("MyModel(nn.Module):", "MyModel(nn.Module):  # pymodel: x=(B,"), "bad-pin", 4, "x=(B, 3, 12"),
    ],
)
def test_one_message_with_the_next_step(
    start: Start, tmp_path: Path, text: str, code: str, line: int, words: str
) -> None:
    client = start(tmp_path)
    uri = client.open(tmp_path / "mödel.py", text)
    found = [each for each in client.diagnostics(uri, 1) if each["code"] == code]
    assert [each["range"]["start"]["line"] for each in found] == [line], found
    assert words in found[0]["message"]
    assert_answers(client, tmp_path)


def test_a_large_file_is_told_of_and_delays_nobody(start: Start, tmp_path: Path) -> None:
    client = start(tmp_path)
    padding = "".join(f"value_{number} = {number}\n" for number in range(120_000))
    uri = client.open(tmp_path / "large.py", padding + MODEL)
    [found] = client.diagnostics(uri, 1)
    assert "MB" in found["message"]
    assert_answers(client, tmp_path)


@pytest.fixture(scope="module")
def window(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """One server for all killers, as in one window."""
    client = Client(tmp_path_factory.mktemp("window"))
    yield client
    assert client.close() == 0


@pytest.mark.parametrize("killer", KILLERS)
def test_a_killer_leaves_another_file_answering(window: Client, tmp_path: Path, killer: str) -> None:
    shutil.copy(FIXTURES / "killers" / f"{killer}.py", tmp_path / "strike.py")
    window.open(Path(shutil.copy(FIXTURES / "hosts" / "forward.py", tmp_path / "net.py")))
    assert_answers(window, tmp_path)
