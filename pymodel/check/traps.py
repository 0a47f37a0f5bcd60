"""Bugs that raise nothing, each in a file of its own. Every finding has a witness: what was seen that shows it."""

from __future__ import annotations

from collections.abc import Sequence

from torch import nn

from ..discover.document import Document
from ..schema import Diagnostic, Operation, Trace
from .attributes import read_class
from .broadcasts import find_broadcasts
from .dtype_mix import find_dtype_mix
from .flow import Flow
from .folded_batch import find_folded_batch
from .losses import find_loss_traps
from .lost_batch import find_lost_batch
from .plain_list import find_plain_lists
from .unregistered_tensor import find_unregistered_tensors
from .unused import find_unused


def find_traps(trace: Trace, model: nn.Module, as_built: frozenset[str], document: Document) -> list[Diagnostic]:
    """The silent faults of a model: of what it is made of (`as_built` names the tensors that `__init__` gave it), and,
    where `forward` ran to its end, of what flows in it."""
    found = []
    text = read_class(document, type(model).__name__)
    if text is not None:
        found += find_plain_lists(model, text) + find_unregistered_tensors(model, as_built, text)
    if trace.status != "complete":
        return found
    if text is not None:
        found += find_unused(model, text, trace)
    flow = Flow(trace.operations)
    batch = next((symbol for symbol, known in trace.symbols.items() if known.meaning == "batch"), None)
    if batch is not None:
        found += find_folded_batch(flow, batch) + find_lost_batch(flow, batch)
    return found + find_flow_traps(trace.operations, None if _ranks_are_guessed(trace) else batch)


def _ranks_are_guessed(trace: Trace) -> bool:
    """Whether nothing says how the dimensions of two inputs stand to each other."""
    return sum(each.dims is not None and each.source.kind == "search" for each in trace.inputs) > 1


def find_flow_traps(operations: Sequence[Operation], batch: str | None) -> list[Diagnostic]:
    """The silent faults in what flows through a model, or through the steps of a script."""
    flow = Flow(operations)
    found = find_loss_traps(flow) + find_dtype_mix(flow)
    return found + find_broadcasts(flow, batch) if batch is not None else found
