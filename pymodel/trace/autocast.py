"""Autocast on meta: code asks for it by the device of a tensor, which is not the one that the tensor stands for."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch

STANDS_FOR = "cpu"
_QUESTIONS = ("is_autocast_enabled", "get_autocast_dtype", "set_autocast_enabled", "set_autocast_dtype")
"""Functions of torch whose first argument may be the type of a device."""


@contextmanager
def autocast_on_meta() -> Iterator[None]:
    """`torch.autocast(x.device.type)` and questions about it are taken for a real device while this lasts."""
    start = torch.autocast.__init__
    questions = {name: getattr(torch, name) for name in _QUESTIONS if hasattr(torch, name)}

    def start_for_real(self: torch.autocast, device_type: str, *args: Any, **kwargs: Any) -> None:
        start(self, _real(device_type), *args, **kwargs)

    torch.autocast.__init__ = start_for_real  # type: ignore[method-assign]
    for name, function in questions.items():
        setattr(torch, name, _asking_for_real(function))
    try:
        yield
    finally:
        torch.autocast.__init__ = start  # type: ignore[method-assign]
        for name, function in questions.items():
            setattr(torch, name, function)


def _asking_for_real(function: Callable[..., Any]) -> Callable[..., Any]:
    def ask(*args: Any, **kwargs: Any) -> Any:
        return function(*map(_real, args), **{key: _real(value) for key, value in kwargs.items()})

    return ask


def _real(device_type: Any) -> Any:
    return STANDS_FOR if device_type == "meta" else device_type
