"""The shapes that the author's own words ask for, where what is there cannot be brought into them."""

from __future__ import annotations

from collections.abc import Callable
from itertools import zip_longest
from math import prod
from typing import Any

import torch

Shape = tuple[int, ...]
Form = Callable[[tuple[Any, ...], dict[str, Any]], list[Shape] | None]
"""The shape of each result of a call."""


def _sizes(args: tuple[Any, ...], kwargs: dict[str, Any], name: str = "shape") -> Shape | None:
    given = args[1] if len(args) == 2 and isinstance(args[1], (tuple, list)) else args[1:] or kwargs.get(name, ())
    sizes = tuple(given) if isinstance(given, (tuple, list)) else (given,)
    return sizes if sizes and all(isinstance(size, int) for size in sizes) else None


def _view(args: tuple[Any, ...], kwargs: dict[str, Any]) -> list[Shape] | None:
    """A lone -1 in front stands for the batch in nearly all code that flattens; elsewhere it is what is left."""
    sizes = _sizes(args, kwargs)
    if sizes is None:
        return None
    source = tuple(args[0].shape)
    rest = prod(size for size in sizes if size != -1)
    left = max(1, prod(source) // rest) if rest else 1
    return [tuple((source[0] if n == 0 and source else left) if size == -1 else size for n, size in enumerate(sizes))]


def _expand(args: tuple[Any, ...], kwargs: dict[str, Any]) -> list[Shape] | None:
    sizes = _sizes(args, kwargs, "size")
    if sizes is None:
        return None
    source = tuple(args[0].shape)
    padded = (*(1 for _ in range(len(sizes) - len(source))), *source)[-len(sizes) :]
    return [tuple(have if size == -1 else size for size, have in zip(sizes, padded, strict=True))]


def _permute(args: tuple[Any, ...], kwargs: dict[str, Any]) -> list[Shape] | None:
    """As many dimensions as are named; one that is not there is 1."""
    dims = _sizes(args, kwargs, "dims")
    source = tuple(args[0].shape)
    if dims is None:
        return None
    return [tuple(source[dim] if -len(source) <= dim < len(source) else 1 for dim in dims)]


def _transpose(args: tuple[Any, ...], kwargs: dict[str, Any]) -> list[Shape] | None:
    return [tuple(args[0].shape)]


def _split(args: tuple[Any, ...], kwargs: dict[str, Any]) -> list[Shape] | None:
    parts = args[1] if len(args) > 1 else kwargs.get("split_size", kwargs.get("split_sizes"))
    dim = args[2] if len(args) > 2 else kwargs.get("dim", 0)
    if not isinstance(parts, (tuple, list)):
        return None
    shape = list(args[0].shape)
    at = dim % len(shape)
    return [(*shape[:at], part, *shape[at + 1 :]) for part in parts]


def _unflatten(args: tuple[Any, ...], kwargs: dict[str, Any]) -> list[Shape] | None:
    dim = args[1] if len(args) > 1 else kwargs["dim"]
    sizes = args[2] if len(args) > 2 else kwargs["sizes"]
    shape = list(args[0].shape)
    at = dim % len(shape)
    rest = prod(size for size in sizes if size != -1)
    named = tuple(max(1, shape[at] // rest) if size == -1 else size for size in sizes)
    return [(*shape[:at], *named, *shape[at + 1 :])]


def _elementwise(args: tuple[Any, ...], kwargs: dict[str, Any]) -> list[Shape] | None:
    """Broadcast; where two sizes differ, the larger operand's: what flows has the batch, what is added may not."""
    tensors = [arg for arg in args if isinstance(arg, torch.Tensor)]
    result: list[int] = []
    for tensor in sorted(tensors, key=lambda each: -each.numel()):
        pairs = zip_longest(reversed(result), reversed(tensor.shape), fillvalue=1)
        result = [have if have != 1 else new for have, new in pairs][::-1]
    return [tuple(result)]


def _same(args: tuple[Any, ...], kwargs: dict[str, Any]) -> list[Shape] | None:
    return [tuple(args[0].shape)]


def _normalised(args: tuple[Any, ...], kwargs: dict[str, Any]) -> list[Shape] | None:
    """The input, with as many channels as the weight has."""
    shape = list(args[0].shape)
    weights = [each for each in (*args[1:], *kwargs.values()) if isinstance(each, torch.Tensor) and each.dim() == 1]
    if weights and len(shape) > 1:
        shape[1] = len(weights[0])
    return [tuple(shape)]


def _layer_normalised(args: tuple[Any, ...], kwargs: dict[str, Any]) -> list[Shape] | None:
    wanted = tuple(args[1] if len(args) > 1 else kwargs["normalized_shape"])
    return [(*args[0].shape[: -len(wanted)], *wanted)]


def _loss(args: tuple[Any, ...], kwargs: dict[str, Any]) -> list[Shape] | None:
    return [()] if kwargs.get("reduction", "mean") != "none" else [tuple(args[1].shape)]


def _pool(rank: int) -> Form:
    """What finds no room for its window gives one."""
    return lambda args, kwargs: [(*args[0].shape[:-rank], *(1 for _ in range(rank)))]


_ARITHMETIC = ("add", "sub", "mul", "div", "true_divide", "pow", "maximum", "minimum", "where", "lerp", "atan2")
_COMPARISONS = ("eq", "ne", "lt", "le", "gt", "ge", "logical_and", "logical_or")
_REFLECTED = tuple(f"__{place}{name}__" for place in ("", "r", "i") for name in ("add", "sub", "mul", "truediv", "pow"))

FORMS: dict[str, Form] = {
    **dict.fromkeys(("view", "reshape"), _view),
    **dict.fromkeys(("expand", "broadcast_to"), _expand),
    "permute": _permute,
    **dict.fromkeys(("transpose", "swapaxes", "t"), _transpose),
    **dict.fromkeys(("split", "split_with_sizes"), _split),
    "unflatten": _unflatten,
    **dict.fromkeys((*_ARITHMETIC, *_COMPARISONS, *_REFLECTED), _elementwise),
    **dict.fromkeys(("masked_fill", *(f"{name}_" for name in _ARITHMETIC)), _same),
    **dict.fromkeys(("batch_norm", "group_norm", "instance_norm"), _normalised),
    **dict.fromkeys(("layer_norm", "rms_norm"), _layer_normalised),
    **dict.fromkeys(("cross_entropy", "nll_loss", "mse_loss", "l1_loss", "smooth_l1_loss", "kl_div"), _loss),
    **dict.fromkeys(("binary_cross_entropy", "binary_cross_entropy_with_logits"), _loss),
    **{f"{kind}_pool{rank}d": _pool(rank) for kind in ("max", "avg") for rank in (1, 2, 3)},
}
