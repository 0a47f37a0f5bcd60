"""The whole path through the packaged extension in a real VS Code. The steps of one project depend on each other."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from .conftest import ROOT, Open
from .path import SAMPLE, STEPS, TANKS, Step, Walk
from .vscode.workbench import Workbench

PROJECTS = {"sample": SAMPLE, "tanks": TANKS}
TANK_LEVELS = ROOT / "tests" / "fixtures" / "projects" / "tank_levels"


@pytest.fixture(scope="module", params=PROJECTS)
def walk(request: pytest.FixtureRequest, open_folder: Open, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Walk]:
    """A window on a project: the sample, created by its command, and one that nothing was made for."""
    folder = tmp_path_factory.mktemp(request.param)
    if request.param == "tanks":
        shutil.copytree(TANK_LEVELS, folder, dirs_exist_ok=True)
    with open_folder(folder) as workbench:
        if request.param == "sample":
            workbench.run("PyModel: Create Sample Project")
            # The command opens the file itself; it must not take the focus from what comes next.
            workbench.until(lambda: workbench.active_file() == Path(SAMPLE.file).name, "the sample", seconds=60)
        yield Walk(workbench, folder, PROJECTS[request.param])


@pytest.fixture(scope="module")
def workbench(walk: Walk) -> Workbench:
    return walk.workbench


@pytest.mark.parametrize("step", STEPS, ids=lambda step: step.__name__)
def test_path(walk: Walk, workbench: Workbench, step: Step) -> None:
    step(walk)
