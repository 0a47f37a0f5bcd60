"""`unregistered-tensor`: a tensor that is neither parameter nor buffer: `.to()` leaves it behind, and no checkpoint
holds it."""

from __future__ import annotations

import ast

import torch
from torch import nn

from ..discover.models import last_name
from ..schema import Diagnostic
from .attributes import ClassText
from .words import show

HANDLED = frozenset(
    ("to", "type", "type_as", "cuda", "cpu", "shape", "size", "dim", "ndim", "dtype", "device", "numel", "item")
)
"""What is asked of a tensor that code brings along itself, or of which no values are needed."""
MOVED = frozenset(("to", "type", "type_as", "cuda"))
"""How code brings one along, wherever else it uses it: `self.mean = self.mean.to(x.device)`."""


def tensors_held(model: nn.Module) -> frozenset[str]:
    """The attributes of a model that are tensors, but neither parameters nor buffers."""
    return frozenset(name for name, value in vars(model).items() if isinstance(value, torch.Tensor))


def find_unregistered_tensors(model: nn.Module, as_built: frozenset[str], text: ClassText) -> list[Diagnostic]:
    """Witness: the instance held the tensor when it was built (what a `forward` leaves behind is on the device of its
    inputs), and `forward` uses it as it lies."""
    found = []
    for name, value in vars(model).items():
        place = text.place(name)
        if (
            name not in as_built
            or place is None
            or not isinstance(value, torch.Tensor)
            or not _is_used_as_it_lies(text, name)
            or text.is_trained_by_hand(name)
        ):
            continue
        shape = show(tuple(value.shape))
        if value.requires_grad and value.is_leaf:
            fate, fitting = "the optimizer does not see it", f"`nn.Parameter` makes `self.{name}` a parameter."
        else:
            fate = "`.to(device)` leaves it where it is, and checkpoints lack it"
            fitting = f'`self.register_buffer("{name}", …)` takes it along.'
        words = f"`self.{name}` {shape} is neither a parameter nor a buffer: {fate}. {fitting}"
        found.append(Diagnostic("unregistered-tensor", "warning", words, place.path, place.start, place.end))
    return found


def _asked(around: ast.AST | None) -> str:
    """What is asked of a tensor by the node around it; `nn.Parameter(self.table)` makes another one of it."""
    if isinstance(around, ast.Call) and last_name(around.func) == "Parameter":
        return "to"
    return around.attr if isinstance(around, ast.Attribute) else ""


def _is_used_as_it_lies(text: ClassText, name: str) -> bool:
    asked = [_asked(around) for _, around in text.loads(name)]
    return MOVED.isdisjoint(asked) and any(each not in HANDLED for each in asked)
