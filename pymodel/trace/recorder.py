"""Takes down what instrumented code tells: for each site, the shape of what it held, in the order executed."""

from __future__ import annotations

import builtins
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import nn
from torch.nn.parameter import is_lazy

from .assumed_numbers import AssumedInt
from .instrument import RECORD, Instrumenter, pass_through

MAX_ITEMS = 16
MAX_EVENTS = 200_000


@dataclass(frozen=True, slots=True)
class TensorSeen:
    shape: tuple[int, ...]
    dtype: str
    device: str
    assumed: bool
    id: str = field(default="", compare=False)
    """The run's name for it; empty where nobody follows it."""


@dataclass(frozen=True, slots=True)
class IntSeen:
    value: int
    assumed: bool = False


@dataclass(frozen=True, slots=True)
class TupleSeen:
    items: tuple[Seen, ...]


@dataclass(frozen=True, slots=True)
class DictSeen:
    keys: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ModuleSeen:
    module: nn.Module


@dataclass(frozen=True, slots=True)
class OtherSeen:
    type: str
    module: str = ""
    """Where the type is defined."""


LAZY = OtherSeen("UninitializedParameter", "torch.nn.parameter")
"""A parameter that has no shape yet."""
Seen = TensorSeen | IntSeen | TupleSeen | DictSeen | ModuleSeen | OtherSeen


class Recorder:
    """The events of one run. Values are summarised at once: no tensor of the user's is kept alive."""

    def __init__(
        self,
        device_of: Callable[[torch.Tensor], str],
        is_assumed: Callable[[torch.Tensor], bool],
        id_of: Callable[[torch.Tensor], str] = lambda tensor: "",
    ) -> None:
        self.events: list[tuple[int, Seen]] = []
        self._device_of = device_of
        self._is_assumed = is_assumed
        self._id_of = id_of

    def record(self, site: int, value: Any) -> Any:
        if value is not None and len(self.events) < MAX_EVENTS:
            self.events.append((site, self.summarise(value)))
        return value

    def summarise(self, value: Any) -> Seen:
        if isinstance(value, torch.Tensor):
            return self._summarise_tensor(value)
        if type(value) is int:
            return IntSeen(value)
        if isinstance(value, AssumedInt):
            return IntSeen(int(value), True)
        if isinstance(value, (tuple, list)):
            return TupleSeen(tuple(self.summarise(item) for item in value[:MAX_ITEMS]))
        if isinstance(value, nn.Module):
            return ModuleSeen(value)
        if isinstance(value, dict):
            return DictSeen(tuple(str(key) for key in list(value)[:MAX_ITEMS]))
        return OtherSeen(type(value).__name__, str(type(value).__module__))

    def _summarise_tensor(self, value: torch.Tensor) -> Seen:
        try:
            with torch._C.DisableTorchFunction():
                shape, dtype = tuple(value.shape), str(value.dtype).removeprefix("torch.")
        except RuntimeError:
            if not is_lazy(value):  # asked only now: this is run for every expression
                raise
            return LAZY
        return TensorSeen(shape, dtype, self._device_of(value), self._is_assumed(value), self._id_of(value))


@contextmanager
def recording(recorder: Recorder) -> Iterator[None]:
    """The latest instrumenter's code reports to `recorder` while this lasts."""
    builtin = RECORD.format(Instrumenter.latest)
    before = getattr(builtins, builtin, pass_through)
    setattr(builtins, builtin, recorder.record)
    try:
        yield
    finally:
        setattr(builtins, builtin, before)
