"""Beyond the first fault: the shape that a failing operation should have given, so that the run can go on."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

Shape = tuple[int, ...]


def expected_output(name: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> torch.Tensor | None:
    """A meta tensor of the shape the author plainly meant, or None where there is no telling."""
    guess = _GUESSES.get(name)
    tensors = [arg for arg in args if isinstance(arg, torch.Tensor)]
    if guess is None or not tensors:
        return None
    shape = guess(args, kwargs)
    return None if shape is None else torch.empty(shape, dtype=tensors[0].dtype, device="meta")


def _view(args: tuple[Any, ...], kwargs: dict[str, Any]) -> Shape | None:
    wanted = args[1] if len(args) == 2 and isinstance(args[1], (tuple, list)) else args[1:]
    if not wanted or not all(isinstance(size, int) for size in wanted):
        return None
    source = tuple(args[0].shape)
    # A lone -1 stands for the batch in nearly all code that flattens.
    return tuple(source[0] if size == -1 and source else size for size in wanted)


def _linear(args: tuple[Any, ...], kwargs: dict[str, Any]) -> Shape | None:
    weight = args[1] if len(args) > 1 else kwargs.get("weight")
    return (*args[0].shape[:-1], weight.shape[0]) if isinstance(weight, torch.Tensor) else None


def _matmul(args: tuple[Any, ...], kwargs: dict[str, Any]) -> Shape | None:
    if len(args) < 2 or args[0].dim() < 2 or args[1].dim() < 2:
        return None
    return (*args[0].shape[:-1], args[1].shape[-1])


def _convolution(rank: int) -> Callable[[tuple[Any, ...], dict[str, Any]], Shape | None]:
    def guess(args: tuple[Any, ...], kwargs: dict[str, Any]) -> Shape | None:
        source, weight = args[0], args[1]
        if source.dim() != rank + 2:
            return None
        # The same call with the channels that the weight wants tells the spatial sizes.
        groups = args[6] if len(args) > 6 else kwargs.get("groups", 1)
        fitted = torch.empty(
            (source.shape[0], weight.shape[1] * groups, *source.shape[2:]), dtype=source.dtype, device="meta"
        )
        function = getattr(torch.nn.functional, f"conv{rank}d")
        try:
            return tuple(function(fitted, *args[1:], **kwargs).shape)
        except RuntimeError:
            return None

    return guess


def _elementwise(args: tuple[Any, ...], kwargs: dict[str, Any]) -> Shape | None:
    shapes: list[Shape] = [tuple(arg.shape) for arg in args if isinstance(arg, torch.Tensor)]
    return max(shapes, key=len)


def _same(args: tuple[Any, ...], kwargs: dict[str, Any]) -> Shape | None:
    return tuple(args[0].shape)


_GUESSES: dict[str, Callable[[tuple[Any, ...], dict[str, Any]], Shape | None]] = {
    **dict.fromkeys(("view", "reshape"), _view),
    "linear": _linear,
    **dict.fromkeys(("matmul", "__matmul__", "mm", "bmm"), _matmul),
    **{f"conv{rank}d": _convolution(rank) for rank in (1, 2, 3)},
    **dict.fromkeys(("add", "__add__", "sub", "__sub__", "mul", "__mul__", "div", "__truediv__"), _elementwise),
    **dict.fromkeys(("batch_norm", "layer_norm", "group_norm"), _same),
}
