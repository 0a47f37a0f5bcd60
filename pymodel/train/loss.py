"""Chooses the loss from what the model gives and what the labels are, and says why where none fits."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from ..schema import PyModelError


class LossNotFound(PyModelError):
    """No loss fits the model's output and the target."""


@dataclass(frozen=True)
class Loss:
    """`compute` gives the mean loss; `count_correct` the right answers of a batch and all of them, where labels are
    classes."""

    name: str
    compute: Callable[[Tensor, Tensor], Tensor]
    count_correct: Callable[[Tensor, Tensor], tuple[Tensor, int]] | None = None


def to_prediction(output: Any) -> Tensor:
    """The tensor of an output that a loss is taken of: itself, its `logits`, or the first of several."""
    if isinstance(output, dict):
        output = output.get("logits", next(iter(output.values()), None))
    output = getattr(output, "logits", output)
    if isinstance(output, (tuple, list)) and output:
        output = output[0]
    if not isinstance(output, Tensor):
        words = f"The model gives {type(output).__name__}, and a loss needs a tensor."
        raise LossNotFound(words, advice="Return a tensor, or an object with `logits`.")
    return output


def choose_loss(output: Tensor, target: Tensor, name: str = "auto") -> Loss:
    """The loss of that name, or for `auto` the one that fits.

    Class numbers take cross entropy; zeros and ones of the output's shape binary cross entropy with logits; other
    numbers of that shape the squared error.

    Raises:
        LossNotFound: the name is unknown, or nothing fits; it says which shapes met.
    """
    if name == "auto":
        name = _fitting_name(output, target)
    if name == "cross_entropy":
        return Loss(name, _cross_entropy, _count_classes)
    if name == "bce":
        return Loss(name, _binary_cross_entropy, _count_binary)
    if name in ("mse", "l1"):
        distance = functional.mse_loss if name == "mse" else functional.l1_loss
        return Loss(name, lambda output, target: distance(output, _like(target, output)))
    advice = "Choose auto, cross_entropy, bce, mse or l1."
    raise LossNotFound(f"There is no loss called `{name}`.", advice=advice)


def _fitting_name(output: Tensor, target: Tensor) -> str:
    integral = not target.dtype.is_floating_point and not target.dtype.is_complex
    if integral and target.dtype != torch.bool and output.dim() == target.dim() + 1 and _class_dim(output, target):
        classes = output.shape[_class_dim(output, target) or 1]
        highest = int(target.max())
        if classes > 1 and highest < classes:
            return "cross_entropy"
        if classes > 1:
            words = f"The labels go up to {highest}, but the model gives {classes} classes ({_show(output)})."
            raise LossNotFound(words, advice=f"Let the last layer give at least {highest + 1} outputs.")
    if output.numel() == target.numel() and output.shape[:1] == target.shape[:1]:
        is_binary = bool(((target == 0) | (target == 1)).all())
        return "bce" if is_binary else "mse"
    words = f"No loss fits: the model gives {_show(output)}, and the target is {_show(target)} of {target.dtype}."
    advice = "Give class numbers of shape (B,) for an output of (B, classes), or numbers of the output's own shape."
    raise LossNotFound(words.replace("torch.", ""), advice=advice)


def _class_dim(output: Tensor, target: Tensor) -> int | None:
    """Where the classes are: the last dimension of (B, T, classes), the second of (B, classes, H, W)."""
    last = output.dim() - 1
    fits_last = output.shape[:-1] == target.shape
    fits_second = output.dim() > 1 and output.shape[:1] + output.shape[2:] == target.shape
    if fits_second and not (fits_last and output.dim() == 3):
        return 1
    return last if fits_last else None


def _cross_entropy(output: Tensor, target: Tensor) -> Tensor:
    return functional.cross_entropy(output.movedim(_class_dim(output, target) or 1, 1), target.long())


def _count_classes(output: Tensor, target: Tensor) -> tuple[Tensor, int]:
    return (output.argmax(_class_dim(output, target) or 1) == target).sum(), target.numel()


def _binary_cross_entropy(output: Tensor, target: Tensor) -> Tensor:
    return functional.binary_cross_entropy_with_logits(output, _like(target, output))


def _count_binary(output: Tensor, target: Tensor) -> tuple[Tensor, int]:
    return ((output > 0) == (_like(target, output) > 0.5)).sum(), target.numel()


def _like(target: Tensor, output: Tensor) -> Tensor:
    """The target in the output's own shape and dtype: (B,) against (B, 1) would broadcast to (B, B)."""
    return target.reshape(output.shape).to(output.dtype)


def _show(tensor: Tensor) -> str:
    return f"({', '.join(map(str, tensor.shape))})"
