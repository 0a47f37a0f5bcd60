"""Which Python runs the user's code: what the editor chose, else the environment's, else the workspace's, else ours."""

from __future__ import annotations

import importlib.util
import os
import shutil
import sys
from pathlib import Path

from pymodel.schema import PyModelError

from .l10n import t

BIN = ("Scripts", "python.exe") if sys.platform == "win32" else ("bin", "python")


class NoInterpreter(PyModelError):
    """There is no Python to run the user's code on."""


def find_interpreter(chosen: str | None, folders: tuple[str, ...]) -> str:
    """The chosen one, else the first that exists, in the order of the contracts.

    Raises:
        NoInterpreter: what was chosen is not there (another one is not what the user wants), or there is none at all.
    """
    advice = t("Choose one with “PyModel: Select Interpreter”.")
    if chosen:
        if not Path(chosen).is_file():
            raise NoInterpreter(t("There is no Python at {0}.", chosen), advice=advice)
        return chosen
    candidates: list[str | None] = [
        str(Path(os.environ[name], *BIN)) for name in ("VIRTUAL_ENV", "CONDA_PREFIX") if os.environ.get(name)
    ]
    candidates += [str(Path(folder, ".venv", *BIN)) for folder in folders]
    if importlib.util.find_spec("torch") is not None:
        candidates.append(sys.executable)
    candidates += [shutil.which("python3"), shutil.which("python")]
    found = next((each for each in candidates if each and Path(each).is_file()), None)
    if found is None:
        raise NoInterpreter(t("No Python was found."), advice=advice)
    return found
