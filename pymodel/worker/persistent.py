"""The fallback where fork is missing or unsafe: the same protocol, all in one process, one request at a time.

It cancels cooperatively, where the tracer polls. Past the time limit the process says so and ends: whoever started it
keeps a spare. Code that holds the interpreter's lock for good leaves no thread to say so: then `faulthandler` ends it.
"""

from __future__ import annotations

import faulthandler
import os
import queue
import sys
import threading
import time
import traceback
from typing import Any

from ..schema import Analyse, Cancel, Failed, MalformedMessage, Ready, encode_frame, from_json, read_frame
from . import guard
from .cancellation import Cancellation, Cancelled
from .deaths import analysis_seconds, describe_error, describe_timeout

TIMED_OUT = 3
"""The exit code of a worker that had to end itself."""
GRACE_SECONDS = 1.0
"""So long after the limit the process is ended even if no thread of it can run."""


class PersistentWorker:
    """Serves requests from the descriptor `source`, answers on `sink`, until `source` ends."""

    def __init__(self, source: int, sink: int) -> None:
        self._source = os.fdopen(source, "rb")
        self._sink = sink
        self._requests: queue.Queue[Analyse | None] = queue.Queue()
        self._accepted: dict[int, tuple[Analyse, Cancellation]] = {}
        self._sending = threading.Lock()

    def serve(self, ready: Ready) -> None:
        self._send(ready)
        threading.Thread(target=self._read, daemon=True).start()
        while (request := self._requests.get()) is not None:
            if ready.error is not None:
                self._send(Failed(request.id, ready.error, code="crashed"))
            else:
                self._run(request)
            self._accepted.pop(request.id, None)

    def _send(self, message: Any) -> None:
        with self._sending:
            view = memoryview(encode_frame(message))
            while view:
                view = view[os.write(self._sink, view) :]

    def _read(self) -> None:
        while (frame := read_frame(self._source)) is not None:
            try:
                if frame.get("method") == "cancel":
                    self._cancel(from_json(Cancel, frame).id)
                    continue
                request = from_json(Analyse, frame)
            except MalformedMessage as error:
                self._send(Failed(int(frame.get("id") or 0), f"malformed request: {error}", code="crashed"))
                continue
            for number, (older, _) in tuple(self._accepted.items()):
                if request.replaces(older):
                    self._cancel(number)
            self._accepted[request.id] = request, Cancellation()
            self._requests.put(request)
        self._requests.put(None)

    def _cancel(self, number: int) -> None:
        if number in self._accepted:
            self._accepted[number][1].cancel()

    def _run(self, request: Analyse) -> None:
        from .analyse import analyse

        _, cancellation = self._accepted[request.id]
        watchdog = _Watchdog(self, request)
        paths = list(sys.path)

        def emit(message: Any) -> None:
            watchdog.restart(getattr(message, "target", None))
            self._send(message)

        guard.arm()
        try:
            cancellation.check()
            answer: Any = analyse(request, emit, cancellation.check, prove=True)
        except Cancelled:
            answer = Failed(request.id, "cancelled", watchdog.target, "cancelled")
        except BaseException as error:  # the last border: nothing is above it
            answer = describe_error(request, watchdog.target, error)
        finally:
            guard.disarm()
            watchdog.stop()
            sys.path[:] = paths
        self._send(answer)


class _Watchdog:
    """Ends the process when one model takes too long: a thread cannot stop another."""

    def __init__(self, worker: PersistentWorker, request: Analyse) -> None:
        self.target: str | None = None
        self._worker = worker
        self._request = request
        self._watched = threading.get_ident()
        self._done = threading.Event()
        self.restart(None)
        threading.Thread(target=self._watch, daemon=True).start()

    def restart(self, target: str | None) -> None:
        self.target = target or self.target
        self._deadline = time.monotonic() + analysis_seconds()
        faulthandler.dump_traceback_later(analysis_seconds() + GRACE_SECONDS, exit=True)

    def stop(self) -> None:
        self._done.set()
        faulthandler.cancel_dump_traceback_later()

    def _watch(self) -> None:
        while not self._done.wait(max(0.01, self._deadline - time.monotonic())):
            if time.monotonic() >= self._deadline:
                self._worker._send(describe_timeout(self._request, self.target, self._stack()))
                os._exit(TIMED_OUT)

    def _stack(self) -> str:
        """Where the analysis is, innermost first, as `faulthandler` writes it."""
        frame = sys._current_frames().get(self._watched)
        stack = reversed(traceback.extract_stack(frame)) if frame is not None else ()
        return "\n".join(f'File "{each.filename}", line {each.lineno} in {each.name}' for each in stack)
