"""Neovim, from the system's packages. `python -m tests.e2e.neovim.install` installs it where it is missing."""

from __future__ import annotations

import shutil
import sys

from ..vscode.install import CannotInstall, install_packages


def find_neovim() -> str | None:
    return shutil.which("nvim")


if __name__ == "__main__":
    try:
        install_packages([] if find_neovim() else ["neovim"])
    except CannotInstall as problem:
        sys.exit(str(problem))
