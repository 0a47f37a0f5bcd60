"""A workspace that nobody trusts, in a real VS Code: its models are listed, nothing of it runs, one click tells why."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from .conftest import open_page
from .vscode import editor
from .vscode.install import VSCode
from .vscode.workbench import Workbench

SOURCE = """\
from pathlib import Path

from torch import nn

Path(__file__).with_name("ran").touch()


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(16, 32)

    def forward(self, x):
        return self.fc(x)
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("untrusted")
    (folder / "net.py").write_text(SOURCE, encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def workbench(vscode: VSCode, browser: Browser, home: Path, folder: Path) -> Iterator[Workbench]:
    with editor.running(vscode, home, trusted=False) as address, open_page(browser) as page:
        workbench = Workbench(page)
        workbench.open(editor.folder_address(address, folder))
        workbench.open_file("net.py")
        yield workbench


def lenses(workbench: Workbench, expected: str) -> None:
    shown = workbench.code_lenses
    workbench.until(lambda: any(expected in lens for lens in shown()), f"a lens “{expected}”", seconds=60, seen=shown)


def test_models_are_listed_and_nothing_runs(workbench: Workbench, folder: Path) -> None:
    lenses(workbench, "Restricted: why no shapes?")
    assert "restricted" in workbench.until(workbench.language_status, "the status")
    assert [path.name for path in folder.iterdir()] == ["net.py"]


def test_one_click_tells_why_and_trust_brings_the_shapes(workbench: Workbench, folder: Path) -> None:
    workbench.close_hover()
    workbench.page.locator(".codelens-decoration a").filter(has_text="Restricted").click()
    trust = workbench.page.locator(".workspace-trust-editor").get_by_role("button", name="Trust", exact=True)
    trust.first.click()
    workbench.open_file("net.py")
    lenses(workbench, "544 parameters")
    assert [path.name for path in folder.iterdir()] == ["net.py"]
