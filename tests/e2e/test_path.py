"""The whole path through the packaged extension in a real VS Code. The steps of one project depend on each other."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from .conftest import Open
from .path import SAMPLE, STEPS, Step, Walk
from .vscode.workbench import Workbench


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("sample")


@pytest.fixture(scope="module")
def workbench(open_folder: Open, folder: Path) -> Iterator[Workbench]:
    with open_folder(folder) as workbench:
        yield workbench


@pytest.fixture(scope="module")
def walk(workbench: Workbench, folder: Path) -> Walk:
    workbench.run("PyModel: Create Sample Project")
    # The command opens the file itself; it must not take the focus from what comes next.
    workbench.until(lambda: workbench.active_file() == Path(SAMPLE.file).name, "the sample project", seconds=60)
    return Walk(workbench, folder, SAMPLE)


@pytest.mark.parametrize("step", STEPS, ids=lambda step: step.__name__)
def test_sample(walk: Walk, step: Step) -> None:
    step(walk)
