"""Which Python a file runs on: its folder's own, the nearest one around it, and none of a file that is nowhere yet."""

from __future__ import annotations

import subprocess
import sysconfig
from collections.abc import Callable
from pathlib import Path

import pytest

from .client import Client
from .conftest import MODEL, make_venv

Start = Callable[..., Client]
NET = """\
from sizes import WIDTH
from torch import nn


class Net(nn.Module):  # pymodel: x=(B, 3)
    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(3, WIDTH)

    def forward(self, x):
        y = self.fc(x)
        return y
"""


def make_environment(folder: Path, width: int) -> str:
    """A virtual environment with torch and a package of its own."""
    python = make_venv(folder)
    ask = [python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"]
    packages = Path(subprocess.run(ask, check=True, capture_output=True, text=True).stdout.strip())
    (packages / "torch_of_the_tests.pth").write_text(sysconfig.get_path("purelib") + "\n")
    (packages / "sizes.py").write_text(f"WIDTH = {width}\n")
    return python


def open_net(client: Client, folder: Path) -> str:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "net.py").write_text(NET)
    return client.open(folder / "net.py")


def await_shape(client: Client, uri: str, shape: str) -> None:
    client.wait_by_asking(lambda: shape in (client.hover(uri, 10, 8) or ""), f"the shape {shape} in {uri}")


@pytest.fixture
def no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """As an editor is started from a desktop: no virtual environment is active."""
    for name in ("VIRTUAL_ENV", "CONDA_PREFIX"):
        monkeypatch.delenv(name, raising=False)


@pytest.mark.usefixtures("no_environment")
def test_in_a_monorepo_the_nearest_environment_around_a_file_counts(start: Start, tmp_path: Path) -> None:
    make_environment(tmp_path / ".venv", 5)
    make_environment(tmp_path / "services" / "vision" / ".venv", 9)
    client = start(tmp_path, interpreter=None)
    inner = open_net(client, tmp_path / "services" / "vision" / "src" / "vision")
    outer = open_net(client, tmp_path / "services" / "text")
    await_shape(client, inner, "(B, 9)")
    await_shape(client, outer, "(B, 5)")


@pytest.mark.usefixtures("no_environment")
def test_each_folder_of_a_window_has_the_interpreter_chosen_for_it_and_another_choice_counts_at_once(
    start: Start, tmp_path: Path
) -> None:
    first, second = (make_environment(tmp_path / f"env{width}", width) for width in (5, 9))
    folders = {str(tmp_path / "a"): first, str(tmp_path / "b"): second}
    client = start(tmp_path, interpreter=None, interpreters=folders)
    a, b = open_net(client, tmp_path / "a"), open_net(client, tmp_path / "b")
    await_shape(client, a, "(B, 5)")
    await_shape(client, b, "(B, 9)")
    folders[str(tmp_path / "a")] = second
    client.notify("workspace/didChangeConfiguration", {"settings": {"pymodel": {"interpreters": folders}}})
    await_shape(client, a, "(B, 9)")


def test_a_file_that_was_never_saved_has_its_shapes(start: Start, tmp_path: Path) -> None:
    client = start(tmp_path)
    uri = "untitled:Untitled-1"
    document = {"uri": uri, "languageId": "python", "version": 1, "text": MODEL}
    client.notify("textDocument/didOpen", {"textDocument": document})
    client.wait_by_asking(lambda: "(B, 64, 10, 10)" in (client.hover(uri, 12, 25) or ""), "shapes of an untitled file")
    client.change(uri, 2, MODEL.replace("64 * 10 * 10, 1024", "64 * 9 * 10, 1024"))
    [found] = client.diagnostics(uri, 2)
    assert found["code"] == "shape-mismatch"
    assert client.lenses(uri)
