"""The top of a page: which model, which sample, and what the model answers."""

from __future__ import annotations

from dataclasses import dataclass

from ...schema import Prediction
from .html import Html, image, number, tag

MOST = 5
"""Answers that are shown."""
LEAST = 0.0005
"""The probability of a class that is shown."""


@dataclass(frozen=True)
class SampleView:
    """`picture` is the sample as a PNG, which lies in `file`."""

    target: str
    weights: str
    kind: str
    title: str
    tokens: tuple[str, ...]
    columns: tuple[str, ...]
    file: str | None
    picture: bytes | None


def format_sample(view: SampleView, prediction: Prediction, *, with_tokens: bool) -> Html:
    shown: list[Html] = []
    if view.picture is not None:
        shown.append(tag("figure", tag("figcaption", "Sample"), image(view.picture, view.title, "middle")))
    answers = tag("div", tag("h2", "Answer"), _answers(prediction))
    text = Html(" ".join(tag("code", token) for token in view.tokens)) if with_tokens else Html("")
    weights = "initial weights, not trained" if view.weights == "fresh" else view.weights
    facts = tag("p", "Sample: ", view.title, " · weights: ", tag("code", weights), class_="faint")
    return tag("section", facts, tag("p", text), tag("div", *shown, answers, class_="side"))


def bars(rows: list[tuple[str, float, str]], chosen: int | None = None) -> Html:
    """A bar for each name and value, to the right where the value is positive, to the left where it is not."""
    most = max((abs(value) for _, value, _ in rows), default=0.0) or 1.0
    signed = any(value < 0 for _, value, _ in rows)
    made = []
    for index, (name, value, text) in enumerate(rows):
        width = 100 * abs(value) / most / (2 if signed else 1)
        left = (50 - width if value < 0 else 50) if signed else 0
        bar = tag(
            "rect", x=f"{left:.2f}", y="0", width=f"{width:.2f}", height="12", class_="down" if value < 0 else "up"
        )
        drawing = tag("svg", bar, viewBox="0 0 100 12", preserveAspectRatio="none", role="presentation")
        cells = (tag("th", tag("bdi", name), scope="row"), tag("td", drawing), tag("td", text, class_="number"))
        made.append(tag("tr", *cells, class_="chosen" if index == chosen else None))
    return tag("table", tag("tbody", *made), class_="bars")


def _answers(prediction: Prediction) -> Html:
    rows = [
        (
            f"{answer.name} ✓" if answer.name == prediction.label else answer.name,
            answer.value if answer.probability is None else answer.probability,
            number(answer.value) if answer.probability is None else f"{answer.probability:.1%}",
        )
        for answer in prediction.answers[:MOST]
        if answer.probability is None or answer.probability >= LEAST or answer is prediction.answers[0]
    ]
    label = f" The label is {prediction.label}." if prediction.label is not None else ""
    return tag(
        "div", bars(rows, 0), tag("p", f"{prediction.how[0].upper()}{prediction.how[1:]}.{label}", class_="faint")
    )
