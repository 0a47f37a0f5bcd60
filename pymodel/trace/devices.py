"""Nominal devices: all tensors are on meta, and each carries the device that the code asked for.

Where a model is to run is up to whoever calls it: its parameters, its inputs and what is computed from them are at
`HOME`, unless its construction says where that is. What is made with no device named is on the CPU, wherever home is.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

HOME = ""
UNNAMED = "unnamed"
"""The CPU, because no device was named."""
ASKED = "_pymodel_device"
"""The attribute of a tensor that was sent to a device while a model was built."""
ACROSS = frozenset(
    (
        *("__getitem__", "__setitem__", "copy_", "to", "type_as", "set_", "index_put", "index_put_"),
        *("_pack_padded_sequence", "_pad_packed_sequence", "pack_padded_sequence", "is_same_size", "set_data"),
    )
)
"""Functions whose operands may be on different devices; any other takes a tensor without dimensions from anywhere."""

RECURRENT = frozenset(("lstm", "gru", "rnn_tanh", "rnn_relu"))


@dataclass(frozen=True)
class Mix:
    """Two tensors on different devices that met: their nominal devices, the operations that made or sent them there
    (-1: none did), and where."""

    function: str
    devices: tuple[str, str]
    senders: tuple[int, int]
    frame: Any

    def is_told_by(self, other: Mix) -> bool:
        """Whether `other` tells the same: it is at the same place, or of the same tensors."""
        same = self.senders == other.senders and self.devices == other.devices and max(self.senders) >= 0
        return same or self.frame == other.frame


def shown(device: str, home: str = "cpu") -> str:
    """A nominal device as it is told: `cpu`, `cuda`."""
    return home if device == HOME else "cpu" if device == UNNAMED else device


def home_of(model: nn.Module) -> str | None:
    """Where a model's construction puts it: `HOME` where it does not say, None where it puts parts on several."""
    asked = {getattr(parameter, ASKED, HOME) for parameter in model.parameters()}
    return HOME if not asked else asked.pop() if len(asked) == 1 else None


def named_device(kwargs: dict[str, Any]) -> str:
    """The nominal device of what is made of nothing: that of `device=`."""
    device = kwargs.get("device")
    if device is None:
        return UNNAMED
    kind = _kind(device)
    return HOME if kind == "meta" else kind


def destination(args: tuple[Any, ...], kwargs: dict[str, Any], device_of: Callable[[torch.Tensor], str]) -> str | None:
    """Where `tensor.to(…)` sends a tensor; None where it names no device."""
    for value in (kwargs.get("device"), kwargs.get("other"), *args[1:]):
        if isinstance(value, torch.Tensor):
            return device_of(value)
        if isinstance(value, torch.device) or is_device(value):
            kind = _kind(value)
            return HOME if kind == "meta" else kind
    return None


def send(tensor: torch.Tensor, device: str) -> torch.Tensor:
    """Mark a tensor of a construction as sent to a device. A parameter stays what it is; others become new ones."""
    if getattr(tensor, ASKED, HOME) == device:
        return tensor
    sent = tensor if isinstance(tensor, nn.Parameter) else torch.ops.aten.alias.default(tensor)
    setattr(sent, ASKED, device)
    return sent


def stay(tensor: torch.Tensor) -> None:
    """Mark a plain attribute of a model, which stays where it was made when the model is moved."""
    if not hasattr(tensor, ASKED):
        setattr(tensor, ASKED, UNNAMED)


def carry(source: torch.Tensor, copy: torch.Tensor) -> torch.Tensor:
    """A copy on meta keeps the device of what it stands for."""
    device = getattr(source, ASKED, None)
    if device is not None:
        setattr(copy, ASKED, device)
    return copy


def differing(
    function: str, tensors: Sequence[torch.Tensor], devices: Sequence[str], anywhere: frozenset[str]
) -> tuple[int, int] | None:
    """The first two operands that must be on one device and are not, by position; devices of `anywhere` suit any."""
    if function in ACROSS:
        return None
    rows_on_cpu = function in RECURRENT  # the sizes of a packed batch
    met = [
        (place, "cpu" if device == UNNAMED else device)
        for place, (each, device) in enumerate(zip(tensors, devices, strict=True))
        if each.dim() and device not in anywhere and not (rows_on_cpu and each.dtype == torch.int64)
    ]
    for place, device in met[1:]:
        if device != met[0][1]:
            return met[0][0], place
    return None


def is_device(value: Any) -> bool:
    """Whether a value is a device, or a string that names one."""
    if isinstance(value, torch.device):
        return True
    return isinstance(value, str) and value.split(":")[0] in ("cpu", "cuda", "mps", "xpu", "meta", "hpu", "npu")


def _kind(device: Any) -> str:
    return "cuda" if isinstance(device, int) else torch.device(device).type
