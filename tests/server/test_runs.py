"""A training is stopped and goes on, as a client asks for it."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from pymodel import runs
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
