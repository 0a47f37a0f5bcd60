"""The page of activations: the layers in the order in which they ran, each with its numbers and its maps."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ...schema import AttentionMaps, LayerActivations, Prediction
from .html import Html, format_page, histogram, image, number, shape, tag
from .sample import SampleView, format_sample


@dataclass(frozen=True)
class LayerView:
    """`tiles` are PNGs of the maps that are shown."""

    facts: LayerActivations
    tiles: list[bytes]


@dataclass(frozen=True)
class AttentionView:
    facts: AttentionMaps
    tiles: list[bytes]


def format_activations(
    view: SampleView, prediction: Prediction, layers: Sequence[LayerView], attention: Sequence[AttentionView]
) -> str:
    """The page, whole."""
    title = f"Activations of {view.target.rpartition('::')[2]}"
    body = [format_sample(view, prediction, with_tokens=True)]
    body += [_format_layer(each) for each in layers]
    body += [_format_attention(each) for each in attention]
    return format_page(title, *body)


def _format_layer(layer: LayerView) -> Html:
    facts = layer.facts
    statistics = facts.statistics
    told = [
        tag("span", f"mean {number(statistics.mean)}"),
        tag("span", f"std {number(statistics.std)}"),
        tag("span", f"from {number(statistics.min)} to {number(statistics.max)}"),
        tag("span", f"{statistics.zeros / max(1, statistics.elements):.0%} zeros"),
    ]
    if statistics.nan or statistics.inf:
        told.append(tag("span", f"{number(statistics.nan)} NaN, {number(statistics.inf)} Inf", class_="bad"))
    if facts.dead:
        over = f"in all of {facts.rows} examples" if facts.rows > 1 else "for this sample"
        told.append(tag("span", f"{number(facts.dead)} of {number(facts.units)} units are 0 {over}", class_="bad"))
    heading = tag("h2", tag("code", facts.path or "model"), " ", tag("span", facts.class_, class_="type"))
    line = tag("div", histogram(statistics.histogram), tag("span", shape(facts.dims)), *told, class_="facts")
    return tag("section", heading, line, *_format_tiles(layer))


def _format_tiles(layer: LayerView) -> list[Html]:
    if not layer.tiles:
        return []
    path, count = layer.facts.path, layer.facts.maps
    if count == 1:
        words = "Across: the sequence. Down: the layer's units."
        return [tag("p", words, class_="faint"), image(layer.tiles[0], f"{path}, all units", "sequence")]
    tiles = [
        _tile(tile, f"{path}, channel {channel}", f"channel {channel}")
        for tile, channel in zip(layer.tiles, layer.facts.shown, strict=True)
    ]
    shown = f"{count} maps" if len(tiles) == count else f"The {len(tiles)} of {count} maps that vary most"
    words = f"{shown}, each from its own lowest (dark) to its own highest value. Open one to see it large."
    return [tag("p", words, class_="faint"), tag("div", *tiles, class_="tiles")]


def _format_attention(view: AttentionView) -> Html:
    each = view.facts
    heading = tag("h2", tag("code", each.path or "model"), " ", tag("span", "attention", class_="type"))
    words = (
        f"{each.heads} maps of {each.queries} queries (down) by {each.keys} keys (across). Open one to see it large."
    )
    tiles = [_tile(tile, f"{each.path}, head {head}", f"head {head}") for head, tile in enumerate(view.tiles)]
    return tag("section", heading, tag("p", words, class_="faint"), tag("div", *tiles, class_="tiles"))


def _tile(content: bytes, text: str, name: str) -> Html:
    """A small picture that grows when it is opened, with its name; without any script."""
    return tag("details", tag("summary", image(content, text, "small"), title=name))
