"""`folded-batch`: a `view(-1, n)` whose n is not one sample's size, so that pieces of samples become samples.

Models fold the batch on purpose and unfold it later; only a batch that is still folded in an output counts.
"""

from __future__ import annotations

from ..schema import Diagnostic, Dim, Dims, Operation
from .flow import Flow, finding
from .words import show


def find_folded_batch(flow: Flow, batch: str) -> list[Diagnostic]:
    """Witness: the batch goes in as B and comes out as 9*B."""
    output = next((each for each in flow.operations if each.kind == "output"), None)
    leading = [dims for tensor in output.inputs if (dims := flow.dims(tensor))] if output else []
    folded = {str(dims[0]) for dims in leading if _is_folded(dims[0], batch)}
    found = []
    for operation in flow.named(("view", "reshape", "flatten")):
        source = flow.dims(operation.inputs[0]) if operation.inputs else None
        result = operation.outputs[0].dims if operation.outputs else ()
        if source and source[0] == batch and result and str(result[0]) in folded and not _gives_rows(source, result):
            found.append(_describe(flow, operation, batch))
    return found


def _describe(flow: Flow, operation: Operation, batch: str) -> Diagnostic:
    source, result = flow.tensors[operation.inputs[0]].dims, operation.outputs[0].dims
    words = (
        f"the batch is folded: {show(source)} becomes {show(result)}, so {batch} samples go in and {result[0]} come "
        f"out. One sample holds {'·'.join(map(str, source[1:]))} values, and a row here does not: pieces of one sample "
        "are taken for samples of their own. `flatten(1)` keeps the batch and shows which size the next layer needs."
    )
    made = flow.maker(operation.inputs[0])
    return finding("folded-batch", "warning", words, operation, [(made, f"{show(source)} is made here")])


def _gives_rows(source: Dims, result: Dims) -> bool:
    """`logits.view(-1, logits.size(-1))`: a row for each token, whose own sizes stay what they are."""
    return len(result) == len(source) - 1 and tuple(result[1:]) == tuple(source[2:])


def _is_folded(dim: Dim, batch: str) -> bool:
    """`9*B`: a multiple of the batch, and nothing else."""
    factor, star, symbol = str(dim).partition("*")
    return bool(star) and symbol == batch and factor.isdigit() and int(factor) > 1
