"""The wrong constant of a layer: `Linear(6400, …)`, channels, features, each as its neighbour says it where it can."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from ..schema import Diagnostic, Edit, Fix, Location
from ..trace.assemble import Failure
from .evidence import Evidence
from .source import Source, argument

CONVOLUTIONS = (*(f"conv{rank}d" for rank in (1, 2, 3)), *(f"conv_transpose{rank}d" for rank in (1, 2, 3)))
TAKES: dict[str, tuple[int, tuple[str, ...]]] = {
    "linear": (-1, ("in_features",)),
    **dict.fromkeys(CONVOLUTIONS, (1, ("in_channels",))),
    "batch_norm": (1, ("num_features",)),
    "layer_norm": (-1, ("normalized_shape",)),
    **dict.fromkeys(("LSTM", "GRU", "RNN"), (-1, ("input_size",))),
}
"""By function, the dimension of its operand that its layer is made for, and that argument's name (the first one)."""
GIVES = frozenset(("linear", *CONVOLUTIONS, "embedding", "lstm", "gru"))
"""Functions whose layer says what comes out in its second argument."""
OUT_NAMES = ("out_features", "out_channels", "embedding_dim", "hidden_size")


def constant_fixes(found: Diagnostic, failure: Failure, evidence: Evidence) -> Iterator[Fix]:
    """The layer that failed made for what it is given, or the one before it made to give what is asked for."""
    wanted = TAKES.get(failure.function)
    if wanted is None or failure.built_at is None or not failure.operands or not failure.operands[0]:
        return
    size = failure.operands[0][wanted[0]] if len(failure.operands[0]) > 1 else None
    mine = _argument_at(failure.built_at, evidence, 0, wanted[1])
    if mine is None or not isinstance(size, int):
        return
    source, node = mine
    theirs = _producer(found, failure, evidence, size)
    literal = Fix(f"Let `{failure.module}` take {size:,}", (source.replace(node, str(size)),))
    if theirs is not None:
        other, giving = theirs
        shared = source.document.path == other.document.path and source.function(node) is other.function(giving)
        if shared and not isinstance(giving, ast.Constant):
            text = other.text(giving)
            yield Fix(f"Let `{failure.module}` take `{text}`, which is {size:,}", (source.replace(node, text),))
        if shared and not isinstance(node, ast.Constant):
            text = source.text(node)
            yield Fix(f"Let the layer before `{failure.module}` give `{text}`", (other.replace(giving, text),))
    yield literal


def take(path: str, size: int, evidence: Evidence) -> Edit | None:
    """The edit that makes a linear layer take another number of features."""
    place = evidence.built_at.get(path)
    found = _argument_at(place, evidence, 0, ("in_features",)) if place is not None else None
    return found[0].replace(found[1], str(size)) if found is not None else None


def _producer(found: Diagnostic, failure: Failure, evidence: Evidence, size: int) -> tuple[Source, ast.expr] | None:
    """The argument of the layer upstream that says how many features come out."""
    failed = evidence.failed_operation(found, failure)
    maker = evidence.flow.maker(failed.inputs[0]) if failed is not None and failed.inputs else None
    while maker is not None and maker.name not in GIVES:
        maker = evidence.flow.maker(maker.inputs[0]) if maker.inputs else None
    dims = maker.outputs[0].dims if maker is not None else ()
    if maker is None or len(dims) < 2 or dims[1 if maker.name in CONVOLUTIONS else -1] != size:
        return None
    path = evidence.module_of(maker)
    return _argument_at(evidence.built_at[path], evidence, 1, OUT_NAMES) if path is not None else None


def _argument_at(
    place: Location, evidence: Evidence, position: int, names: tuple[str, ...]
) -> tuple[Source, ast.expr] | None:
    source = evidence.source(place.path)
    node = source.at(place.start, place.end) if source is not None else None
    if source is None or not isinstance(node, ast.Call):
        return None
    found = argument(node, position, *names)
    return (source, found) if found is not None else None
