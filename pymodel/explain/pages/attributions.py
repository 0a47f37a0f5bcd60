"""The page of attributions: the methods side by side, over the image, on the tokens, or as bars."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ..attributions import Attribution, Attributions
from .html import Html, format_page, image, number, tag
from .sample import SampleView, bars, format_sample

LAYOUTS = {"text": "rows", "table": "methods wide"}
MOST_BARS = 24
"""Columns that are shown: those that count most."""


@dataclass(frozen=True)
class MethodView:
    """`picture` is the PNG in `file`; `values` are those of tokens or columns."""

    file: str | None
    picture: bytes | None
    values: list[float] | None


def format_attributions(view: SampleView, found: Attributions, methods: Sequence[MethodView]) -> str:
    """The page, whole."""
    title = f"What {view.target.rpartition('::')[2]}'s answer rests on"
    why = tag("h2", "What speaks for ", tag("bdi", found.target_name))
    colours = tag("span", "for it", class_="heat up a6"), " ", tag("span", "against it", class_="heat down a6")
    scores = f" Score {number(found.score)}, and {number(found.baseline_score)} with nothing but zeros to see."
    key = tag("p", *colours, scores, class_="key tokens")
    parts = [_format_method(view, each, drawn) for each, drawn in zip(found.found, methods, strict=True)]
    layout = LAYOUTS.get(view.kind, "methods")
    return format_page(
        title, format_sample(view, found.prediction, with_tokens=False), why, key, tag("div", *parts, class_=layout)
    )


def _format_method(view: SampleView, found: Attribution, drawn: MethodView) -> Html:
    caption = tag("figcaption", found.title, tag("span", _describe(found), class_="faint"))
    if drawn.picture is None:
        return tag("figure", caption)
    if drawn.values is None:
        return tag("figure", caption, image(drawn.picture, found.title, "middle"))
    if view.kind == "text":
        return tag("figure", caption, _tokens(view.tokens, drawn.values))
    names = view.columns or tuple(str(index) for index in range(len(drawn.values)))
    rows = [(name, value, number(value)) for name, value in zip(names, drawn.values, strict=True)]
    rows = sorted(rows, key=lambda each: -abs(each[1]))[:MOST_BARS]
    return tag("figure", caption, bars(rows))


def _describe(found: Attribution) -> str:
    if found.reason is not None:
        return found.reason
    if found.total is None or found.error is None or found.expected is None:
        return f"{found.how}."
    share = f" ({abs(found.error / found.expected):.1%})" if found.expected else ""
    return f"{found.how}. Sum {number(found.total)}, completeness error {number(found.error)}{share}."


def _tokens(tokens: tuple[str, ...], values: list[float]) -> Html:
    most = max((abs(value) for value in values), default=0.0) or 1.0
    parts = []
    for token, value in zip(tokens, values, strict=True):
        strength = round(8 * abs(value) / most)
        heat = f"heat {'up' if value > 0 else 'down'} a{strength}" if strength else None
        parts.append(tag("span", token, class_=heat, title=number(value)))
    return tag("p", Html(" ".join(parts)), class_="tokens")
