"""Chooses the loss from what the model gives and what the labels are, and says why where none fits."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from ..schema import LossSettings, PyModelError
from .user_code import find, load, split_reference


class LossNotFound(PyModelError):
    """No loss fits the model's output and the target."""


@dataclass(frozen=True)
class Loss:
    """`compute` takes what the model gives and the target, and gives the mean loss; `count_correct` the right answers
    of a batch and all of them, where labels are classes."""

    name: str
    compute: Callable[[Any, Any], Tensor]
    count_correct: Callable[[Any, Any], tuple[Tensor, int]] | None = None


def to_prediction(output: Any) -> Tensor:
    """The tensor of an output that a loss is taken of: itself, its `logits`, or the first of several."""
    if isinstance(output, Tensor):
        return output
    if isinstance(output, dict):
        output = output.get("logits", next(iter(output.values()), None))
    output = getattr(output, "logits", output)
    if isinstance(output, (tuple, list)) and output:
        output = output[0]
    if not isinstance(output, Tensor):
        words = f"The model gives {type(output).__name__}, and a loss needs a tensor."
        raise LossNotFound(words, advice="Return a tensor, or an object with `logits`.")
    return output


def choose_loss(output: Any, target: Any, settings: LossSettings, folder: Path, roots: tuple[str, ...] = ()) -> Loss:
    """The recipe's loss, or for `auto` the one that fits the output and the target of a batch.

    Class numbers take cross entropy; zeros and ones of the output's shape binary cross entropy with logits; other
    numbers of that shape the squared error.

    Raises:
        LossNotFound: the name is unknown, or nothing fits; it says which shapes met.
    """
    name = settings.name
    if "::" in name:
        return _load_own(name, folder, roots)
    if name == "auto":
        name = _fitting_name(to_prediction(output), target)
    if name == "cross_entropy":
        smoothing = settings.label_smoothing
        return Loss(
            name, lambda output, target: _cross_entropy(to_prediction(output), target, smoothing), _count_classes
        )
    if name == "bce":
        return Loss(name, _binary_cross_entropy, _count_binary)
    if name in ("mse", "l1"):
        distance = functional.mse_loss if name == "mse" else functional.l1_loss
        return Loss(
            name, lambda output, target: distance(prediction := to_prediction(output), _like(target, prediction))
        )
    return _from_torch(settings)


def _load_own(name: str, folder: Path, roots: tuple[str, ...]) -> Loss:
    """A function or a module of the user's. It gets all that the model gives."""
    path, own = split_reference(name, folder)
    module, _ = load(path, (own.partition(".")[0],), roots)
    found = find(module, path, own)
    return Loss(own, found() if isinstance(found, type) else found)


def _from_torch(settings: LossSettings) -> Loss:
    kind = getattr(nn, settings.name, None)
    if not (isinstance(kind, type) and issubclass(kind, nn.Module) and settings.name.endswith("Loss")):
        advice = "Choose auto, cross_entropy, bce, mse, l1, a loss of torch.nn, or `file.py::function`."
        raise LossNotFound(f"There is no loss called `{settings.name}`.", advice=advice)
    arguments: dict[str, Any] = {
        name: torch.tensor(value) if isinstance(value, list) else value for name, value in settings.arguments.items()
    }
    if settings.name == "CrossEntropyLoss":
        arguments.setdefault("label_smoothing", settings.label_smoothing)
    try:
        made = kind(**arguments)
    except TypeError as error:
        raise LossNotFound(f"`{settings.name}` cannot be made: {error}.", advice="Look at [loss] arguments.") from error

    def compute(output: Any, target: Any) -> Tensor:
        prediction = to_prediction(output)
        fits = isinstance(target, Tensor) and target.is_floating_point() and target.numel() == prediction.numel()
        loss: Tensor = made.to(prediction.device)(prediction, _like(target, prediction) if fits else target)
        return loss

    return Loss(settings.name, compute, _count_classes if settings.name in ("CrossEntropyLoss", "NLLLoss") else None)


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


def _cross_entropy(output: Tensor, target: Tensor, smoothing: float) -> Tensor:
    dim = _class_dim(output, target) or 1
    classes_second = output if dim == 1 else output.movedim(dim, 1)
    return functional.cross_entropy(classes_second, target.long(), label_smoothing=smoothing)


def _count_classes(output: Any, target: Tensor) -> tuple[Tensor, int]:
    prediction = to_prediction(output)
    return (prediction.argmax(_class_dim(prediction, target) or 1) == target).sum(), target.numel()


def _binary_cross_entropy(output: Any, target: Tensor) -> Tensor:
    prediction = to_prediction(output)
    return functional.binary_cross_entropy_with_logits(prediction, _like(target, prediction))


def _count_binary(output: Any, target: Tensor) -> tuple[Tensor, int]:
    prediction = to_prediction(output)
    return ((prediction > 0) == (_like(target, prediction) > 0.5)).sum(), target.numel()


def _like(target: Tensor, output: Tensor) -> Tensor:
    """The target in the output's own shape and dtype: (B,) against (B, 1) would broadcast to (B, B)."""
    return target.reshape(output.shape).to(output.dtype)


def _show(tensor: Tensor) -> str:
    return f"({', '.join(map(str, tensor.shape))})"
