"""Random changes to a batch of training inputs, on its device. All chance is torch's own, so that it can be resumed.

They serve tensors of (B, C, H, W); noise and brightness serve any floating-point tensor.
"""

from __future__ import annotations

import ast
import importlib
import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from ..schema import AugmentationSettings, PyModelError

Augmentation = Callable[[Tensor], Tensor]


class AugmentationNotUsable(PyModelError):
    """A call of torchvision cannot be made."""


def build_augmentation(settings: AugmentationSettings) -> Augmentation | None:
    """All changes in one, or nothing where the recipe asks for none.

    Raises:
        AugmentationNotUsable: torchvision is asked for and not there, or has no such transform.
    """
    steps: list[Augmentation] = []
    if settings.horizontal_flip:
        steps.append(lambda images: _flip(images, settings.horizontal_flip, -1))
    if settings.vertical_flip:
        steps.append(lambda images: _flip(images, settings.vertical_flip, -2))
    if settings.shift or settings.rotation:
        steps.append(lambda images: _move(images, settings.shift, math.radians(settings.rotation)))
    if settings.brightness:
        steps.append(lambda values: values * (1 + settings.brightness * (2 * _uniform(values) - 1)))
    if settings.noise:
        steps.append(lambda values: values + settings.noise * torch.randn_like(values))
    if settings.erasing:
        steps.append(lambda images: _erase(images, settings.erasing))
    steps += [_make_transform(text) for text in settings.transforms]
    if not steps:
        return None

    def augment(values: Tensor) -> Tensor:
        for step in steps:
            values = step(values)
        return values

    return augment


def augment_inputs(inputs: tuple[Any, ...], augmentation: Augmentation) -> tuple[Any, ...]:
    """Only floating-point tensors of a batch are changed; token numbers and masks are not."""
    return tuple(
        augmentation(each) if isinstance(each, Tensor) and each.is_floating_point() and each.dim() > 1 else each
        for each in inputs
    )


def _uniform(values: Tensor) -> Tensor:
    """One number of [0, 1) for each example, to be broadcast over it."""
    return torch.rand(len(values), *(1,) * (values.dim() - 1), device=values.device, dtype=values.dtype)


def _flip(images: Tensor, probability: float, dim: int) -> Tensor:
    return torch.where(_uniform(images) < probability, images.flip(dim), images) if images.dim() > 2 else images


def _move(images: Tensor, pixels: int, angle: float) -> Tensor:
    """Turn and shift; what comes in from outside is 0."""
    if images.dim() != 4:
        return images
    count, _, height, width = images.shape
    turns = angle * (2 * torch.rand(count, device=images.device) - 1)
    shifts = torch.randint(-pixels, pixels + 1, (2, count), device=images.device)
    cosine, sine = turns.cos(), turns.sin()
    rows = [
        cosine,
        -sine * height / width,
        2 * shifts[0] / width,
        sine * width / height,
        cosine,
        2 * shifts[1] / height,
    ]
    matrices = torch.stack(rows, dim=1).view(count, 2, 3).to(images.dtype)
    grid = functional.affine_grid(matrices, list(images.shape), align_corners=False)
    return functional.grid_sample(images, grid, mode="bilinear" if angle else "nearest", align_corners=False)


def _erase(images: Tensor, probability: float) -> Tensor:
    """Blank a square of half the height, wherever it falls."""
    if images.dim() != 4:
        return images
    height, width = images.shape[-2:]
    side = max(1, height // 2)
    top = (_uniform(images) * max(1, height - side + 1)).long()
    left = (_uniform(images) * max(1, width - side + 1)).long()
    rows = torch.arange(height, device=images.device).view(1, 1, -1, 1)
    columns = torch.arange(width, device=images.device)
    inside = (rows >= top) & (rows < top + side) & (columns >= left) & (columns < left + side)
    return images.masked_fill(inside & (_uniform(images) < probability), 0)


def _make_transform(text: str) -> Augmentation:
    """`Name(literal arguments)` of torchvision.transforms.v2. Nothing else is evaluated."""
    try:
        v2 = importlib.import_module("torchvision.transforms.v2")
    except (ImportError, RuntimeError) as error:
        advice = "Install the torchvision that fits your torch, or use the settings that need none."
        raise AugmentationNotUsable(f"torchvision cannot be imported: {error}.", advice=advice) from error
    try:
        call = ast.parse(text, mode="eval").body
        if not isinstance(call, ast.Call) or not isinstance(call.func, ast.Name):
            raise ValueError("it is no call of a name")
        arguments = [ast.literal_eval(each) for each in call.args]
        keywords = {each.arg: ast.literal_eval(each.value) for each in call.keywords if each.arg}
        transform: Augmentation = getattr(v2, call.func.id)(*arguments, **keywords)
    except (AttributeError, SyntaxError, TypeError, ValueError) as error:
        advice = "Write it as `RandomErasing(p=0.2)`, with plain numbers and texts."
        raise AugmentationNotUsable(f"`{text}` cannot be made: {error}.", advice=advice) from error
    return transform
