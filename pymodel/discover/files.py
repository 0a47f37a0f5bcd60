"""The Python files of a workspace, nearest first. Bounded, and never below what a workspace does not own."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

SKIPPED_FOLDERS = frozenset(
    ("node_modules", "site-packages", "dist-packages", "__pycache__", "build", "dist", "venv", "env", "runs", "wandb")
)
MAX_FOLDERS = 2_000
MAX_FILE_BYTES = 500_000


def find_files(folder: str, near: str, suffixes: tuple[str, ...] = (".py",)) -> Iterator[str]:
    """Absolute paths of the workspace's files: first those in the folder of `near`, then those around it.

    Hidden folders, environments and build products are left out, and so are files over 500 kB.
    """
    own = str(Path(near).parent)
    seen: set[str] = set()
    for start in (own, folder):
        for path in _walk(start, suffixes):
            if path not in seen:
                seen.add(path)
                yield path


def _walk(folder: str, suffixes: tuple[str, ...]) -> Iterator[str]:
    for count, (parent, folders, names) in enumerate(os.walk(folder)):
        if count >= MAX_FOLDERS:
            return
        folders[:] = sorted(each for each in folders if not is_skipped(parent, each))
        for name in sorted(names):
            path = os.path.join(parent, name)  # noqa: PTH118 - a workspace has thousands of these
            if name.endswith(suffixes) and _is_small(path):
                yield path


def is_skipped(parent: str, name: str) -> bool:
    """Whether a folder holds nothing that its workspace owns: hidden, an environment, or a product of a build."""
    return name in SKIPPED_FOLDERS or name.startswith(".") or (Path(parent) / name / "pyvenv.cfg").exists()


def _is_small(path: str) -> bool:
    try:
        return Path(path).stat().st_size <= MAX_FILE_BYTES
    except OSError:  # a dangling link, or gone since
        return False
