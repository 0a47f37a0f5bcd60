"""`broadcast-batch`: (B, 1) meets (B,), and every sample is combined with every other.

Pairs are made on purpose by giving one side a dimension of its own (`x[:, None]` with `x[None, :]`): both have the same
rank then. Here one side has fewer dimensions, so that its batch meets what is not the other one's.
"""

from __future__ import annotations

from ..schema import Diagnostic, Dims
from .flow import Flow, finding
from .words import show

ELEMENTWISE = frozenset(
    (
        *("add", "sub", "mul", "div", "pow", "maximum", "minimum", "where", "eq", "ne", "__eq__", "__ne__"),
        *(f"__{sign}{name}__" for sign in ("", "r") for name in ("add", "sub", "mul", "truediv", "pow")),
    )
)


def find_broadcasts(flow: Flow, batch: str) -> list[Diagnostic]:
    """Witness: the result has the batch twice."""
    found = []
    for operation in flow.named(ELEMENTWISE):
        shapes = [dims for tensor in operation.inputs if (dims := flow.dims(tensor))]
        if len(shapes) < 2 or not operation.outputs:
            continue
        result = operation.outputs[0].dims
        if result.count(batch) == 2 and _crosses(shapes[0], shapes[1], batch):
            words = (
                f"every sample is combined with every other: {show(shapes[0])} with {show(shapes[1])} broadcasts to "
                f"{show(result)}. Give both the same shape: `unsqueeze` the one or `squeeze` the other."
            )
            related = [
                (flow.maker(tensor), f"{show(dims)} is made here")
                for tensor, dims in zip(operation.inputs, shapes, strict=False)
            ]
            found.append(finding("broadcast-batch", "warning", words, operation, related))
    return found


def _crosses(left: Dims, right: Dims, batch: str) -> bool:
    return left[0] == right[0] == batch and len(left) != len(right) and left.count(batch) == right.count(batch) == 1
