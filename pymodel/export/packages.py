"""What exporting needs beyond torch, asked for by the command that installs it."""

from __future__ import annotations

import importlib.util
import sys

from ..schema import PyModelError


class PackageMissing(PyModelError):
    """A format needs a package that this interpreter does not have."""


def require(*packages: str) -> None:
    missing = [name for name in packages if importlib.util.find_spec(name) is None]
    if missing:
        words = f"This needs {' and '.join(missing)}, which {sys.executable} does not have."
        raise PackageMissing(words, advice=f"Install it with `{sys.executable} -m pip install {' '.join(missing)}`.")
