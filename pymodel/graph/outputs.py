"""The outputs of a traced model."""

from __future__ import annotations

from ..schema import Dims, Trace


def find_output_dims(trace: Trace) -> tuple[Dims, ...]:
    """The dims of each tensor that the model gives, in order."""
    tensors = {tensor.id: tensor.dims for operation in trace.operations for tensor in operation.outputs}
    last = [operation for operation in trace.operations if operation.kind == "output" and not operation.parent]
    return tuple(tensors[each] for operation in last for each in operation.inputs if each in tensors)
