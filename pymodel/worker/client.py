"""The command line's side of a worker: one process that answers one request after the other."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, Literal

from ..schema import (
    EVENTS,
    Analyse,
    Event,
    Failed,
    Finished,
    Started,
    encode_frame,
    from_json,
    read_frame,
)
from ..schema.environment import worker_environment
from .deaths import describe_exit, describe_signal, describe_timeout

MAIN = Path(__file__).resolve().parent.parent / "__main__.py"
STDERR_KEPT = 1 << 16

WorkerMode = Literal["fork", "persistent"]


def default_mode() -> WorkerMode:
    """Forking is safe on Linux; macOS has it, but its frameworks do not survive it."""
    return "fork" if sys.platform == "linux" else "persistent"


class Worker:
    """A worker on this interpreter, started at the first request and anew where a request was the death of it."""

    def __init__(self, mode: WorkerMode | None = None) -> None:
        self._mode = mode or default_mode()
        self._process: subprocess.Popen[bytes] | None = None
        self._said = b""

    def __enter__(self) -> Worker:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._end()

    def analyse(self, request: Analyse) -> Iterator[Event]:
        """What the worker says of a request. The last event is `Finished`, or `Failed` however the worker died."""
        process = self._start()
        assert process.stdin is not None
        assert process.stdout is not None
        target: str | None = None
        with contextlib.suppress(OSError):  # if it died, its end is told below
            process.stdin.write(encode_frame(request))
            process.stdin.flush()
        while (frame := read_frame(process.stdout)) is not None:
            if frame["event"] not in EVENTS:
                continue  # `ready`: what is missing there is the answer to each request as well
            event: Any = from_json(EVENTS[frame["event"]], frame)
            if isinstance(event, Started):
                target = event.target
            yield event
            if isinstance(event, (Finished, Failed)):
                return
        yield self._describe_death(process, request, target)

    def _start(self) -> subprocess.Popen[bytes]:
        if self._process is not None and self._process.poll() is None:
            return self._process
        self._end()
        self._process = subprocess.Popen(
            [sys.executable, "-P", str(MAIN), "worker", "--mode", self._mode],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=worker_environment(os.environ),
        )
        self._said = b""
        self._reader = threading.Thread(target=self._read_stderr, args=(self._process,), daemon=True)
        self._reader.start()
        return self._process

    def _read_stderr(self, process: subprocess.Popen[bytes]) -> None:
        assert process.stderr is not None
        while data := os.read(process.stderr.fileno(), STDERR_KEPT):
            self._said = (self._said + data)[-STDERR_KEPT:]

    def _describe_death(self, process: subprocess.Popen[bytes], request: Analyse, target: str | None) -> Failed:
        code = process.wait()
        self._reader.join(1)
        said = self._said.decode(errors="replace")
        if "Timeout (" in said:  # faulthandler's word
            return describe_timeout(request, target, said)
        if code < 0:
            return describe_signal(request, target, -code, said)
        return describe_exit(request, target, code, said)

    def _end(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._reader.join(1)
            for stream in (self._process.stdin, self._process.stdout, self._process.stderr):
                assert stream is not None
                with contextlib.suppress(BrokenPipeError):
                    stream.close()
            self._process = None
