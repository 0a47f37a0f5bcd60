"""What a loss asks of its target: torch checks that in kernels, which do not run on meta.

The rules are those of `torch.nn.functional` on the CPU, version 2.13.
"""

from __future__ import annotations

from typing import Any

import torch

Shape = tuple[int, ...]
OF_CLASSES = frozenset(("cross_entropy", "nll_loss"))
OF_PROBABILITIES = frozenset(("binary_cross_entropy", "binary_cross_entropy_with_logits"))
OF_VALUES = frozenset(("mse_loss", "l1_loss", "smooth_l1_loss", "huber_loss"))
INDICES = (torch.int64, torch.uint8)


def is_loss(name: str) -> bool:
    return name in OF_CLASSES or name in OF_PROBABILITIES or name.endswith(("_loss", "kl_div"))


def fitting_target(name: str, output: torch.Tensor) -> tuple[Shape, torch.dtype]:
    """Shape and dtype of the usual target for an output: class indices, or values like it."""
    shape = tuple(output.shape)
    if name in OF_CLASSES:
        return shape[:1] * (len(shape) > 1) + shape[2:], torch.int64
    return shape, output.dtype


def check_target(name: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
    """Refuse what torch would refuse.

    Raises:
        RuntimeError: the target's shape or dtype does not fit the output's.
    """
    given = (*args, *(kwargs[key] for key in ("input", "target") if key in kwargs))[:2]
    if len(given) < 2 or not all(isinstance(each, torch.Tensor) for each in given):
        return
    output, target = given
    if name in OF_CLASSES:
        _check_classes(name, output, target)
    elif name in OF_PROBABILITIES:
        if output.shape != target.shape:
            raise RuntimeError(f"target size {tuple(target.shape)} must be the input's {tuple(output.shape)}")
        if not target.is_floating_point():
            raise RuntimeError(f"expected a floating point target, but got {_name(target.dtype)}")


def broadcasts(name: str, args: tuple[Any, ...]) -> bool:
    """Whether a loss of values silently compares every sample with every other: (B, 1) with (B,)."""
    if name not in OF_VALUES or len(args) < 2 or not all(isinstance(each, torch.Tensor) for each in args[:2]):
        return False
    output, target = (tuple(each.shape) for each in args[:2])
    return output != target and bool(output) and bool(target)


def _check_classes(name: str, output: torch.Tensor, target: torch.Tensor) -> None:
    if name == "cross_entropy" and target.shape == output.shape and output.dim() > 1:
        if not target.is_floating_point():
            raise RuntimeError(f"expected floating point class probabilities, but got {_name(target.dtype)}")
        return
    expected = fitting_target(name, output)[0]
    if tuple(target.shape) != expected:
        raise RuntimeError(f"expected a target of size {expected}, but got {tuple(target.shape)}")
    if target.dtype not in INDICES:
        raise RuntimeError(f"expected target dtype to be int64, but got {_name(target.dtype)}")


def _name(dtype: torch.dtype) -> str:
    return str(dtype).removeprefix("torch.")
