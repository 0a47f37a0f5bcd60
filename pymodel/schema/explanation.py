"""What a model made of one sample: `activations.json` in the folder of an explanation."""

from __future__ import annotations

from dataclasses import dataclass

from .weights import Statistics


@dataclass(frozen=True)
class Answer:
    """A class, or one of several outputs. `probability` is None where the model gives no classes."""

    index: int
    name: str
    value: float
    probability: float | None


@dataclass(frozen=True)
class Prediction:
    """The likeliest first. `how` says how probabilities were made of the model's numbers."""

    answers: tuple[Answer, ...]
    how: str
    label: str | None = None


@dataclass(frozen=True)
class ExplainedSample:
    kind: str
    title: str


@dataclass(frozen=True)
class LayerActivations:
    """A module without children, at its first call. `dead` of `units` gave 0 everywhere, in each of `rows` examples.

    `file` is the picture of the maps of the channels `shown`, out of `maps`: tiles of (height, width) pixels, one pixel
    apart, in a nearly square grid.
    """

    path: str
    class_: str
    dims: tuple[int, ...]
    statistics: Statistics
    units: int
    dead: int
    rows: int
    maps: int
    file: str | None = None
    shown: tuple[int, ...] = ()
    tile: tuple[int, ...] | None = None


@dataclass(frozen=True)
class AttentionMaps:
    """Of one call of attention, a map of (queries, keys) for each head; `file` shows the first `shown` as tiles."""

    path: str
    heads: int
    shown: int
    queries: int
    keys: int
    file: str
    tile: tuple[int, ...]


@dataclass(frozen=True)
class ActivationsReport:
    """All layers in the order in which they ran."""

    target: str
    weights: str
    sample: ExplainedSample
    prediction: Prediction
    layers: tuple[LayerActivations, ...]
    attention: tuple[AttentionMaps, ...] = ()
