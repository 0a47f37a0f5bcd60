"""Which Python runs the user's code: what the editor chose, else the environment's, else the workspace's, else ours."""

from __future__ import annotations

import importlib.util
import os
import shutil
import sys
from pathlib import Path

BIN = ("Scripts", "python.exe") if sys.platform == "win32" else ("bin", "python")


def find_interpreter(chosen: str | None, folders: tuple[str, ...]) -> str | None:
    """The first that exists, in the order of the contracts; None where there is no Python at all."""
    candidates: list[str | None] = [chosen]
    candidates += [
        str(Path(os.environ[name], *BIN)) for name in ("VIRTUAL_ENV", "CONDA_PREFIX") if os.environ.get(name)
    ]
    candidates += [str(Path(folder, ".venv", *BIN)) for folder in folders]
    if importlib.util.find_spec("torch") is not None:
        candidates.append(sys.executable)
    candidates += [shutil.which("python3"), shutil.which("python")]
    return next((each for each in candidates if each and Path(each).is_file()), None)
