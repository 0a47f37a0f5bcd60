"""How a persistent worker stops an analysis that nobody waits for any more."""

from __future__ import annotations

import threading


class Cancelled(BaseException):
    """Raised inside the analysis. A BaseException, so that user code's `except Exception` does not swallow it."""


class Cancellation:
    """A flag that one thread sets and the analysis polls."""

    def __init__(self) -> None:
        self._flag = threading.Event()

    def cancel(self) -> None:
        self._flag.set()

    def check(self) -> None:
        if self._flag.is_set():
            raise Cancelled
