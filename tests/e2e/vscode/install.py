"""A real VS Code to run in a browser: code-server and the Node it wants, in the user's cache folder.

`python3 tests/e2e/vscode/install.py` installs them once and prints the folder; later calls find them there. It serves
`make demo` and the end-to-end tests. Standard library only, as it runs before anything else is installed; it writes
nowhere but the cache folder, and asks apt-get for system packages only as root.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

NODE = "24.9.0"
CODE_SERVER = "4.139.1"
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
KERBEROS_HEADER = Path("/usr/include/gssapi/gssapi.h")


class CannotInstall(Exception):
    """What is missing, and how to get it."""


@dataclass(frozen=True)
class VSCode:
    """An installed code-server."""

    folder: Path

    @property
    def node(self) -> Path:
        return self.folder / "node_modules" / ".bin" / "node"

    @property
    def entry(self) -> Path:
        return self.folder / "node_modules" / "code-server" / "out" / "node" / "entry.js"

    @property
    def command(self) -> list[str]:
        return [str(self.node), str(self.entry)]


def installed() -> VSCode | None:
    """The installation in the cache, if it is there. It is only ever renamed into place when it is complete."""
    vscode = VSCode(_cache() / f"vscode-{CODE_SERVER}")
    return vscode if vscode.entry.exists() else None


def find_browser() -> str | None:
    """A Chromium on this machine; `PYMODEL_CHROMIUM` wins."""
    named = os.environ.get("PYMODEL_CHROMIUM")
    return named or next(filter(None, map(shutil.which, BROWSERS)), None)


def install() -> VSCode:
    """Install what is missing. Raises CannotInstall with words for the user."""
    _install_system_packages()
    vscode = installed()
    if vscode:
        return vscode
    if not shutil.which("npm"):
        raise CannotInstall("npm is missing: install Node 20 or newer, with npm.")
    cache = _cache()
    cache.mkdir(parents=True, exist_ok=True)
    _say(f"Installing code-server {CODE_SERVER} into {cache} (once, about three minutes) …")
    building = Path(tempfile.mkdtemp(prefix=".vscode-", dir=cache))
    target = cache / f"vscode-{CODE_SERVER}"
    try:
        _build(building)
        building.chmod(0o755)
        try:
            building.rename(target)
        except OSError:
            # Another installation was quicker.
            if installed() is None:
                raise
    finally:
        shutil.rmtree(building, ignore_errors=True)
    return VSCode(target)


def _build(folder: Path) -> None:
    (folder / "package.json").write_text('{"private": true}\n')
    # Settings of the npm that called us (`npm_config_…`) are not for this folder.
    environment = {name: value for name, value in os.environ.items() if not name.startswith("npm_")}
    # npm 11 runs no install script without leave, and the native modules of code-server are built by theirs.
    environment["npm_config_dangerously_allow_all_scripts"] = "true"
    _run(["npm", "install", "--no-audit", "--no-fund", f"node@{NODE}"], folder, environment)
    environment["PATH"] = f"{folder / 'node_modules' / '.bin'}{os.pathsep}{environment['PATH']}"
    _run(["npm", "install", "--no-audit", "--no-fund", f"code-server@{CODE_SERVER}"], folder, environment)


def _install_system_packages() -> None:
    install_packages(_missing_packages())


def install_packages(packages: list[str]) -> None:
    """Install packages of the system. Raises CannotInstall with the command for it where this may not."""
    if not packages:
        return
    names = " ".join(packages)
    if not shutil.which("apt-get") or not hasattr(os, "geteuid") or os.geteuid() != 0:
        raise CannotInstall(f"Missing on this system: {names}. On Debian: sudo apt-get install -y {names}")
    _say(f"Installing {names} …")
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    _run(["apt-get", "update", "-qq"], Path.cwd(), environment)
    _run(["apt-get", "install", "-y", "-qq", "--no-install-recommends", *packages], Path.cwd(), environment)


def _missing_packages() -> list[str]:
    missing = [] if find_browser() else ["chromium"]
    if installed() is None:
        # Only the build of code-server's native modules wants these.
        missing += [] if KERBEROS_HEADER.exists() else ["libkrb5-dev"]
        missing += [] if shutil.which("g++") and shutil.which("make") else ["build-essential"]
    return missing


def _run(command: list[str], folder: Path, environment: dict[str, str]) -> None:
    """Run quietly; on failure show what the command said."""
    done = subprocess.run(
        command, cwd=folder, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    if done.returncode:
        tail = done.stdout.decode(errors="replace")[-4000:]
        raise CannotInstall(f"{tail}\n`{' '.join(command)}` failed with code {done.returncode}.")


def _cache() -> Path:
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "pymodel"


def _say(text: str) -> None:
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()


if __name__ == "__main__":
    try:
        sys.stdout.write(f"{install().folder}\n")
    except CannotInstall as problem:
        sys.exit(str(problem))
