"""Which Python runs the user's code: what the editor chose, else the environment's, else the workspace's, else ours."""

from __future__ import annotations

import importlib.util
import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

from pymodel.schema import PyModelError

from .l10n import t

BIN = ("Scripts", "python.exe") if sys.platform == "win32" else ("bin", "python")
ENVIRONMENTS = (".venv", "venv")


class NoInterpreter(PyModelError):
    """There is no Python to run the user's code on."""


def find_interpreter(path: str, chosen: str | None, folders: tuple[str, ...]) -> str:
    """For a file, the chosen one, else the first that exists, in the order of the contracts.

    Raises:
        NoInterpreter: what was chosen is not there (another one is not what the user wants), or there is none at all.
    """
    advice = t("Choose one with “PyModel: Select Interpreter”.")
    if chosen:
        if not Path(chosen).is_file():
            raise NoInterpreter(t("There is no Python at {0}.", chosen), advice=advice)
        return chosen
    found = next((each for each in _candidates(path, folders) if each and Path(each).is_file()), None)
    if found is None:
        raise NoInterpreter(t("No Python was found."), advice=advice)
    return found


def _candidates(path: str, folders: tuple[str, ...]) -> Iterator[str | None]:
    for name in ("VIRTUAL_ENV", "CONDA_PREFIX"):
        if os.environ.get(name):
            yield str(Path(os.environ[name], *BIN))
    for folder in (*_around(path, folders), *map(Path, folders)):
        for name in ENVIRONMENTS:
            yield str(folder.joinpath(name, *BIN))
    if importlib.util.find_spec("torch") is not None:
        yield sys.executable
    yield shutil.which("python3")
    yield shutil.which("python")


def _around(path: str, folders: tuple[str, ...]) -> Iterator[Path]:
    """The folders from a file's own up to its workspace folder: in a monorepo the nearest environment counts."""
    if not Path(path).is_absolute():
        return
    for folder in Path(path).parents:
        yield folder
        if str(folder) in folders:
            return
