"""The fallback where fork is missing or unsafe: the same protocol, all in one process, one request at a time.

It cancels cooperatively, where the tracer polls. Past the time limit the process says so and ends: whoever started it
keeps a spare.
"""

from __future__ import annotations

import os
import queue
import sys
import threading
import time
from types import ModuleType
from typing import Any

from ..schema import Analyse, Cancel, Failed, MalformedMessage, Ready, encode_frame, from_json, read_frame
from . import guard
from .cancellation import Cancellation, Cancelled
from .zygote import analysis_seconds

TIMED_OUT = 3
"""The exit code of a worker that had to end itself."""


class PersistentWorker:
    """Serves requests from the descriptor `source`, answers on `sink`, until `source` ends."""

    def __init__(self, source: int, sink: int) -> None:
        self._source = os.fdopen(source, "rb")
        self._sink = sink
        self._requests: queue.Queue[Analyse | None] = queue.Queue()
        self._cancellations: dict[int, Cancellation] = {}
        self._sending = threading.Lock()

    def serve(self, ready: Ready) -> None:
        self._send(ready)
        threading.Thread(target=self._read, daemon=True).start()
        while (request := self._requests.get()) is not None:
            if ready.error is not None:
                self._send(Failed(request.id, ready.error, code="crashed"))
            else:
                self._run(request)
            self._cancellations.pop(request.id, None)

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
            for older in tuple(self._cancellations):
                self._cancel(older)
            self._cancellations[request.id] = Cancellation()
            self._requests.put(request)
        self._requests.put(None)

    def _cancel(self, number: int) -> None:
        if number in self._cancellations:
            self._cancellations[number].cancel()

    def _run(self, request: Analyse) -> None:
        from .analyse import analyse

        cancellation = self._cancellations[request.id]
        watchdog = _Watchdog(self, request)
        before = dict(sys.modules)

        def emit(message: Any) -> None:
            watchdog.restart(getattr(message, "target", None))
            self._send(message)

        guard.arm()
        try:
            cancellation.check()
            answer: Any = analyse(request, emit, cancellation.check)
        except Cancelled:
            answer = Failed(request.id, "cancelled", watchdog.target, "cancelled")
        except MemoryError:
            answer = Failed(request.id, "this code asks for more memory than there is.", watchdog.target, "memory")
        finally:
            guard.disarm()
            watchdog.stop()
            _forget_workspace_modules(before, request.roots)
        self._send(answer)


class _Watchdog:
    """Ends the process when one model takes too long: a thread cannot stop another."""

    def __init__(self, worker: PersistentWorker, request: Analyse) -> None:
        self.target: str | None = None
        self._worker = worker
        self._request = request
        self._done = threading.Event()
        self._deadline = time.monotonic() + analysis_seconds()
        threading.Thread(target=self._watch, daemon=True).start()

    def restart(self, target: str | None) -> None:
        self.target = target or self.target
        self._deadline = time.monotonic() + analysis_seconds()

    def stop(self) -> None:
        self._done.set()

    def _watch(self) -> None:
        while not self._done.wait(max(0.01, self._deadline - time.monotonic())):
            if time.monotonic() >= self._deadline:
                words = f"did not finish within {analysis_seconds():g} s and was stopped. Is there an endless loop?"
                self._worker._send(Failed(self._request.id, words, self.target, "timeout"))
                os._exit(TIMED_OUT)


def _forget_workspace_modules(before: dict[str, ModuleType], roots: tuple[str, ...]) -> None:
    """Drop what the analysis imported from the workspace: the next one must see its text anew."""
    folders = tuple(root.rstrip("/\\") + os.sep for root in roots)
    for name, module in list(sys.modules.items()):
        file = getattr(module, "__file__", None) or ""
        if name not in before and (file.startswith(folders) or name.startswith("_pymodel_target_")):
            del sys.modules[name]
