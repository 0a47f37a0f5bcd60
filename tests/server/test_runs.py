"""A training is stopped and goes on, as a client asks for it."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from pymodel import runs
from pymodel.schema import Run

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
