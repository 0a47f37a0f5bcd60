"""One batch: which of it goes into the model, and which is the target."""

from __future__ import annotations

import inspect
import itertools
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from ..schema import PyModelError

TARGET_KEYS = ("labels", "label", "targets", "target", "y")


class BatchNotUsable(PyModelError):
    """A batch has no inputs and target that can be told apart."""


@dataclass(frozen=True)
class Batch:
    inputs: tuple[Any, ...]
    keywords: dict[str, Any]
    target: Any

    @property
    def size(self) -> int:
        return len(self.target) if isinstance(self.target, Tensor) and self.target.dim() else 1


def split_batch(batch: Any, model: nn.Module, device: torch.device) -> Batch:
    """A tuple is (inputs…, target); a dict is keywords of `forward`, with the target under one of `TARGET_KEYS`.

    Raises:
        BatchNotUsable: it is neither.
    """
    batch = _move(batch, device)
    if isinstance(batch, (tuple, list)) and len(batch) >= 2 and isinstance(batch[-1], Tensor):
        inputs = tuple(batch[:-1])
        if len(inputs) == 1 and isinstance(inputs[0], (tuple, list)):
            inputs = tuple(inputs[0])
        return Batch(inputs, {}, batch[-1])
    if isinstance(batch, dict):
        key = next((key for key in TARGET_KEYS if isinstance(batch.get(key), Tensor)), None)
        accepted = inspect.signature(model.forward).parameters
        takes_any = any(each.kind is inspect.Parameter.VAR_KEYWORD for each in accepted.values())
        keywords = {name: value for name, value in batch.items() if name != key and (takes_any or name in accepted)}
        if key is not None and keywords:
            return Batch((), keywords, batch[key])
    given = f"a {type(batch).__name__}" + (f" of {len(batch)}" if isinstance(batch, (tuple, list, dict)) else "")
    advice = "Let the data set give (inputs…, target), or a dict of forward's arguments with `labels`."
    raise BatchNotUsable(f"A batch of the data is {given}: inputs and target cannot be told apart.", advice=advice)


def cut_batch(batch: Any, parts: int) -> list[Any]:
    """A batch in at most so many parts of nearly equal size, along its tensors' first dimension."""
    size = batch_size(batch)
    parts = min(parts, size)
    if parts < 2:
        return [batch]
    edges = [size * number // parts for number in range(parts + 1)]
    return [_slice(batch, start, end, size) for start, end in itertools.pairwise(edges)]


def batch_size(batch: Any) -> int:
    """Examples of a batch: the first dimension of its first tensor."""
    if isinstance(batch, Tensor):
        return len(batch) if batch.dim() else 1
    if isinstance(batch, dict):
        batch = list(batch.values())
    return max((batch_size(each) for each in batch), default=1) if isinstance(batch, (tuple, list)) else 1


def _slice(value: Any, start: int, end: int, size: int) -> Any:
    if isinstance(value, Tensor):
        return value[start:end] if value.dim() and len(value) == size else value
    if isinstance(value, (tuple, list)):
        if len(value) == size and not any(isinstance(each, Tensor) for each in value):
            return value[start:end]  # a list of one thing per example, such as texts
        return [_slice(each, start, end, size) for each in value]
    return {key: _slice(each, start, end, size) for key, each in value.items()} if isinstance(value, dict) else value


def _move(value: Any, device: torch.device) -> Any:
    if isinstance(value, Tensor):
        return value.to(device, non_blocking=True)
    if isinstance(value, (tuple, list)):
        return [_move(each, device) for each in value]
    if isinstance(value, dict):
        return {key: _move(each, device) for key, each in value.items()}
    return value
