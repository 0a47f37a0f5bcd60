"""Numbers that may still be on a device. Those on the CPU are read at once; others are copied together, twice a second,
without waiting for the device, and read once the copy is there."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

Scalar = float | Tensor


def keep(tensor: Tensor) -> Scalar:
    """A tensor of one element as a number, or where that would wait for a device, as a copy that stays there."""
    with torch._C.DisableTorchFunctionSubclass():
        if tensor.device.type == "cpu":
            return float(tensor.item())
        return tensor.detach().reshape(()).clone()


def is_plain(tensor: Tensor) -> bool:
    """Whether it has data of its own to read: no fake, functional or distributed tensor."""
    kind = type(tensor)
    own = kind is Tensor or kind.__torch_dispatch__ is Tensor.__torch_dispatch__
    return own and tensor.device.type != "meta" and not torch._C._functorch.is_functorch_wrapped_tensor(tensor)


def is_capturing(tensor: Tensor) -> bool:
    """Whether the device records a graph of kernels now: nothing of ours must get into it."""
    return tensor.is_cuda and torch.cuda.is_current_stream_capturing()


class Transfer:
    """One copy of many numbers from their device."""

    def __init__(self, tensors: list[Tensor]) -> None:
        stacked = torch.stack([each.float() for each in tensors])
        self._host = torch.empty(len(tensors), pin_memory=stacked.is_cuda)
        self._host.copy_(stacked, non_blocking=True)
        self._event = torch.Event(device=stacked.device) if stacked.device.type != "cpu" else None
        if self._event is not None:
            self._event.record()

    @property
    def is_done(self) -> bool:
        return self._event is None or bool(self._event.query())

    def read(self) -> list[float]:
        values: list[float] = self._host.tolist()
        return values


class Deferred:
    """Numbers in the order of the steps, each group read when all of it is on the host."""

    def __init__(self) -> None:
        self._waiting: list[tuple[list[Scalar], Callable[[list[float]], Any]]] = []
        self._copying: list[tuple[Transfer, list[tuple[list[Scalar], Callable[[list[float]], Any]]]]] = []

    def add(self, scalars: list[Scalar], use: Callable[[list[float]], Any]) -> None:
        """Call `use` with the numbers: now, if they are known and none is waited for before them, else from `poll`."""
        if not self._waiting and not self._copying and not any(isinstance(each, Tensor) for each in scalars):
            use([each for each in scalars if not isinstance(each, Tensor)])
        else:
            self._waiting.append((scalars, use))

    def send(self) -> None:
        """Begin to copy what waits. On the script's own thread, whose stream has made them."""
        if self._waiting and not self._copying:
            waiting, self._waiting = self._waiting, []
            tensors = [each for scalars, _ in waiting for each in scalars if isinstance(each, Tensor)]
            by_device = {each.device for each in tensors}
            if len(by_device) > 1:
                tensors = [each.to(tensors[0].device, non_blocking=True) for each in tensors]
            self._copying.append((Transfer(tensors), waiting))

    def poll(self, *, at_end: bool = False) -> None:
        """Use what has arrived."""
        while self._copying and (at_end or self._copying[0][0].is_done):
            transfer, groups = self._copying.pop(0)
            if at_end and transfer._event is not None:
                transfer._event.synchronize()
            arrived = iter(transfer.read())
            for scalars, use in groups:
                use([next(arrived) if isinstance(each, Tensor) else each for each in scalars])
