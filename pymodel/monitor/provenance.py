"""Which code a run ran: the revision, what was changed since, and the script's own files as they were."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

from .frames import UserFrames

MAX_DIFF = 1 << 20
MAX_FILES = 200
MAX_FILE = 1 << 20
SECONDS = 20


def read_commit(folder: Path) -> str | None:
    """The revision that is checked out around `folder`, if it is in a repository."""
    answer = _git(folder, "rev-parse", "HEAD")
    return answer.decode().strip() or None if answer is not None else None


def write_diff(folder: Path, target: Path) -> None:
    """What differs from that revision, as far as git tracks it. Nothing is written where nothing does."""
    difference = _git(folder, "diff", "HEAD", "--no-ext-diff", "--no-textconv", "--no-color")
    if difference:
        target.parent.mkdir(exist_ok=True)
        target.write_bytes(difference[:MAX_DIFF])


def copy_sources(root: Path, script: str | None, target: Path, frames: UserFrames) -> None:
    """Copy the script, and the modules that it has imported from below `root`."""
    files = {Path(script)} if script else set()
    for module in list(sys.modules.values()):
        path = getattr(module, "__file__", None)
        if isinstance(path, str) and path.endswith(".py") and frames.is_users(path):
            files.add(Path(path))
    inside = sorted(
        each.resolve() for each in files if each.is_file() and each.resolve().is_relative_to(root.resolve())
    )
    for path in inside[:MAX_FILES]:
        if path.stat().st_size <= MAX_FILE:
            place = target / path.relative_to(root.resolve())
            place.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, place)


def _git(folder: Path, *arguments: str) -> bytes | None:
    command = ["git", "-C", str(folder), "-c", "core.fsmonitor=false", *arguments]
    try:
        answer = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            timeout=SECONDS,
            check=False,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return answer.stdout if answer.returncode == 0 else None
