"""Holds a running training between two steps, and lets it go on: for as long as somebody wants the machine otherwise.

A held training keeps its memory. To free that, a run is stopped, and resumed from its checkpoint.
"""

from __future__ import annotations

import os
import signal
from pathlib import Path

from ..schema import PyModelError, Run, TrainRequest
from .folder import read_request, read_run
from .process import is_alive

PAUSE: int | None = getattr(signal, "SIGUSR1", None)
GO_ON: int | None = getattr(signal, "SIGUSR2", None)
"""What a job is told by; None where the system has no such signals."""


class CannotPause(PyModelError):
    """The run cannot be held, or is not held."""


def pause_run(folder: Path) -> None:
    """Have the training in `folder` wait after its step; its state says when it does.

    Raises:
        RunNotFound: there is no run in `folder`.
        CannotPause: it is not a running training of one process, or the system has no signal for it.
    """
    _tell(folder, PAUSE, "running")


def continue_run(folder: Path) -> None:
    """Have the held training in `folder` go on.

    Raises:
        RunNotFound: there is no run in `folder`.
        CannotPause: it is not held.
    """
    _tell(folder, GO_ON, "paused")


def _tell(folder: Path, number: int | None, state: str) -> None:
    run = read_run(folder)
    if number is None:
        words = "A training cannot be paused on this system."
        raise CannotPause(words, path=str(folder), advice="Stop it, and resume it later: it goes on bit for bit.")
    if run.kind != "train" or run.state != state or run.process is None or not is_alive(run.process):
        words = f"Only a training that is {state} can be told so: this run is {run.state}."
        raise CannotPause(words, path=str(folder))
    if _has_several_processes(run):
        words = "A training of several processes cannot be paused: they would wait for each other too long."
        raise CannotPause(words, path=str(folder), advice="Stop it, and resume it later.")
    os.kill(run.process.pid, number)


def _has_several_processes(run: Run) -> bool:
    request = read_request(run)
    return isinstance(request, TrainRequest) and request.recipe.distribution.launcher != "none"
