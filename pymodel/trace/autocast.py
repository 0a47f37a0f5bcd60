"""Autocast on meta: code asks for it by the device of a tensor, which is not the one that the tensor stands for; and as
torch casts nothing on meta, what it would cast on the CPU is known here by name (`aten/src/ATen/autocast_mode.h`)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch

STANDS_FOR = "cpu"
_QUESTIONS = ("is_autocast_enabled", "get_autocast_dtype", "set_autocast_enabled", "set_autocast_dtype")
"""Functions of torch whose first argument may be the type of a device."""
_LOWERED = frozenset(
    (
        *("linear", "matmul", "__matmul__", "__rmatmul__", "mm", "bmm", "addmm", "baddbmm", "addbmm", "einsum"),
        *("conv1d", "conv2d", "conv3d", "conv_tbc", "conv_transpose1d", "conv_transpose2d", "conv_transpose3d"),
        *("scaled_dot_product_attention", "multi_head_attention_forward"),
    )
)
_RAISED = frozenset(
    (
        *("avg_pool3d", "binary_cross_entropy", "binary_cross_entropy_with_logits", "cosine_embedding_loss"),
        *("cross_entropy", "hinge_embedding_loss", "huber_loss", "l1_loss", "margin_ranking_loss", "mse_loss"),
        *("multi_margin_loss", "multilabel_margin_loss", "nll_loss", "poisson_nll_loss", "smooth_l1_loss"),
        *("soft_margin_loss", "triplet_margin_loss"),
    )
)
"""What runs in lower precision, and what in float32, where autocast is on for the CPU."""


def autocast_dtype(name: str) -> torch.dtype | None:
    """The dtype to which autocast brings the floating operands of a function on the CPU, if it touches them."""
    if (name not in _LOWERED and name not in _RAISED) or not torch.is_autocast_enabled("cpu"):
        return None
    return torch.get_autocast_dtype("cpu") if name in _LOWERED else torch.float32


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
