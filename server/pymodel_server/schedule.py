"""Which document is analysed next: first the one that is typed in, then what was looked at last.

Each document waits for a moment of quiet, and has one analysis at a time. Few run at once; one that only serves a
document in the background makes room for a document that was edited, and is done again later.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

AT_ONCE = 2


@dataclass
class _Asked:
    urgent: bool
    timer: asyncio.TimerHandle


class Scheduler:
    """Begins and stops analyses by calling `begin` and `stop` with a document's URI; `attention` says when it was
    looked at last. Who began an analysis says `done` when it has ended."""

    def __init__(
        self, begin: Callable[[str], None], stop: Callable[[str], None], attention: Callable[[str], float]
    ) -> None:
        self._begin = begin
        self._stop = stop
        self._attention = attention
        self._asked: dict[str, _Asked] = {}
        """Not yet quiet for long enough."""
        self._waiting: dict[str, bool] = {}
        """Ready to begin, and whether it is urgent."""
        self._running: dict[str, bool] = {}

    def ask(self, uri: str, *, urgent: bool, delay: float) -> None:
        """Analyse a document after `delay` seconds in which it is not asked for again."""
        asked = self._asked.pop(uri, None)
        if asked is not None:
            asked.timer.cancel()
            urgent |= asked.urgent
        self._asked[uri] = _Asked(urgent, asyncio.get_running_loop().call_later(delay, self._ripen, uri))

    def done(self, uri: str) -> None:
        self._running.pop(uri, None)
        self._fill()

    def forget(self, uri: str) -> None:
        """A document was closed: what runs for it is stopped."""
        asked = self._asked.pop(uri, None)
        if asked is not None:
            asked.timer.cancel()
        self._waiting.pop(uri, None)
        if self._running.pop(uri, None) is not None:
            self._stop(uri)
        self._fill()

    def _ripen(self, uri: str) -> None:
        urgent = self._asked.pop(uri).urgent
        if self._running.pop(uri, None) is not None:
            self._stop(uri)
        self._waiting[uri] = urgent or self._waiting.get(uri, False)
        self._fill()

    def _fill(self) -> None:
        while self._waiting:
            first = max(self._waiting, key=lambda uri: (self._waiting[uri], self._attention(uri)))
            if len(self._running) >= AT_ONCE and not (self._waiting[first] and self._make_room()):
                return
            self._running[first] = self._waiting.pop(first)
            self._begin(first)

    def _make_room(self) -> bool:
        """Put off the running analysis that matters least; False if all of them are urgent."""
        others = [uri for uri, urgent in self._running.items() if not urgent]
        if not others:
            return False
        last = min(others, key=self._attention)
        self._waiting[last] = self._running.pop(last)
        self._stop(last)
        return True
