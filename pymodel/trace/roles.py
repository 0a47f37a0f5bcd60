"""What the functions of torch do, as far as a run treats them differently."""

from __future__ import annotations

from functools import cache
from typing import Any, Literal

import torch
from torch.utils._device import _device_constructors

from . import packed
from .assume import VALUE_READERS
from .kernels import STAND_INS

_GETTERS = frozenset(("__get__", "size", "dim", "numel", "ndimension", "is_floating_point", "is_complex", "stride"))
_MOVERS = frozenset(("to", "cuda", "cpu"))
_DEVICE_OF = vars(torch._C.TensorBase)["device"].__get__
_GRAPH_WALKERS = frozenset((torch.autograd.grad, torch.Tensor.backward, vars(torch._C.TensorBase)["grad_fn"].__get__))
Role = Literal["get", "device", "read", "make", "move", "walk", "stand-in", "compute"]


@cache
def describe(func: Any) -> tuple[str, Role]:
    """A function's name, and what it does: gets metadata or the device, reads values, makes a tensor of nothing, moves
    one, walks the autograd graph, has a stand-in here, or computes."""
    name = getattr(func, "__name__", str(func))
    if func in _GRAPH_WALKERS:
        return name, "walk"
    if name in _GETTERS:
        return name, "device" if func == _DEVICE_OF else "get"
    if name in VALUE_READERS:
        return name, "read"
    if func in _device_constructors():
        return name, "make"
    if name in packed.NAMES or name in STAND_INS:
        return name, "stand-in"
    return name, "move" if name in _MOVERS else "compute"
