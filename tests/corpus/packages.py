"""The corpus's libraries, pinned, in a git-ignored folder of their own; torch stays the one that is there."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from functools import cache
from importlib.metadata import Distribution, distributions
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
REQUIREMENTS = Path(__file__).with_name("requirements.txt")
CLASS_REQUIREMENTS = Path(__file__).with_name("class_requirements.txt")
FOLDER = ROOT / ".build" / "corpus"
PACKAGES = FOLDER / "packages"
CLASSES = FOLDER / "classes"
ENVIRONMENT = {
    **dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1"),
    **dict.fromkeys(("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE", "TORCHDYNAMO_DISABLE"), "1"),
    "CUDA_VISIBLE_DEVICES": "",
    "PYTHONPATH": os.pathsep.join((str(PACKAGES), str(ROOT), str(CLASSES))),
}


def install() -> None:
    """Install what the requirement files pin, unless that was done.

    Raises:
        CalledProcessError: pip could not.
    """
    for requirements, folder in ((REQUIREMENTS, PACKAGES), (CLASS_REQUIREMENTS, CLASSES)):
        done = FOLDER / f"installed-{hashlib.sha256(requirements.read_bytes()).hexdigest()[:16]}"
        if done.exists():
            continue
        folder.mkdir(parents=True, exist_ok=True)
        pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps"]
        subprocess.run([*pip, "--upgrade", "--target", str(folder), "--requirement", str(requirements)], check=True)
        done.touch()


def environment() -> dict[str, str]:
    """Of the processes that import the libraries: no threads, no network, no GPU."""
    return {**os.environ, **ENVIRONMENT}


def distribution(name: str) -> Distribution:
    """An installed library's own description of itself.

    Raises:
        LookupError: it is not installed.
    """
    for each in distributions(name=name, path=[str(PACKAGES), str(CLASSES)]):
        return each
    raise LookupError(f"{name} is not in {FOLDER}")


@cache
def fingerprint(*more: str) -> str:
    """Of the source of the engine and of `more` folders, and of the libraries: results of another are stale."""
    digest = hashlib.sha256(REQUIREMENTS.read_bytes())
    for folder in ("pymodel/trace", "pymodel/resolve", "pymodel/discover", "tests/corpus", *more):
        for path in sorted((ROOT / folder).glob("*.py")):
            digest.update(path.read_bytes())
    return digest.hexdigest()[:16]
