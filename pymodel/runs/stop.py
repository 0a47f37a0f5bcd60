"""Asks a run's job to end, or makes an ended run ready to go on. A job saves a checkpoint before it ends, so that takes
a moment; its state says when it is done."""

from __future__ import annotations

import os
import signal
import time
from dataclasses import replace
from pathlib import Path

from ..schema import PyModelError
from .attached import ONLY_READ
from .files import WAITING_FILE
from .folder import read_run, write_run
from .process import is_alive


class CannotResume(PyModelError):
    """There is nothing to go on with."""


class CannotStop(PyModelError):
    """There is nothing to stop."""


def stop_run(folder: Path) -> None:
    """Send SIGINT to the job's process group; a job that has not started yet is marked as stopped.

    Raises:
        RunNotFound: there is no run in `folder`.
        CannotStop: the run has ended already.
    """
    run = read_run(folder)
    if run.kind == "attached":
        raise CannotStop(ONLY_READ, path=str(folder))
    if run.state == "queued" and run.process is None:
        (folder / WAITING_FILE).unlink(missing_ok=True)
        write_run(folder, replace(run, state="stopped", updated=time.time()))
        return
    if run.process is None or run.state not in ("queued", "running", "paused") or not is_alive(run.process):
        raise CannotStop(f"This run has ended already: it is {run.state}.", path=str(folder))
    _interrupt(run.process.pid)


def queue_again(folder: Path) -> None:
    """Make an ended training ready for a job that goes on from its last checkpoint.

    Raises:
        RunNotFound: there is no run in `folder`.
        CannotResume: it has not ended, or has nothing left to do.
    """
    run = read_run(folder)
    if run.kind == "attached":
        raise CannotResume(ONLY_READ, path=str(folder))
    if run.kind == "script":
        words = "A script goes on only as far as it can itself."
        raise CannotResume(words, path=str(folder), advice="Start it again with `pymodel run`.")
    if run.kind != "train" or run.state in ("queued", "running", "paused", "completed"):
        advice = "Raise `epochs` in a recipe and `start_from` this run to train on." if run.state == "completed" else ""
        raise CannotResume(f"This run cannot be resumed: it is {run.state}.", path=str(folder), advice=advice)
    write_run(folder, replace(run, state="queued", process=None, error=None, updated=time.time()))


def _interrupt(pid: int) -> None:
    """Only a job that leads its group is asked with its group: else the group is its launcher's."""
    if os.name == "nt":
        os.kill(pid, getattr(signal, "CTRL_BREAK_EVENT"))  # noqa: B009 - known on Windows only
    elif os.getpgid(pid) == pid:
        os.killpg(pid, signal.SIGINT)
    else:
        os.kill(pid, signal.SIGINT)
