"""The command line's side of a worker: one process, one request, its events in order."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ..schema import (
    Analyse,
    Failed,
    Finished,
    PyModelError,
    Ready,
    Started,
    Traced,
    encode_frame,
    from_json,
    read_frame,
)
from ..schema.environment import worker_environment

MAIN = Path(__file__).resolve().parent.parent / "__main__.py"
EVENTS: dict[str, type] = {"started": Started, "traced": Traced, "finished": Finished, "failed": Failed}


class WorkerFailed(PyModelError):
    """The worker process could not be started, or ended before it answered."""


def run_analysis(request: Analyse, mode: str = "fork") -> Iterator[Started | Traced | Finished | Failed]:
    """Start a worker on this interpreter, have it analyse, and yield what it says up to the last event.

    Raises:
        WorkerFailed: there is no torch, or the worker ended early; the message says what to do.
    """
    process = subprocess.Popen(
        [sys.executable, "-P", str(MAIN), "worker", "--mode", mode],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=worker_environment(os.environ),
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        first = read_frame(process.stdout)
        if first is None:
            raise WorkerFailed("the worker process ended before it was ready.", advice="Is torch installed correctly?")
        ready = from_json(Ready, first)
        if ready.error is not None:
            raise WorkerFailed(ready.error)
        process.stdin.write(encode_frame(request))
        process.stdin.flush()
        while (frame := read_frame(process.stdout)) is not None:
            event: Any = from_json(EVENTS[frame["event"]], frame)
            yield event
            if isinstance(event, (Finished, Failed)):
                return
        raise WorkerFailed("the worker process ended before it answered.", advice="Run the command again.")
    finally:
        process.stdin.close()
        process.kill()
        process.wait()
