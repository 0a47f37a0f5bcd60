"""Where a document and what really happened disagree."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .claim import Document
from .real import Observed
from .seen import Int, Place, Seen, Tensor, Tuple, show
from .stores import Stores

Claims = dict[Place, dict[str, Any]]
MAX_OCCURRENCES = 512
"""A document tells of no further executions than so many."""


@dataclass
class Report:
    """The outcome for one target: how many comparisons were made, how many values claimed, which of them as assumed."""

    target: str
    disagreements: list[str] = field(default_factory=list)
    claimed: int = 0
    assumed: list[str] = field(default_factory=list)
    checked: int = 0

    def __str__(self) -> str:
        words = f"{self.target}: {self.checked} comparisons, {len(self.assumed)} of {self.claimed} values assumed"
        assumed = ["  assumed: " + "; ".join(self.assumed)] if self.assumed else []
        return "\n".join([words, *(f"  {each}" for each in self.disagreements), *assumed])


def compare(document: Document, runs: list[Observed]) -> Report:
    """Every disagreement between a claim and the runs of its model, each said once."""
    report = Report(document["target"])
    if document["status"] != "complete":
        report.disagreements.append(f"status is {document['status']}: {_reasons(document)}")
    shown = [value for value in document["values"] if value["kind"] in ("tensor", "int", "tuple")]
    report.claimed = len(shown)
    report.assumed = [f"{value['start']['line']} {value['text']}" for value in shown if value["assumed"]]
    found: dict[str, None] = {}
    for observed in runs:
        comparison = _Comparison(document, observed, report)
        found.update(dict.fromkeys(comparison.run()))
    report.disagreements += found
    if not any(observed.error for observed in runs):
        report.disagreements += _miscounted(document, runs)
    return report


def compare_expressions(document: Document, observed: Observed, report: Report) -> None:
    """Add to a report where what calls and operators gave is not what is claimed of them."""
    comparison = _Comparison(document, observed, report)
    report.disagreements += comparison.phase(observed.forward, _claims(document, "forward", named=False))


def _reasons(document: Document) -> str:
    return "; ".join(each["message"] for each in document["diagnostics"]) or "no reason given"


class _Comparison:
    """One document against one run."""

    def __init__(self, document: Document, observed: Observed, report: Report) -> None:
        self.document = document
        self.observed = observed
        self.report = report

    def run(self) -> Iterator[str]:
        if self.observed.error is not None:
            yield f"at {_show_binding(self.observed)} it raised {self.observed.error}"
            return
        yield from self.phase(self.observed.init, _claims(self.document, "init"), ints=False)
        yield from self.phase(self.observed.forward, _claims(self.document, "forward"))
        yield from self._outputs()

    def phase(self, stores: Stores, claims: Claims, ints: bool = True) -> Iterator[str]:
        for place, seen in stores.items():
            value = claims.get(place)
            if value is not None:
                yield from self._value(value, place, seen)
            elif _worth_telling(seen[0], ints) and not _is_bound_again(place, claims):
                yield f"{_show_place(place)}: nothing claimed, was {seen[0]}"

    def _value(self, value: dict[str, Any], place: Place, seen: list[Seen]) -> Iterator[str]:
        if value["assumed"]:
            return
        first = seen[0]
        if value["kind"] == "tensor":
            if isinstance(first, Tensor) and first.dtype != value["dtype"]:
                yield f"{_show_place(place)}: claimed {value['dtype']}, was {first.dtype}"
            claimed = [value["dims"], *value["occurrences"]]
            real = [each.shape for each in seen if isinstance(each, Tensor)]
            if not isinstance(first, Tensor):
                yield f"{_show_place(place)}: claimed {show(value['dims'])}, was {first}"
            for number, (dims, shape) in enumerate(zip(claimed, real, strict=False)):
                yield from self._dims(f"{_show_place(place)}{_ordinal(number)}", dims, shape)
        elif value["kind"] == "int":
            yield from self._dim(_show_place(place), value["value"], first)
        elif value["kind"] == "tuple":
            if not isinstance(first, Tuple):
                yield f"{_show_place(place)}: claimed a tuple, was {first}"
                return
            for number, (claim, real_item) in enumerate(zip(value["items"], first.items, strict=False)):
                where = f"{_show_place(place)}[{number}]"
                if isinstance(claim, list) and isinstance(real_item, Tensor):
                    yield from self._dims(where, claim, real_item.shape)
                elif claim is not None:
                    yield from self._dim(where, claim, real_item)
        elif isinstance(first, (Tensor, Int)):
            yield f"{_show_place(place)}: claimed {value['kind']}, was {first}"

    def _dims(self, where: str, dims: list[int | str], shape: tuple[int, ...]) -> Iterator[str]:
        self.report.checked += 1
        try:
            claimed = tuple(self._evaluate(dim) for dim in dims)
        except NameError as error:
            yield f"{where}: claimed {show(dims)}, not marked as assumed, but {error}"
            return
        if claimed != shape:
            binding = _show_binding(self.observed)
            yield f"{where}: claimed {show(dims)} = {show(claimed)}, was {show(shape)} at {binding}"

    def _dim(self, where: str, dim: int | str | list[int | str], real: Seen) -> Iterator[str]:
        self.report.checked += 1
        if isinstance(dim, list):
            yield f"{where}: claimed {show(dim)}, was {real}"
            return
        claimed = self._evaluate(dim)
        if not isinstance(real, Int) or claimed != real.value:
            yield f"{where}: claimed {dim} = {claimed}, was {real} at {_show_binding(self.observed)}"

    def _evaluate(self, dim: int | str) -> int:
        scope = {"__builtins__": {}, "max": max, "min": min, **self.observed.binding}
        return int(dim if isinstance(dim, int) else eval(dim, scope))

    def _outputs(self) -> Iterator[str]:
        if any(value["assumed"] for value in self.document["values"]):
            return  # a module's row has no mark of its own
        for module in self.document["modules"]:
            where = f"module {module['path'] or '(root)'}"
            real = self.observed.outputs.get(module["path"], [])
            if len(real) != len(module["outputs"]):
                claimed = [show(dims) for dims in module["outputs"]]
                yield f"{where}: claimed outputs {claimed}, was {[str(each) for each in real]}"
            for dims, seen in zip(module["outputs"], real, strict=False):
                yield from self._dims(where, dims, seen.shape)


def _claims(document: Document, phase: str, *, named: bool = True) -> Claims:
    claims = {}
    for value in document["values"]:
        if value["phase"] == phase and (value["name"] is not None) is named:
            start, end = value["start"], value["end"]
            text = value["text"] if named else ""
            place = Place(value["path"], start["line"], start["column"], end["line"], end["column"], text)
            claims[place] = value
    return claims


def _miscounted(document: Document, runs: list[Observed]) -> Iterator[str]:
    """Claims of what never ran, and of more or fewer executions than there are at every binding."""
    for phase in ("init", "forward"):
        for place, value in _claims(document, phase).items():
            if value["assumed"]:
                continue
            stores = [observed.init if phase == "init" else observed.forward for observed in runs]
            counts = {sum(isinstance(each, Tensor) for each in store.get(place, ())) for store in stores}
            if not any(place in store for store in stores):
                yield f"{_show_place(place)}: claimed, but it never ran"
            elif value["kind"] == "tensor" and len(counts) == 1:
                claimed, real = 1 + len(value["occurrences"]), min(MAX_OCCURRENCES, *counts, *counts)
                if claimed != real:
                    yield f"{_show_place(place)}: claimed {claimed} times, ran {real} times"


def _is_bound_again(place: Place, claims: Claims) -> bool:
    """Whether the same target binds the name once more, as `_, _, h, w = …` does: the first is gone at once."""
    return any(
        place.text
        and (each.path, each.line, each.text) == (place.path, place.line, place.text)
        and each.column > place.column
        for each in claims
    )


def _worth_telling(seen: Seen, ints: bool) -> bool:
    """What a document must have a value for: tensors, ints where they matter, and tuples that hold some."""
    if isinstance(seen, Tuple):
        return any(_worth_telling(item, ints) for item in seen.items)
    return isinstance(seen, Tensor) or (isinstance(seen, Int) and ints)


def _ordinal(number: int) -> str:
    return f" (execution {number + 1})" if number else ""


def _show_place(place: Place) -> str:
    return f"{Path(place.path).name}:{place.line} {place.text or f'columns {place.column}-{place.end_column}'}"


def _show_binding(observed: Observed) -> str:
    return ", ".join(f"{name}={size}" for name, size in observed.binding.items()) or "the only sizes"
