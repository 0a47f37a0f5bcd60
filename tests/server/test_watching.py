"""What changes on disk, by whatever means, is traced again; a run that another program starts is found."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path

import pytest

from .client import ROOT, Client
from .conftest import MODEL

Start = Callable[..., Client]
SPLIT = MODEL.replace("nn.Conv2d(3, 64", "nn.Conv2d(3, WIDTH").replace("64 * 10", "WIDTH * 10")
IMPORTING = f"from sizes import WIDTH\n{SPLIT}"
CONVOLUTION = (13, 25)
"""Where `self.conv1(x)` stands."""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "model.py").write_text(IMPORTING)
    (tmp_path / "sizes.py").write_text("WIDTH = 64\n")
    return tmp_path


def await_channels(client: Client, uri: str, channels: int) -> None:
    def shown() -> bool:
        return f"(B, {channels}, 10, 10)" in (client.hover(uri, *CONVOLUTION) or "")

    client.wait_by_asking(shown, f"{channels} channels")


def opened(client: Client, folder: Path) -> str:
    uri = client.open(folder / "model.py")
    await_channels(client, uri, 64)
    return uri


def write_in_place(path: Path, text: str) -> None:
    path.write_text(text)


def save_atomically(path: Path, text: str) -> None:
    beside = path.with_suffix(".tmp")
    beside.write_text(text)
    beside.replace(path)


def check_out(path: Path, text: str) -> None:
    def git(*words: str) -> None:
        identity = ("-c", "user.name=a", "-c", "user.email=a@b.c")
        subprocess.run(["git", *identity, *words], cwd=path.parent, check=True, capture_output=True)

    git("init", "--initial-branch", "main")
    git("add", "sizes.py")
    git("commit", "-m", "before")
    git("checkout", "-b", "other")
    original = path.read_text()
    path.write_text(text)
    git("commit", "-a", "-m", "after")
    git("checkout", "main")
    assert path.read_text() == original
    git("checkout", "other")


@pytest.mark.parametrize("change", [write_in_place, save_atomically, check_out])
def test_an_imported_file_that_changes_on_disk_is_traced_again(
    start: Start, folder: Path, change: Callable[[Path, str], None]
) -> None:
    client = start(folder)
    uri = opened(client, folder)
    change(folder / "sizes.py", "WIDTH = 48\n")
    await_channels(client, uri, 48)


def test_a_missing_file_that_comes_is_traced(start: Start, folder: Path) -> None:
    (folder / "sizes.py").unlink()
    client = start(folder)
    uri = client.open(folder / "model.py")
    assert any(each["code"] == "missing-import" for each in client.diagnostics(uri, 1))
    (folder / "sizes.py").write_text("WIDTH = 24\n")
    await_channels(client, uri, 24)


def test_a_clients_own_file_events_serve(start: Start, folder: Path) -> None:
    client = start(folder, fileEvents="client")
    uri = opened(client, folder)
    sizes = folder / "sizes.py"
    sizes.write_text("WIDTH = 48\n")
    client.notify("workspace/didChangeWatchedFiles", {"changes": [{"uri": sizes.as_uri(), "type": 2}]})
    await_channels(client, uri, 48)


def test_a_run_of_another_program_is_told(start: Start, folder: Path) -> None:
    client = start(folder)
    opened(client, folder)
    make = """
        import sys, time
        from dataclasses import replace
        from pathlib import Path
        from pymodel import runs
        from pymodel.schema import DataSettings, ModelSettings, Recipe, TrainRequest
        request = TrainRequest(Recipe(ModelSettings("model.py::MyModel"), DataSettings("d.py::d")), "")
        folder = runs.create_run(runs.find_runs_root(sys.argv[1]), request)
        runs.write_run(folder, replace(runs.read_run(folder), state="completed"))
    """
    subprocess.run([sys.executable, "-c", textwrap.dedent(make), str(folder)], check=True, cwd=ROOT)

    def told() -> bool:
        changes = [each["params"]["run"] for each in client.notifications if each["method"] == "pymodel/runChanged"]
        return any(run["state"] == "completed" and run["target"] == "model.py::MyModel" for run in changes)

    client.wait(told, "word of the run")


POLLING = """
import os, resource, sys, threading
from pathlib import Path
from pymodel_server.watching import Watcher

folder, changed, notices = Path(sys.argv[1]), threading.Event(), []
limits = resource.getrlimit(resource.RLIMIT_NOFILE)

def hear(words):
    notices.append(words)
    resource.setrlimit(resource.RLIMIT_NOFILE, limits)

watcher = Watcher(lambda files: changed.set(), lambda runs: None, hear)
import watchdog.observers, watchdog.observers.polling  # while files can still be opened
# As on a machine that has run out of watches: the kernel gives no descriptor for them.
free = os.open(os.devnull, os.O_RDONLY)
resource.setrlimit(resource.RLIMIT_NOFILE, (free, limits[1]))
os.close(free)
watcher.watch_files({str(folder / "a.py"), str(folder / "below" / "b.py")})
(folder / "below" / "b.py").write_text("b = 2\\n")
assert changed.wait(20), "nothing was noticed"
assert len(notices) == 1, notices
print(notices[0])
"""


def test_where_there_are_no_file_events_folders_are_polled_and_one_notice_says_so(tmp_path: Path) -> None:
    (tmp_path / "below").mkdir()
    (tmp_path / "below" / "b.py").write_text("b = 1\n")
    command = [sys.executable, "-c", POLLING, str(tmp_path)]
    done = subprocess.run(command, cwd=ROOT / "server", capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert "every 2 s" in done.stdout
