"""A real VS Code with the packaged extension, once for all end-to-end tests; each module has a folder of its own."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from .vscode import editor
from .vscode.install import VSCode, find_browser, installed
from .vscode.workbench import Workbench

ROOT = Path(__file__).resolve().parents[2]
VSIX = ROOT / "dist" / "pymodel.vsix"
INTERPRETER = ROOT / ".venv" / "bin" / "python"
SCREENSHOTS = ROOT / "screenshots"
CHROMIUM_ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]

Open = Callable[[Path], AbstractContextManager[Workbench]]


@pytest.fixture(scope="session")
def vscode() -> VSCode:
    found = installed()
    assert found, "VS Code is not installed for the tests: run tests/e2e/vscode/install.py, or make test"
    return found


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find_browser(), args=CHROMIUM_ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def home(tmp_path_factory: pytest.TempPathFactory, vscode: VSCode) -> Path:
    """User data and extensions, with the package installed."""
    assert VSIX.exists(), "build the package first: make package"
    home = tmp_path_factory.mktemp("vscode")
    editor.write_settings(home, interpreter=INTERPRETER, theme=os.environ.get("PYMODEL_THEME", "dark"))
    editor.install_extension(vscode, home, VSIX)
    return home


@pytest.fixture(scope="session")
def address(vscode: VSCode, home: Path) -> Iterator[str]:
    # An analysis may take its time where many things run at once.
    with editor.running(vscode, home, PYMODEL_ANALYSIS_SECONDS="150") as address:
        yield address


@pytest.fixture(scope="session")
def open_folder(browser: Browser, address: str) -> Open:
    """Opens a window of VS Code on a folder."""

    @contextmanager
    def open_window(folder: Path) -> Iterator[Workbench]:
        with open_page(browser) as page:
            workbench = Workbench(page)
            workbench.open(editor.folder_address(address, folder))
            yield workbench

    return open_window


@contextmanager
def open_page(browser: Browser, width: int = 1440, height: int = 900) -> Iterator[Page]:
    context = browser.new_context(viewport={"width": width, "height": height})
    try:
        yield context.new_page()
    finally:
        context.close()


@pytest.fixture(autouse=True)
def picture_of_failure(request: pytest.FixtureRequest) -> Iterator[None]:
    """A screenshot of what was there, and what the extension has logged, when a test with a window fails."""
    failed = request.session.testsfailed
    yield
    if request.session.testsfailed > failed and "workbench" in request.fixturenames:
        name = request.node.name.replace("/", "-")
        request.getfixturevalue("workbench").screenshot(SCREENSHOTS / "failures" / f"{name}.png")
        logs = (request.getfixturevalue("home") / "data" / "logs").rglob("PyModel.log")
        newest = max(logs, key=lambda log: log.stat().st_mtime, default=None)
        sys.stdout.write(newest.read_text(encoding="utf-8")[-4000:] if newest else "the extension has logged nothing")
