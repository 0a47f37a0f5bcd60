"""`no-gradient`: parameters that work in `forward` and are never trained, as their path to the output is cut.
`inplace-on-needed`: a value is overwritten that the backward pass needs.
"""

from __future__ import annotations

import ast
import linecache
import re
from functools import lru_cache

from ..schema import Diagnostic, Location, Operation
from ..trace.backward import Backward
from ..trace.places import Places
from .flow import Flow, finding

SUSPECTS = re.compile(
    r"detach|\.data\b|no_grad|inference_mode|argm(ax|in)|\binplace\b|[a-z]_\(|[-+*/]=|\.round\(|torch\.tensor|\]\s*=[^=]"
)
"""What may cut a gradient's path or overwrite a value; a text with none of it needs no backward pass."""
CUTTING = frozenset(
    ("detach", "argmax", "argmin", "round", "sign", "floor", "ceil", "trunc", "bernoulli", "multinomial")
)
"""Functions that give what has no gradient. Where gradients are switched off instead, that may be for evaluation."""
NAMED = 2


def find_cut_gradients(backward: Backward, places: Places) -> list[Diagnostic]:
    """Witness: a backward pass from all outputs, which gave these parameters nothing."""
    found = []
    for cut in backward.cuts:
        place = places.locate(cut.frame)
        if place is None or cut.function not in CUTTING or (cut.function == "detach" and _is_chosen(place)):
            continue
        names = ", ".join(f"`{name}`" for name in cut.parameters[:NAMED])
        more = f" and {len(cut.parameters) - NAMED} more" if len(cut.parameters) > NAMED else ""
        words = (
            f"no gradient gets past `{cut.function}`: {names}{more} ({cut.values:,} values) work in `forward` and are "
            "never trained. Keep the path whole, or freeze them with `requires_grad_(False)`."
        )
        found.append(Diagnostic("no-gradient", "warning", words, place.path, place.start, place.end))
    return found


def _is_chosen(place: Location) -> bool:
    """Whether a line stands below an `if` of its function: `if config.fix_embeddings: x = x.detach()` is meant so."""
    return any(first < place.start.line <= last for first, last in _branches("".join(linecache.getlines(place.path))))


@lru_cache(maxsize=16)
def _branches(text: str) -> tuple[tuple[int, int], ...]:
    """First and last lines of the `if`s of a text."""
    try:
        tree = ast.parse(text)
    except SyntaxError:  # half-typed text, of which the rest runs
        return ()
    found = (node for node in ast.walk(tree) if isinstance(node, ast.If))
    return tuple((node.lineno, node.end_lineno or node.lineno) for node in found)


def find_overwritten(backward: Backward, flow: Flow, fallback: Location) -> list[Diagnostic]:
    """Witness: autograd's own refusal."""
    if backward.refused is None:
        return []
    named = re.search(r"\[.*?\[([\d, ]*)\]\], which is output \d+ of (\w+?)(?:Backward\d*)?, is at", backward.refused)
    maker = named.group(2).lower() if named else ""
    words = (
        f"the backward pass will fail: this overwrites what `{maker or 'an earlier operation'}` gave, which is needed "
        "for its gradient. The same operation without writing in place fits."
    )
    for operation in flow.operations:
        made = flow.origin(operation.inputs[0]) if operation.inputs and _writes_in_place(operation) else None
        if made is not None and made.name.strip("_").lower() in (maker, _PLAIN.get(maker)) and operation.start:
            return [finding("inplace-on-needed", "error", words, operation, [(made, "its gradient needs this value")])]
    return [Diagnostic("inplace-on-needed", "error", words, fallback.path, fallback.start, fallback.end)]


_PLAIN = {"addmm": "linear", "convolution": "conv2d", "mm": "matmul", "bmm": "matmul"}
"""The function that a person writes for the one that autograd names."""


def _writes_in_place(operation: Operation) -> bool:
    name = operation.name
    return (name.endswith("_") and not name.endswith("__")) or name.startswith("__i") or name in _INPLACE_BY_ARGUMENT


_INPLACE_BY_ARGUMENT = frozenset(
    (
        "relu",
        "relu6",
        "leaky_relu",
        "elu",
        "selu",
        "celu",
        "silu",
        "mish",
        "hardswish",
        "hardtanh",
        "dropout",
        "threshold",
    )
)
