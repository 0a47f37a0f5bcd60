"""Starts a code-server of its own for a folder, with the packaged extension in it, and ends it again.

Every start has its own user data and extensions, so that runs never meet and nobody's settings are touched.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

from .install import VSCode

START_SECONDS = 60
THEMES = {"dark": "Default Dark Modern", "light": "Default Light Modern"}
QUIET = {
    "workbench.startupEditor": "none",
    "workbench.secondarySideBar.defaultVisibility": "hidden",
    "workbench.tips.enabled": False,
    "chat.commandCenter.enabled": False,
    "chat.disableAIFeatures": True,
    "telemetry.telemetryLevel": "off",
    "security.workspace.trust.startupPrompt": "never",
    "security.workspace.trust.banner": "never",
    "extensions.autoCheckUpdates": False,
    "extensions.ignoreRecommendations": True,
    "git.enabled": False,
    "files.autoSave": "off",
    "window.commandCenter": False,
}


def install_extension(vscode: VSCode, home: Path, vsix: Path) -> None:
    command = [*vscode.command, *_folders(home), "--install-extension", str(vsix), "--force"]
    subprocess.run(command, check=True, timeout=120, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)


def write_settings(home: Path, *, interpreter: Path | None, theme: str, more: Mapping[str, Any] | None = None) -> None:
    settings: dict[str, Any] = {**QUIET, "workbench.colorTheme": THEMES[theme], **(more or {})}
    # A browser's VS Code is a remote one: what belongs to a machine, as an interpreter does, is the machine's setting.
    machine = {"pymodel.interpreter": str(interpreter)} if interpreter else {}
    for name, content in (("User", settings), ("Machine", machine)):
        path = home / "data" / name / "settings.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(content, indent=2), encoding="utf-8")


@contextmanager
def running(
    vscode: VSCode, home: Path, *, port: int | None = None, trusted: bool = True, **variables: str
) -> Iterator[str]:
    """The address of a code-server that ends with the context, together with all it started; `variables` are its
    environment's."""
    port = port or free_port()
    trust = ["--disable-workspace-trust"] if trusted else []
    command = [
        *vscode.command,
        *("--auth", "none", "--bind-addr", f"127.0.0.1:{port}"),
        *_folders(home),
        *("--disable-telemetry", "--disable-update-check", "--disable-getting-started-override", *trust),
    ]
    # code-server hands its own environment to extensions: a test must not lend it a virtual environment by accident.
    environment = {name: value for name, value in os.environ.items() if name not in ("VIRTUAL_ENV", "CONDA_PREFIX")}
    environment |= variables
    home.mkdir(parents=True, exist_ok=True)
    with (home / "code-server.log").open("wb") as log:
        process = subprocess.Popen(
            command,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    address = f"http://127.0.0.1:{port}"
    try:
        _wait_until_it_listens(process, address, home)
        yield address
    finally:
        _end(process)


def folder_address(address: str, folder: Path) -> str:
    return f"{address}/?folder={quote(str(folder))}"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _folders(home: Path) -> list[str]:
    return ["--user-data-dir", str(home / "data"), "--extensions-dir", str(home / "extensions")]


def _wait_until_it_listens(process: subprocess.Popen[bytes], address: str, home: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        if process.poll() is not None:
            break
        try:
            with urllib.request.urlopen(f"{address}/healthz", timeout=2):
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.1)
    log = (home / "code-server.log").read_text(errors="replace")[-2000:]
    raise RuntimeError(f"code-server did not start listening at {address}:\n{log}")


def _end(process: subprocess.Popen[bytes]) -> None:
    """The whole session of code-server. Training jobs have sessions of their own and are not meant here."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(process.pid, number)
        except ProcessLookupError:
            break
        try:
            process.wait(timeout=5)
            break
        except subprocess.TimeoutExpired:
            continue
    process.wait()
