"""`make demo`: the sample project in a real VS Code. `--check` walks the path alone and says whether it all holds."""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
import traceback
import webbrowser
from pathlib import Path

from playwright.sync_api import sync_playwright

from .conftest import CHROMIUM_ARGUMENTS, INTERPRETER, ROOT, SCREENSHOTS, VSIX, open_page
from .path import SAMPLE, STEPS, Walk
from .vscode import editor
from .vscode.install import CannotInstall, VSCode, find_browser, install
from .vscode.workbench import Workbench

PORT = 8765


def main() -> int:
    parser = argparse.ArgumentParser(prog="make demo", description=__doc__)
    parser.add_argument("--check", action="store_true", help="walk the path without anybody, with screenshots")
    parser.add_argument("--theme", choices=tuple(editor.THEMES), default="dark")
    parser.add_argument("--vscode", metavar="COMMAND", help="the desktop VS Code's command, such as code")
    arguments = parser.parse_args()
    try:
        if arguments.vscode:
            return open_desktop(arguments.vscode)
        vscode = install()
    except CannotInstall as problem:
        _say(str(problem))
        return 1
    return check(vscode, arguments.theme) if arguments.check else demonstrate(vscode, arguments.theme)


def open_desktop(command: str) -> int:
    """Install the package into the desktop's VS Code and open the sample project there."""
    if not shutil.which(command):
        raise CannotInstall(
            f"There is no command {command}. In VS Code: Shell Command: Install 'code' command in PATH."
        )
    folder = create_sample(ROOT / ".build" / "demo" / "project")
    subprocess.run([command, "--install-extension", str(VSIX), "--force"], check=True)
    subprocess.run([command, str(folder), str(folder / SAMPLE.file)], check=True)
    return 0


def demonstrate(vscode: VSCode, theme: str) -> int:
    """Run until the user has had enough."""
    home = ROOT / ".build" / "demo"
    folder = create_sample(home / "project")
    editor.write_settings(home, interpreter=INTERPRETER, theme=theme)
    editor.install_extension(vscode, home, VSIX)
    with editor.running(vscode, home, port=PORT) as server:
        address = editor.folder_address(server, folder)
        _say(f"PyModel is at {address}\nOpen {SAMPLE.file} there. Ctrl+C ends it.")
        if os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY") or sys.platform != "linux":
            webbrowser.open(address)
        try:
            while True:
                time.sleep(3600)
        except KeyboardInterrupt:
            return 0


def check(vscode: VSCode, theme: str) -> int:
    """Walk the path; a numbered screenshot after each step, whether it held or not."""
    pictures = SCREENSHOTS / theme
    shutil.rmtree(pictures, ignore_errors=True)
    failures = 0
    with tempfile.TemporaryDirectory(prefix="pymodel-demo-", ignore_cleanup_errors=True) as temporary:
        home = Path(temporary)
        folder = home / "sample"
        folder.mkdir()
        editor.write_settings(home, interpreter=INTERPRETER, theme=theme)
        editor.install_extension(vscode, home, VSIX)
        with (
            editor.running(vscode, home) as server,
            sync_playwright() as playwright,
            playwright.chromium.launch(executable_path=find_browser(), args=CHROMIUM_ARGUMENTS) as browser,
            open_page(browser) as page,
        ):
            workbench = Workbench(page)
            workbench.open(editor.folder_address(server, folder))
            workbench.run("PyModel: Create Sample Project")
            # The command opens the file itself; it must not take the focus from what comes next.
            workbench.until(lambda: workbench.active_file() == Path(SAMPLE.file).name, "the sample project", seconds=60)
            walk = Walk(workbench, folder, SAMPLE)
            for number, step in enumerate(STEPS, 1):
                failures += not _holds(walk, step.__name__)
                workbench.screenshot(pictures / f"{number:02}-{step.__name__.replace('_', '-')}.png")
    _say(f"{len(STEPS) - failures} of {len(STEPS)} steps hold. Screenshots: {pictures}")
    return 1 if failures else 0


def create_sample(folder: Path) -> Path:
    """The sample project in `folder`; what is there already is kept."""
    sample = ROOT / "pymodel" / "samples" / "project"
    for source in sample.rglob("*"):
        target = folder / source.relative_to(sample)
        if source.is_file() and "__pycache__" not in source.parts and not target.exists():
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source, target)
    return folder


def _holds(walk: Walk, name: str) -> bool:
    step = getattr(walk, name)
    started = time.monotonic()
    try:
        step()
    except Exception:
        _say(f"✗ {name}: {step.__doc__}\n{traceback.format_exc(limit=-3)}")
        return False
    _say(f"✓ {time.monotonic() - started:5.1f} s  {step.__doc__}")
    return True


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
