"""Runs that wait for others to end: a run that is queued and has a file `waiting` in its folder. Who removes that file
starts it, so that of several servers one does; and it is there still after all of them have died."""

from __future__ import annotations

import time
from pathlib import Path

from ..schema import Run
from .files import WAITING_FILE
from .folder import list_runs

STARTING_SECONDS = 60
"""A queued run that does not wait will have its process by then, or never."""


def let_wait(folder: Path) -> None:
    """Have the queued run in `folder` wait for its turn."""
    (folder / WAITING_FILE).touch()


def find_at_work(root: Path, run: Run) -> Run | None:
    """A training in `root` that takes the device on which `run` is to train, if there is one."""
    others = (each for folder, each in list_runs(root) if each.id != run.id and _is_at_work(folder, each))
    return next((each for each in others if _share_device(run, each)), None)


def take_next(root: Path) -> list[tuple[Path, Run]]:
    """The waiting runs in `root` whose turn it is, oldest first: the caller has to start them, as nobody else will."""
    taken: list[tuple[Path, Run]] = []
    for folder, run in reversed(list_runs(root)):
        if not is_waiting(folder, run) or find_at_work(root, run) is not None:
            continue
        if not any(_share_device(run, each) for _, each in taken) and _take(folder):
            taken.append((folder, run))
    return taken


def is_waiting(folder: Path, run: Run) -> bool:
    return run.state == "queued" and run.process is None and (folder / WAITING_FILE).exists()


def _take(folder: Path) -> bool:
    try:
        (folder / WAITING_FILE).unlink()
    except FileNotFoundError:
        return False
    return True


def _is_at_work(folder: Path, run: Run) -> bool:
    if run.kind != "train" or run.state not in ("queued", "running", "paused") or is_waiting(folder, run):
        return False
    return run.process is not None or time.time() - run.updated < STARTING_SECONDS


def _share_device(one: Run, other: Run) -> bool:
    """`auto` may be any."""
    return "auto" in (_device(one), _device(other)) or _device(one) == _device(other)


def _device(run: Run) -> str:
    """As its recipe names it."""
    recipe = run.request.get("recipe")
    compute = recipe.get("compute") if isinstance(recipe, dict) else None
    return str(compute.get("device", "auto")) if isinstance(compute, dict) else "auto"
