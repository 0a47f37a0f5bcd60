"""The job's side of a pause: between two steps it waits, with all that it has in memory."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable
from types import FrameType

from ..runs.pause import GO_ON, PAUSE
from .journal import Journal

POLL_SECONDS = 0.2


class Pause:
    """Listens from now on for the signals that ask for it, and for its end."""

    def __init__(self) -> None:
        self.wanted = False
        if PAUSE is not None and GO_ON is not None:
            signal.signal(PAUSE, self._receive)
            signal.signal(GO_ON, self._receive)

    def hold(self, journal: Journal, should_stop: Callable[[], bool]) -> None:
        """Wait while a pause is wanted, and the run is not to stop."""
        if not self.wanted:
            return
        journal.flush()
        journal.update(state="paused")
        while self.wanted and not should_stop():
            time.sleep(POLL_SECONDS)
        journal.update(state="running")

    def _receive(self, number: int, frame: FrameType | None) -> None:
        self.wanted = number == PAUSE
