"""The optimizers of a script: which are alive, what each is called, how often it has stepped."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from dataclasses import dataclass, field
from types import FrameType
from typing import TYPE_CHECKING

from .losses import LossSummary

if TYPE_CHECKING:
    from torch.optim import Optimizer


@dataclass
class Track:
    """One optimizer."""

    number: int
    optimizer: weakref.ref[Optimizer]
    name: str = ""
    steps: int = 0
    in_step: bool = False
    parameters: frozenset[int] = frozenset()
    groups: int = -1
    rates: tuple[float, ...] = ()
    """As they were last written."""
    summary: LossSummary = field(default_factory=LossSummary)
    shares_run: bool | None = None
    """Whether there were others when it first stepped: then its metrics have its name."""

    def metric(self, role: str, quantity: str) -> str:
        """`train/loss`, or `train/optimizerD/loss` where there are several."""
        middle = f"{self.name}/" if self.shares_run else ""
        return f"{role}/{middle}{quantity}" if role else f"{middle}{quantity}"


class Optimizers:
    """All that were made, for as long as they live."""

    def __init__(self) -> None:
        self._tracks: dict[int, Track] = {}
        self._made = 0

    def add(self, optimizer: Optimizer) -> None:
        self.of(optimizer)

    def of(self, optimizer: Optimizer) -> Track:
        track = self._tracks.get(id(optimizer))
        if track is None or track.optimizer() is not optimizer:
            self._made += 1
            track = self._tracks[id(optimizer)] = Track(self._made, weakref.ref(optimizer))
        if track.groups != len(optimizer.param_groups):
            track.groups = len(optimizer.param_groups)
            track.parameters = frozenset(id(each) for group in optimizer.param_groups for each in group["params"])
        return track

    def __len__(self) -> int:
        """How many are known; some may be gone by now."""
        return len(self._tracks)

    def alive(self) -> list[Track]:
        return [track for track in self._tracks.values() if track.optimizer() is not None]

    def begin_step(self, track: Track, frames: Callable[[], list[FrameType]]) -> None:
        """Before a first step: what it is called in the script, and whether it is one of several."""
        if track.shares_run is None:
            self._tracks = {key: each for key, each in self._tracks.items() if each.optimizer() is not None}
            others = {each.name for each in self._tracks.values() if each is not track}
            track.shares_run = len(self._tracks) > 1
            track.name = name_in(frames(), track.optimizer()) or f"optimizer{track.number}"
            if track.name in others:
                track.name = f"{track.name}{track.number}"
        track.in_step = True


def name_in(frames: list[FrameType], wanted: object) -> str:
    """The variable that holds an object in the outermost frame of the user that has one: a helper calls all of a kind
    the same. An attribute of `self` is one, too."""
    for frame in reversed(frames):
        own = frame.f_locals
        for names in (own, getattr(own.get("self"), "__dict__", {}), frame.f_globals):
            for name, value in list(names.items()):
                if value is wanted:
                    return str(name).strip("_")
    return ""
