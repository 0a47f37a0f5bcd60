"""A smoke test's data: random numbers of the shapes that the model takes, and a target of the shape that it gives."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.utils.data import TensorDataset

from ...export.inputs import InputsNotUsable, read_inputs
from ..loss import to_prediction
from .loaders import DataNotUsable

PROBED = 2
"""Examples in the batch that tells the shapes."""


@torch.no_grad()
def make_random(pins: tuple[str, ...], model: nn.Module, items: int) -> TensorDataset:
    """(inputs…, target). Whole numbers are 0 and 1, as any embedding and any classifier has these; the target of an
    output (B, classes) is a class, of another one random numbers of its shape.

    Raises:
        DataNotUsable: the inputs are not known, or are no tensors.
    """
    try:
        inputs = read_inputs(pins)
        values = tuple(inputs.make(dict.fromkeys(inputs.symbols, PROBED)).values())
    except InputsNotUsable as error:
        advice = "See `pymodel why` for what was tried, and pin the input on the class line."
        raise DataNotUsable(
            "A smoke test needs the inputs of the model, which are not known.", advice=advice
        ) from error
    if not all(isinstance(each, Tensor) and each.dim() for each in values):
        words = "A smoke test makes tensors only, and the model takes something else as well."
        raise DataNotUsable(words, advice="Write a function that gives a data set.")
    output = to_prediction(model.eval()(*values))
    is_classes = output.dim() == 2 and output.shape[1] > 1
    generator = torch.Generator().manual_seed(0)
    columns = [_draw((items, *each.shape[1:]), each.dtype, generator) for each in values]
    target = (items,) if is_classes else (items, *output.shape[1:])
    return TensorDataset(*columns, _draw(target, torch.int64 if is_classes else output.dtype, generator))


def _draw(shape: tuple[int, ...], dtype: torch.dtype, generator: torch.Generator) -> Tensor:
    if dtype.is_floating_point:
        return torch.randn(shape, generator=generator, dtype=dtype)
    return torch.randint(0, 2, shape, generator=generator).to(dtype)
