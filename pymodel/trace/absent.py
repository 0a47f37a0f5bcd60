"""Calls of functions whose package is not installed (flash_attn, a triton kernel): a run goes on behind them.

What they give is assumed to be as their first tensor is, which is so of attentions, scans, norms and convolutions in
time, and whatever rests on it is marked as assumed.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import torch

from ..resolve.stubs import answering
from .leaves import tensors_in

if TYPE_CHECKING:
    from .mode import ForwardMode


@contextmanager
def standing_in(mode: ForwardMode) -> Iterator[None]:
    """While this lasts, what is not installed gives tensors for tensors."""

    def answer(args: tuple[Any, ...], kwargs: dict[str, Any]) -> torch.Tensor | None:
        first = next(iter(tensors_in(args, kwargs)), None)
        if first is None:
            return None
        mode.assumptions.assume()
        with torch._C.DisableTorchFunction():
            output = torch.empty_like(first, device="meta")
        mode.take_input(output, first)  # and so keep it: doubts are known by `id()`
        mode.assumptions.doubt([output])
        return output

    with answering(answer):
        yield
