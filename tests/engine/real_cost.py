"""The cost of a model as torch counts it on real runs on the CPU, and as the engine tells it from a run on meta."""

from __future__ import annotations

import copy
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from pymodel.trace.meta import move_to_meta
from pymodel.trace.run import run_forward

Inputs = tuple[torch.Tensor, ...]


@dataclass(frozen=True)
class Cost:
    flops: int
    kept: int


class Function(nn.Module):
    """A function of tensors as a model. Its first weight takes part, so that all that follows has a gradient."""

    def __init__(self, function: Callable[..., Any]) -> None:
        super().__init__()
        self.function = function

    def forward(self, *inputs: torch.Tensor) -> Any:
        return self.function(*inputs)


def told_cost(model: nn.Module, inputs: Inputs) -> Cost:
    """What the engine says."""
    model = copy.deepcopy(model)
    move_to_meta(model)

    def arguments() -> tuple[tuple[torch.Tensor, ...], dict[str, Any]]:
        return tuple(each.detach().to("meta").requires_grad_(each.requires_grad) for each in inputs), {}

    run = run_forward(model, arguments, {}, frozenset(), record=False)
    if run.error is not None:
        raise run.error
    assert not run.faults
    return Cost(sum(each.flops for each in run.operations), sum(each.bytes for each in run.operations))


def counted_flops(model: nn.Module, inputs: Inputs) -> int:
    """What torch's counter says, with attention spelt out and recurrent layers as torch's own products."""
    counter = FlopCounterMode(display=False)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with counter, sdpa_kernel(SDPBackend.MATH), torch.backends.mkldnn.flags(False):
            model(*inputs)
    return int(counter.get_total_flops())


def kept_bytes(model: nn.Module, inputs: Inputs) -> int:
    """Bytes of the distinct storages that autograd saves, those of parameters and buffers left out."""
    there = {each.untyped_storage().data_ptr() for each in (*model.parameters(), *model.buffers())}
    kept: dict[int, torch.UntypedStorage] = {}

    def pack(tensor: torch.Tensor) -> torch.Tensor:
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in there:
            kept[storage.data_ptr()] = storage
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        output = model(*inputs)
    total = sum(storage.nbytes() for storage in kept.values())
    del output
    return total
