"""What the nodes of a level are coloured by. An overlay is one function from a node to a number and its words.

To add one, write such a function and name it in OVERLAYS.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

from ..schema import Dim, Node, Overlay, PyModelError, Reading, Trace
from .amounts import evaluate, sample_sizes, show_amount, show_sizes

Measured = tuple[float, str] | None
"""A number and what it is in words; None for a node that it says nothing of."""
Measure = Callable[[Node, "Whole"], Measured]


class UnknownOverlay(PyModelError):
    """There is no overlay of this name."""


@dataclass(frozen=True)
class Whole:
    """What a node is measured against: the sizes of symbols, and the model's totals."""

    sizes: Mapping[str, int]
    parameters: Dim
    flops: Dim
    activation_bytes: Dim

    def share(self, amount: Dim, total: Dim, repeats: int) -> Measured:
        """An amount of one block, `repeats` times, as a number and its share of the total."""
        known, whole = evaluate(amount, self.sizes), evaluate(total, self.sizes)
        if not known:
            return None
        share = f" · {100 * known * repeats / whole:.3g} %" if whole else ""
        return known * repeats, f"{show_amount(known * repeats)}{share}"


def _parameters(node: Node, whole: Whole) -> Measured:
    return whole.share(node.parameters, whole.parameters, node.repeats)


def _flops(node: Node, whole: Whole) -> Measured:
    return whole.share(node.flops, whole.flops, node.repeats)


def _activation_bytes(node: Node, whole: Whole) -> Measured:
    return whole.share(node.activation_bytes, whole.activation_bytes, node.repeats)


def _dtype(node: Node, whole: Whole) -> Measured:
    """Each dtype has a number of its own, the same in every model."""
    if node.dtype is None:
        return None
    return float(_DTYPES.index(node.dtype)) if node.dtype in _DTYPES else float(len(_DTYPES)), node.dtype


def _training(node: Node, whole: Whole) -> Measured:
    if node.parameters == 0:
        return None
    if node.trainable == 0:
        return 0.0, "frozen"
    return (1.0, "partly frozen") if node.trainable < node.parameters else (2.0, "trainable")


_DTYPES = (
    "float32", "float16", "bfloat16", "float64", "int64", "int32", "int8", "uint8", "bool", "complex64", "complex128",
)  # fmt: skip

OVERLAYS: dict[str, tuple[Literal["amount", "category"], Measure]] = {
    "parameters": ("amount", _parameters),
    "flops": ("amount", _flops),
    "activation_bytes": ("amount", _activation_bytes),
    "dtype": ("category", _dtype),
    "training": ("category", _training),
}


def read_overlay(name: str, trace: Trace, nodes: Iterable[Node]) -> Overlay:
    """The overlay `name` for some nodes of a model.

    Raises:
        UnknownOverlay: there is none of this name.
    """
    if name not in OVERLAYS:
        raise UnknownOverlay(f"there is no overlay {name!r}.", advice=f"There are: {', '.join(OVERLAYS)}.")
    scale, measure = OVERLAYS[name]
    sizes = sample_sizes(trace)
    totals = trace.totals
    whole = Whole(
        sizes,
        totals.parameters if totals else 0,
        totals.flops if totals else 0,
        totals.activation_bytes if totals else 0,
    )
    readings = [
        Reading(node.id, *measured)
        for node in nodes
        if node.kind not in ("input", "output") and (measured := measure(node, whole)) is not None
    ]
    depends = name in ("flops", "activation_bytes") and sizes
    return Overlay(name, scale, tuple(readings), show_sizes(sizes) if depends else "")
