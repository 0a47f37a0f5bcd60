"""`single-sample-batch`: a batch norm in training over one value per channel, which it refuses: the last batch of an
epoch, or each, holds one sample."""

from __future__ import annotations

from collections.abc import Sequence

from ..schema import Diagnostic, Operation
from ..trace.stepmode import Draw
from .flow import finding


def find_single_samples(operations: Sequence[Operation], draws: Sequence[Draw]) -> list[Diagnostic]:
    """Witness: the sizes of data set and batch, and a batch norm whose only dimension beside the channels is B."""
    ran = [each for each in operations if each.kind != "input"]
    makers = {tensor.id: operation for operation in ran for tensor in operation.outputs}
    found = []
    for draw in draws:
        size = draw.batch_size
        if not draw.trains or size is None or draw.samples is None:
            continue
        alone = size == 1 or (not draw.drop_last and draw.samples % size == 1)
        norm = next((each for each in ran[draw.first : draw.last] if _has_one_value_a_sample(each)), None)
        if not alone or norm is None:
            continue
        which = (
            "each batch holds one sample"
            if size == 1
            else f"{draw.samples:,} samples in batches of {size} leave one for the last batch of each epoch"
        )
        words = (
            f"{which}, and this batch norm has one value per channel then: it stops training with an error. "
            "`drop_last=True` in the loader, or another batch size, avoids it."
        )
        found.append(
            finding("single-sample-batch", "warning", words, norm, [(makers.get(norm.inputs[0]), "its input")])
        )
    return found


def _has_one_value_a_sample(operation: Operation) -> bool:
    dims = operation.outputs[0].dims if operation.name == "batch_norm" and operation.outputs else ()
    return len(dims) > 1 and operation.start is not None and all(dim == 1 for dim in dims[2:])
