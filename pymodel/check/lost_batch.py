"""`lost-batch`: samples are mixed into one result, by a mean, maximum or softmax over the batch's dimension.

A model that gives a single number (a loss) means to; one that gives features of no sample does not.
"""

from __future__ import annotations

from ..schema import Diagnostic, Operation
from .flow import Flow, finding
from .words import show

REDUCING = frozenset(("mean", "sum", "max", "amax", "min", "amin", "logsumexp"))


def find_lost_batch(flow: Flow, batch: str) -> list[Diagnostic]:
    """Witness: every input has the batch in front, no output has it anywhere, and one operation took it away."""
    inputs = [tensor.dims for each in flow.operations if each.kind == "input" for tensor in each.outputs]
    output = next((each for each in flow.operations if each.kind == "output"), None)
    outputs = [flow.dims(tensor) for tensor in output.inputs] if output else []
    if not inputs or not outputs or not all(dims and dims[0] == batch for dims in inputs):
        return []
    if any(not dims or any(batch in str(dim) for dim in dims) for dims in outputs):
        return []
    assert output is not None
    taken = _took_away(flow, output.inputs[0], batch)
    if taken is None:
        return []
    source, result = flow.tensors[taken.inputs[0]].dims, taken.outputs[0].dims
    words = (
        f"the batch is lost: `{taken.name}` makes {show(result)} of {show(source)}, so {batch} samples go in and one "
        f"result comes out. Dimension 0 holds the samples; the features are in the others."
    )
    return [finding("lost-batch", "warning", words, taken, [(flow.maker(taken.inputs[0]), "it is made here")])]


def _took_away(flow: Flow, tensor: str, batch: str) -> Operation | None:
    """The operation on the way to a tensor that has the batch in front and gives none."""
    seen = set()
    waiting = [tensor]
    while waiting:
        maker = flow.maker(waiting.pop())
        if maker is None or maker.id in seen or maker.kind != "op":
            continue
        seen.add(maker.id)
        source = flow.dims(maker.inputs[0]) if maker.inputs else None
        if source and source[0] == batch and not any(batch in str(dim) for t in maker.outputs for dim in t.dims):
            return maker if maker.name in REDUCING and maker.start and not _is_size(flow, maker) else None
        waiting += maker.inputs
    return None


def _is_size(flow: Flow, maker: Operation) -> bool:
    """Whether it makes an integer, or what is made one next: the longest of some lengths, the number of graphs."""
    made = [tensor.id for tensor in maker.outputs]
    next_ones = [tensor for each in flow.operations if set(made) & set(each.inputs) for tensor in each.outputs]
    return any(tensor.dtype.startswith(("int", "uint")) for tensor in (*maker.outputs, *next_ones))
