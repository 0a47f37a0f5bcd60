"""Runs of one model at other sizes than the base's: whether they go the way the base went, each tried once."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from .mode import NO_LIMIT, TooManyCalls
from .run import Run

FEWEST = 2_000
LONGER = 8
"""A trial may ask so many times as much of torch as the base run did, and `FEWEST` calls at least."""
ALL_CALLS = 20_000
MOST_RUNS = 12
"""All trials together may ask so much, and as much as so many base runs; what is not known by then stays the number it
was. Calls are counted, and not time, so that what is known of a model is the same on every machine."""

Start = Callable[[dict[str, int], bool, int], Run]
"""`start(binding, frontier, most)` runs the model, and raises `TooManyCalls` past `most` calls of torch."""


class Trials:
    """The base run, and further ones by what they change of its binding."""

    def __init__(self, start: Start, binding: Mapping[str, int]) -> None:
        self._start = start
        self.binding = dict(binding)
        self.base = start(self.binding, True, NO_LIMIT)
        self.is_clean = self.base.error is None and not self.base.faults
        self._most = max(FEWEST, LONGER * self.base.calls)
        self._left = max(ALL_CALLS, MOST_RUNS * self.base.calls)
        self._known: dict[tuple[tuple[str, int], ...], Run | None] = {}
        self.was_cut = False
        """Whether the last trial that failed did so for its length alone."""

    def at(self, changes: Mapping[str, int]) -> Run | None:
        """The run at the base binding with `changes`; None if it did not go as the base did: to its end, or into the
        same first fault."""
        key = tuple(sorted((name, size) for name, size in changes.items() if size != self.binding.get(name)))
        if not key:
            return self.base
        if key not in self._known:
            self._known[key] = self._try({**self.binding, **dict(key)})
        return self._known[key]

    @property
    def is_spent(self) -> bool:
        """Whether it is time to do with what is known; what is claimed has still to be verified."""
        return self._left <= 0

    def _try(self, binding: dict[str, int]) -> Run | None:
        self.was_cut = False
        try:
            attempt = self._start(binding, not self.is_clean, self._most)
        except TooManyCalls:
            self.was_cut = True
            self._left -= self._most
            return None
        self._left -= attempt.calls
        moved = all(attempt.binding.get(name) == size for name, size in binding.items())
        return attempt if moved and self._went_alike(attempt) else None

    def _went_alike(self, attempt: Run) -> bool:
        base = self.base
        if (attempt.error is None) != (base.error is None) or bool(attempt.faults) != bool(base.faults):
            return False
        if len(attempt.outputs) != len(base.outputs):
            return False
        return not attempt.faults or attempt.faults[0].frame == base.faults[0].frame
