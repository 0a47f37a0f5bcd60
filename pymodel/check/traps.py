"""Bugs that raise nothing. Each finding names its witness: a shape that shows the fault."""

from __future__ import annotations

from ..schema import Diagnostic, Dim, Dims, Operation, Related, Trace
from .words import show


def find_traps(trace: Trace) -> tuple[Diagnostic, ...]:
    """All silent faults that a trace of the whole `forward` shows."""
    if trace.status != "complete":
        return ()
    return tuple(find_folded_batch(trace))


def find_folded_batch(trace: Trace) -> list[Diagnostic]:
    """A `view(-1, n)` whose n is not one sample's size: the batch that comes out is not the batch that went in.

    Models fold the batch on purpose and unfold it later; so only a batch that is still folded in an output counts.
    """
    batch = next((symbol for symbol, known in trace.symbols.items() if known.meaning == "batch"), None)
    if batch is None:
        return []
    makers = {tensor.id: operation for operation in trace.operations for tensor in operation.outputs}
    output = next((operation for operation in trace.operations if operation.kind == "output"), None)
    leading = [makers[tensor].outputs for tensor in output.inputs if tensor in makers] if output else []
    folded = {str(t.dims[0]) for tensors in leading for t in tensors if t.dims and _is_folded(t.dims[0], batch)}
    found = []
    for operation in trace.operations:
        if operation.kind != "op" or operation.name not in ("view", "reshape", "flatten") or operation.start is None:
            continue
        sources = _dims_of(operation.inputs, makers)
        if not sources or not operation.outputs or not sources[0] or sources[0][0] != batch:
            continue
        result = operation.outputs[0].dims
        if result and str(result[0]) in folded:
            found.append(_describe_fold(operation, sources[0], result, batch, makers))
    return found


def _describe_fold(
    operation: Operation, source: Dims, result: Dims, batch: str, makers: dict[str, Operation]
) -> Diagnostic:
    assert operation.path is not None
    assert operation.start is not None
    assert operation.end is not None
    sizes = "·".join(str(dim) for dim in source[1:])
    maker = makers.get(operation.inputs[0])
    related: tuple[Related, ...] = ()
    if maker is not None and maker.path and maker.start and maker.end:
        related = (Related(maker.path, maker.start, maker.end, f"{show(source)} is made here"),)
    return Diagnostic(
        "folded-batch",
        "warning",
        f"the batch is folded: {show(source)} becomes {show(result)}, so {batch} samples go in and {result[0]} "
        f"come out. One sample holds {sizes} values, and a row here does not: pieces of one sample are taken for "
        f"samples of their own. `flatten(1)` keeps the batch and shows which size the next layer needs.",
        operation.path,
        operation.start,
        operation.end,
        related,
    )


def _is_folded(dim: Dim, batch: str) -> bool:
    """`9*B`: a multiple of the batch, and nothing else."""
    text = str(dim)
    factor, star, symbol = text.partition("*")
    return bool(star) and symbol == batch and factor.isdigit() and int(factor) > 1


def _dims_of(tensors: tuple[str, ...], makers: dict[str, Operation]) -> list[Dims]:
    return [each.dims for name in tensors if name in makers for each in makers[name].outputs if each.id == name]
