"""What a script's data loaders give: how long it waits for a batch, how large one is, which pass over them it is."""

from __future__ import annotations

import weakref
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

DEPTH = 4
"""How deep in a batch a tensor is looked for."""


@dataclass
class LoaderTrack:
    """One loader."""

    epoch: int = 0
    """Passes over it that have begun."""
    batches: int = 0
    """Batches of this pass."""
    length: int | None = None
    batch_size: int | None = None


class Loaders:
    """All loaders that were iterated. The one whose batches precede a backward pass is the training's."""

    def __init__(self) -> None:
        self._tracks: weakref.WeakKeyDictionary[Any, LoaderTrack] = weakref.WeakKeyDictionary()
        self._iterators: weakref.WeakKeyDictionary[Any, LoaderTrack] = weakref.WeakKeyDictionary()
        self._last: LoaderTrack | None = None
        self.training: LoaderTrack | None = None
        self.wait_seconds = 0.0
        """Since it was last reset."""
        self.examples = 0
        """That went through a backward pass since it was last reset."""
        self._is_new = False

    def begin(self, iterator: Any, loader: Any) -> None:
        """A pass over a loader begins."""
        track = self._tracks.setdefault(loader, LoaderTrack())
        track.epoch += 1
        track.batches = 0
        try:
            track.length = len(loader)
        except (TypeError, NotImplementedError):
            track.length = None
        self._iterators[iterator] = track

    def note_batch(self, iterator: Any, batch: Any, seconds: float) -> None:
        track = self._iterators.get(iterator)
        if track is None:
            return
        track.batches += 1
        track.batch_size = count_examples(batch)
        self.wait_seconds += seconds
        self._last = track
        self._is_new = True

    def note_backward(self) -> None:
        """The last batch is one that is learned from."""
        if self._is_new and self._last is not None:
            self._is_new = False
            self.training = self._last
            self.examples += self._last.batch_size or 0


def count_examples(batch: Any, depth: int = DEPTH) -> int | None:
    """The first size of the first tensor in a batch."""
    shape = getattr(batch, "shape", None)
    if shape is not None and hasattr(batch, "dtype"):
        return int(shape[0]) if len(shape) else None
    if depth == 0:
        return None
    held = batch.values() if isinstance(batch, Mapping) else batch if isinstance(batch, (list, tuple)) else ()
    sizes = (count_examples(each, depth - 1) for each in held)
    return next((size for size in sizes if size is not None), None)
