"""A training is stopped and goes on, as a client asks for it."""

from __future__ import annotations

import contextlib
import functools
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from pymodel import runs
from pymodel.runs.stop import CannotStop
from pymodel.schema import Run

from ..engine.trainings import net_request
from .client import Client

TRAINING = Path(__file__).parents[1] / "fixtures" / "training"
RECIPE = """version = 1

[model]
target = "net.py::Net"

[data]
source = "data.py::three_classes"
batch_size = 8

[run]
epochs = 100000
"""


def execute(client: Client, command: str, **given: Any) -> Any:
    return client.request("workspace/executeCommand", {"command": command, "arguments": [given]})


def test_a_stopped_training_goes_on_where_it_was(start: Callable[..., Client], tmp_path: Path) -> None:
    for name in ("net.py", "data.py"):
        shutil.copyfile(TRAINING / name, tmp_path / name)
    recipe = tmp_path / "net.recipe.toml"
    recipe.write_text(RECIPE)
    client = start(tmp_path)
    folder = Path(execute(client, "pymodel.train", recipe=str(recipe))["folder"])

    def told(holds: Callable[[Run], bool]) -> Callable[[], bool]:
        return lambda: holds(runs.read_run(folder))

    try:
        client.wait_by_asking(told(lambda run: run.last_step > 0), "the first steps")
        asked = {"command": "pymodel.resumeRun", "arguments": [{"folder": str(folder)}]}
        refused = client.reply("workspace/executeCommand", asked)["error"]
        assert "This run cannot be resumed: it is running." in refused["message"]
        execute(client, "pymodel.stopRun", folder=str(folder))
        client.wait_by_asking(told(lambda run: run.state == "stopped"), "the end of the run")
        before = runs.read_run(folder).last_step
        assert execute(client, "pymodel.resumeRun", folder=str(folder))["run"]["state"] == "queued"
        client.wait_by_asking(told(lambda run: run.state == "running" and run.last_step > before), "further steps")
    finally:  # a job outlives its server
        execute(client, "pymodel.stopRun", folder=str(folder))
    client.wait_by_asking(told(lambda run: run.state == "stopped"), "the end of the resumed run")


def test_runs_are_compared_and_their_curves_advise(start: Callable[..., Client], tmp_path: Path) -> None:
    root = runs.find_runs_root(str(tmp_path))
    folders = [runs.create_run(root, net_request(optimizer__learning_rate=rate)) for rate in (0.1, 0.2)]
    writer = runs.MetricWriter(folders[0])
    for step in range(1, 101):
        writer.append(step, 0, {"train/loss": float("nan") if step > 60 else 1.0})
    writer.close()
    client = start(tmp_path)
    found = execute(client, "pymodel.compareRuns", folders=[str(each) for each in folders])
    assert found["settings"] == {"optimizer.learning_rate": [0.1, 0.2]}
    [advice] = execute(client, "pymodel.runAdvice", folder=str(folders[0]))["advice"]
    assert (advice["kind"], advice["metric"], advice["first_step"]) == ("divergence", "train/loss", 61)
    assert execute(client, "pymodel.runAdvice", folder=str(folders[1])) == {"advice": []}
    asked = {"command": "pymodel.compareRuns", "arguments": [{"folders": "one"}]}
    assert "`folders` must be" in client.reply("workspace/executeCommand", asked)["error"]["message"]


def test_a_training_waits_for_its_turn_also_while_no_server_is_there(
    start: Callable[..., Client], tmp_path: Path
) -> None:
    for name in ("net.py", "data.py"):
        shutil.copyfile(TRAINING / name, tmp_path / name)
    recipe = tmp_path / "net.recipe.toml"
    recipe.write_text(RECIPE)
    client = start(tmp_path)
    asked = {"recipe": str(recipe), "in_turn": True}
    first, second, third = (Path(execute(client, "pymodel.train", **asked)["folder"]) for _ in range(3))

    def is_in(folder: Path, state: str) -> Callable[[], bool]:
        return lambda: runs.read_run(folder).state == state

    try:
        client.wait_by_asking(is_in(first, "running"), "the first run to start")
        execute(client, "pymodel.stopRun", folder=str(second))
        assert [runs.read_run(each).state for each in (second, third)] == ["stopped", "queued"]
        client.close()
        runs.stop_run(first)
        deadline = time.monotonic() + 60
        while not is_in(first, "stopped")() and time.monotonic() < deadline:
            time.sleep(0.1)
        assert runs.read_run(third).state == "queued"
        client = start(tmp_path)
        client.wait_by_asking(is_in(third, "running"), "the third run to start with the server")
    finally:
        for folder in (first, third):
            with contextlib.suppress(CannotStop):
                runs.stop_run(folder)
    client.wait_by_asking(is_in(third, "stopped"), "the end of the third run")


def test_a_run_is_named_and_its_log_read(start: Callable[..., Client], tmp_path: Path) -> None:
    folder = runs.create_run(runs.find_runs_root(str(tmp_path)), net_request())
    (folder / "log.txt").write_text("\x1b[32mepoch 1\x1b[0m\n")
    client = start(tmp_path)
    execute(client, "pymodel.labelRun", folder=str(folder), name="wide")
    assert execute(client, "pymodel.labelRun", folder=str(folder), note="twice the channels")["run"]["name"] == "wide"

    def told() -> bool:
        changes = [each["params"]["run"] for each in client.notifications if each["method"] == "pymodel/runChanged"]
        return any((run["name"], run["note"]) == ("wide", "twice the channels") for run in changes)

    client.wait(told, "word of the label")
    assert client.request("pymodel/runLog", {"folder": str(folder)}) == {"text": "epoch 1\n"}
    asked = {"command": "pymodel.labelRun", "arguments": [{"folder": str(folder), "name": "two\nlines"}]}
    assert "one line" in client.reply("workspace/executeCommand", asked)["error"]["message"]


def test_a_hover_tells_what_the_last_run_saw_of_a_layer(start: Callable[..., Client], tmp_path: Path) -> None:
    for name in ("net.py", "data.py"):
        shutil.copyfile(TRAINING / name, tmp_path / name)
    recipe = tmp_path / "net.recipe.toml"
    recipe.write_text(RECIPE.replace("100000", "3"))
    client = start(tmp_path)
    folder = Path(execute(client, "pymodel.train", recipe=str(recipe))["folder"])
    client.wait_by_asking(lambda: runs.read_run(folder).state == "completed", "the end of the run")
    text = (tmp_path / "net.py").read_text()
    (line,) = (number for number, each in enumerate(text.splitlines()) if "self.hidden(x)" in each)
    column = text.splitlines()[line].index("hidden")
    for _ in range(2):  # also by a server that was not there when it ran
        uri = client.open(tmp_path / "net.py")
        told = functools.partial(client.hover, uri, line, column)
        client.wait_by_asking(lambda told=told: "Last run, step" in str(told()), "word of the last run")  # type: ignore[misc]
        assert "hidden: Linear(" in str(told())
        assert "gradient norm `" in str(told())
        client.close()
        client = start(tmp_path)
