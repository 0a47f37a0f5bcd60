"""The page of a file of weights: a table with a row for each tensor."""

from __future__ import annotations

from pathlib import Path

from ...schema import TensorChange, TensorReport, WeightsReport
from .html import Html, format_page, histogram, number, shape, size, tag

TEXTS = ("Tensor", "Shape", "dtype", "Histogram", "Change")
WORDS = {"same": "same", "added": "only there", "removed": "only here", "reshaped": "reshaped", "changed": "changed"}


def format_weights(report: WeightsReport) -> str:
    """The page, whole."""
    columns = ["Tensor", "Shape", "dtype", "Bytes", "Histogram", "Mean", "Std", "Min", "Max", "Zeros", "L2 norm"]
    columns += ["NaN", "Inf"]
    if report.against:
        columns += ["Change", "Difference", "Largest", "Cosine"]
    changes = {change.name: change for change in report.changes}
    rows = [_row(tensor, changes.get(tensor.name), bool(report.against)) for tensor in report.tensors]
    known = {tensor.name for tensor in report.tensors}
    rows += [
        tag("tr", tag("td", tag("code", change.name)), *[tag("td")] * 12, *_change_cells(change))
        for change in report.changes
        if change.name not in known
    ]
    head = tag("tr", *(_heading(name) for name in columns))
    table = tag("table", tag("thead", head), tag("tbody", *rows), class_="sortable")
    return format_page(Path(report.path).name, *_facts(report), tag("div", table, class_="scroll"))


def _facts(report: WeightsReport) -> list[Html]:
    own = [tensor for tensor in report.tensors if tensor.shared_with is None]
    elements = sum(tensor.statistics.elements for tensor in own)
    facts = [f"{number(len(report.tensors))} tensors", f"{number(elements)} values", size(report.bytes)]
    bad = sum(tensor.statistics.nan + tensor.statistics.inf for tensor in own)
    line = [tag("span", fact) for fact in facts]
    if bad:
        line.append(tag("span", f"{number(bad)} values are NaN or Inf", class_="bad"))
    found = [tag("p", tag("code", report.path), class_="faint"), tag("div", *line, class_="facts")]
    if report.against:
        counts = [(kind, sum(change.kind == kind for change in report.changes)) for kind in WORDS]
        told = ", ".join(f"{number(count)} {WORDS[kind]}" for kind, count in counts if count)
        found.append(tag("p", "Compared with ", tag("code", report.against), f": {told}."))
    return found


def _row(tensor: TensorReport, change: TensorChange | None, is_compared: bool) -> Html:
    facts = tensor.statistics
    share = facts.zeros / facts.elements if facts.elements else 0.0
    name: list[str] = [tag("code", tensor.name)]
    if tensor.shared_with:
        name.append(tag("span", f" = {tensor.shared_with}", class_="faint"))
    return tag(
        "tr",
        tag("td", tag("bdi", *name)),
        tag("td", shape(tensor.dims), data_value=facts.elements),
        tag("td", tensor.dtype),
        _cell(tensor.bytes, size(tensor.bytes)),
        tag("td", histogram(facts.histogram), data_value=0 if facts.max is None else facts.max - (facts.min or 0)),
        *(_cell(value) for value in (facts.mean, facts.std, facts.min, facts.max)),
        _cell(share, f"{share:.1%}" if facts.zeros else "0"),
        _cell(facts.l2),
        *(_cell(count, is_bad=count > 0) for count in (facts.nan, facts.inf)),
        *(_change_cells(change) if is_compared else ()),
    )


def _change_cells(change: TensorChange | None) -> list[Html]:
    if change is None:
        return [tag("td")] * 4
    relative = "" if change.relative is None else f"{change.relative:.2%}"
    return [
        tag("td", WORDS[change.kind]),
        _cell(change.relative, relative),
        _cell(change.max_abs, "" if change.max_abs is None else None),
        _cell(change.cosine, "" if change.cosine is None else f"{change.cosine:.4f}"),
    ]


def _heading(name: str) -> Html:
    return tag("th", tag("button", name), scope="col", class_=None if name in TEXTS else "number")


def _cell(value: float | None, text: str | None = None, *, is_bad: bool = False) -> Html:
    shown = number(value) if text is None else text
    return tag("td", shown, class_="number bad" if is_bad else "number", data_value="" if value is None else value)
