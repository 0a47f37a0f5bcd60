"""What the nodes of a level are coloured by. An overlay is one function from a node to a number and its words.

To add one, write such a function and name it in OVERLAYS, or in LEARNED if it tells of a run.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

from ..schema import Dim, Node, Overlay, PyModelError, Reading, Trace
from .amounts import evaluate, sample_sizes, show_amount, show_sizes
from .hierarchy import hierarchy_of, module_path
from .learned import Learned

Measured = tuple[float, str] | None
"""A number and what it is in words; None for a node that it says nothing of."""
Measure = Callable[[Node, "Whole"], Measured]


class UnknownOverlay(PyModelError):
    """There is no overlay of this name."""


class NothingLearned(PyModelError):
    """The overlay tells of a run, and none was named, or it has seen nothing of its layers."""


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


Read = Callable[[Learned, str], float | None]
"""A number of a module, by its path."""


@dataclass(frozen=True)
class _OfRun:
    """Of a row of equal blocks all are asked: the colour is that of the largest, the words give both ends."""

    trace: Trace
    learned: Learned

    def amount(self, node: Node, read: Read, show: Callable[[float], str]) -> Measured:
        found = [number for path in self._paths(node) if (number := read(self.learned, path)) is not None]
        if not found:
            return None
        odd = [number for number in found if not math.isfinite(number)]
        if odd:
            return math.inf, "NaN" if math.isnan(odd[0]) else "Inf"
        ends = sorted({show(min(found)): min(found), show(max(found)): max(found)}.items(), key=lambda each: each[1])
        return max(found), " – ".join(words for words, _ in ends)

    def state(self, node: Node) -> Measured:
        paths = self._paths(node)
        found = [each for path in paths if (each := self.learned.finding(path)) is not None]
        if found:
            return _COLOURS[found[0].state], found[0].state
        return (_COLOURS["learns"], "learns") if any(self.learned.knows(path) for path in paths) else None

    def _paths(self, node: Node) -> list[str]:
        if node.path is None:
            return []
        hierarchy = hierarchy_of(self.trace)
        first = hierarchy.index.get(node.id)
        if node.repeats == 1 or first is None:
            return [node.path]
        siblings = hierarchy.children[hierarchy.parents[first]]
        start = siblings.index(first)
        return [
            path
            for i in siblings[start : start + node.repeats]
            if (path := module_path(hierarchy.operations[i])) is not None
        ]


_COLOURS = {"exploding": 1.0, "learns": 2.0, "dead": 5.0, "vanishing": 6.0}
"""The number of each state: the page's colours are orange, green, vermilion and yellow."""


def _show_number(number: float) -> str:
    return f"{number:.3g}"


def _show_share(number: float) -> str:
    return f"{100 * number:.3g} %"


LEARNED: dict[str, tuple[Literal["amount", "category"], Callable[[Node, _OfRun], Measured]]] = {
    "grad_norm": ("amount", lambda node, run: run.amount(node, Learned.gradient_norm, _show_number)),
    "update_ratio": ("amount", lambda node, run: run.amount(node, Learned.update_ratio, _show_number)),
    "output_std": ("amount", lambda node, run: run.amount(node, Learned.output_std, _show_number)),
    "zeros": ("amount", lambda node, run: run.amount(node, Learned.zeros, _show_share)),
    "health": ("category", lambda node, run: run.state(node)),
}
"""Overlays that tell of a run: what was seen of its layers in one sampled step."""


def read_overlay(name: str, trace: Trace, nodes: Iterable[Node], learned: Learned | None = None) -> Overlay:
    """The overlay `name` for some nodes of a model; `learned` is what those in LEARNED tell of.

    Raises:
        UnknownOverlay: there is none of this name.
        NothingLearned: it tells of a run, and there is none.
    """
    own = [node for node in nodes if node.kind not in ("input", "output")]
    if name in LEARNED:
        if learned is None:
            raise NothingLearned(
                "This run has seen nothing of its layers.",
                advice="They are looked at about once a second: train longer, or choose another run.",
            )
        scale, measure_learned = LEARNED[name]
        run = _OfRun(trace, learned)
        return Overlay(name, scale, _readings(own, lambda node: measure_learned(node, run)), step=learned.step)
    if name not in OVERLAYS:
        raise UnknownOverlay(f"there is no overlay {name!r}.", advice=f"There are: {', '.join([*OVERLAYS, *LEARNED])}.")
    scale, measure = OVERLAYS[name]
    sizes = sample_sizes(trace)
    totals = trace.totals
    whole = Whole(
        sizes,
        totals.parameters if totals else 0,
        totals.flops if totals else 0,
        totals.activation_bytes if totals else 0,
    )
    depends = name in ("flops", "activation_bytes") and sizes
    readings = _readings(own, lambda node: measure(node, whole))
    return Overlay(name, scale, readings, show_sizes(sizes) if depends else "")


def _readings(nodes: Iterable[Node], measure: Callable[[Node], Measured]) -> tuple[Reading, ...]:
    """What is not finite counts as twice the most of what is: it has the strongest colour, and its words say so."""
    found = [(node.id, *measured) for node in nodes if (measured := measure(node)) is not None]
    most = max((amount for _, amount, _ in found if math.isfinite(amount)), default=1.0)
    return tuple(Reading(id, amount if math.isfinite(amount) else 2 * most, words) for id, amount, words in found)
