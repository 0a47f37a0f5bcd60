"""Asks a run's job to end. The job saves a checkpoint first, so it takes a moment; its state says when it is done."""

from __future__ import annotations

import os
import signal
import time
from dataclasses import replace
from pathlib import Path

from ..schema import PyModelError
from .folder import read_run, write_run
from .process import is_alive


class CannotStop(PyModelError):
    """There is nothing to stop."""


def stop_run(folder: Path) -> None:
    """Send SIGINT to the job's process group; a job that has not started yet is marked as stopped.

    Raises:
        RunNotFound: there is no run in `folder`.
        CannotStop: the run has ended already.
    """
    run = read_run(folder)
    if run.state == "queued" and run.process is None:
        write_run(folder, replace(run, state="stopped", updated=time.time()))
        return
    if run.process is None or run.state not in ("queued", "running", "paused") or not is_alive(run.process):
        raise CannotStop(f"This run has ended already: it is {run.state}.", path=str(folder))
    _interrupt(run.process.pid)


def _interrupt(pid: int) -> None:
    """Only a job that leads its group is asked with its group: else the group is its launcher's."""
    if os.name == "nt":
        os.kill(pid, getattr(signal, "CTRL_BREAK_EVENT"))  # noqa: B009 - known on Windows only
    elif os.getpgid(pid) == pid:
        os.killpg(pid, signal.SIGINT)
    else:
        os.kill(pid, signal.SIGINT)
