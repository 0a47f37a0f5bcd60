"""A real worker for tests, in a session and under limits that protect the machine should a guard of ours fail."""

from __future__ import annotations

import contextlib
import os
import resource
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

from pymodel.schema import (
    EVENTS,
    Analyse,
    Cancel,
    Event,
    Failed,
    Finished,
    Ready,
    encode_frame,
    from_json,
)
from pymodel.schema.codec import read_frame
from pymodel.schema.environment import worker_environment

ROOT = Path(__file__).resolve().parents[2]
FIXTURES = ROOT / "tests/fixtures"
SECONDS = "4"
MEMORY = 12 << 30


class Analyst:
    """One worker process; started again where a request was the death of it, as its owner would."""

    def __init__(self, mode: Literal["fork", "persistent"]) -> None:
        self.mode = mode
        self.number = 0
        self.starts = 0
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> subprocess.Popen[bytes]:
        if self.process is not None and self.process.poll() is None:
            return self.process
        self.stop()
        self.starts += 1
        self.process = subprocess.Popen(
            [sys.executable, "-P", str(ROOT / "pymodel/__main__.py"), "worker", "--mode", self.mode],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={**worker_environment(os.environ), "PYMODEL_ANALYSIS_SECONDS": SECONDS},
            start_new_session=True,
            preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY)),
        )
        self.ready = from_json(Ready, self._read())
        return self.process

    def send(self, path: Path, **options: Any) -> int:
        """Ask for an analysis; its number."""
        self.number += 1
        request = Analyse(self.number, str(path), roots=(str(path.parent),), **options)
        self._write(request)
        return self.number

    def cancel(self, number: int) -> None:
        self._write(Cancel(number))

    def events(self) -> Iterator[Event]:
        """What the worker says next, until it ends."""
        while (frame := self._read()) is not None:
            yield from_json(EVENTS[frame["event"]], frame)

    def analyse(self, path: Path, **options: Any) -> list[Event]:
        """All that the worker says of one request. Empty at its end: the worker died without a word."""
        number = self.send(path, **options)
        said: list[Event] = []
        for event in self.events():
            if event.id == number:
                said.append(event)
                if isinstance(event, (Finished, Failed)):
                    break
        return said

    def stop(self) -> None:
        if self.process is None:
            return
        with contextlib.suppress(ProcessLookupError):  # it may be gone already
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.communicate()
        self.process = None

    def _write(self, message: Any) -> None:
        stdin = self.start().stdin
        assert stdin is not None
        stdin.write(encode_frame(message))
        stdin.flush()

    def _read(self) -> Any:
        """The next frame. Whatever hangs is killed, so that a failure is a failure and not a hang."""
        assert self.process is not None
        assert self.process.stdout is not None
        rescue = threading.Timer(60, os.killpg, (self.process.pid, signal.SIGKILL))
        rescue.start()
        try:
            return read_frame(self.process.stdout)
        finally:
            rescue.cancel()


def marked_line(path: Path) -> int:
    """The line that ends in `# here`."""
    lines = path.read_text(encoding="utf-8").splitlines()
    return next(number for number, line in enumerate(lines, 1) if line.endswith("# here"))


HEALTHY = """\
from torch import nn


class Fine(nn.Module):  # pymodel: Fine(), x=(B, 3)
    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(3, 5)

    def forward(self, x):
        y = self.fc(x)
        return y
"""
