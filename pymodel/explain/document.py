"""What an explanation gives to others: one JSON document, its pictures as PNG, and a page that shows both."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from ..schema import AttentionMaps, ExplainRequest, LayerActivations, to_json
from . import png
from .activations import Activations, Layer
from .attributions import Attribution, Attributions
from .pages.activations import AttentionView, LayerView, format_activations
from .pages.attributions import MethodView, format_attributions
from .pages.sample import SampleView
from .sample import Sample
from .subject import Subject

MOST_ATTENTION_HEADS = 32
SPARE = 0.35
"""How much of an image's own brightness is seen through the heat over it."""

SEQUENTIAL, SIGNED = png.make_palette(png.VIRIDIS), png.make_palette(png.SIGNED)


@dataclass(frozen=True)
class Document:
    """`pictures` are PNG files by name."""

    content: dict[str, Any]
    page: str
    pictures: dict[str, bytes]


def describe_activations(request: ExplainRequest, subject: Subject, sample: Sample, found: Activations) -> Document:
    pictures: dict[str, bytes] = {}
    view = _view_sample(request, subject, sample, found.prediction, pictures)
    layers = [_draw_layer(layer, pictures) for layer in found.layers]
    attention = []
    for number, each in enumerate(found.attention, 1):
        heads = each.weights[:MOST_ATTENTION_HEADS]
        name = f"attention-{number}-{_file_name(each.path)}.png"
        scaled = png.scale_each(heads)
        pictures[name] = png.encode_pixels(png.tile(scaled), SEQUENTIAL)
        tiles = png.encode_all(scaled, SEQUENTIAL)
        heads_count, queries, keys = each.weights.shape
        facts = AttentionMaps(each.path, heads_count, len(heads), queries, keys, name, (queries, keys))
        attention.append(AttentionView(facts, tiles))
    content = {
        **_head("activations", view, found.prediction),
        "layers": [to_json(each.facts) for each in layers],
        "attention": [to_json(each.facts) for each in attention],
    }
    return Document(content, format_activations(view, found.prediction, layers, attention), pictures)


def describe_attributions(request: ExplainRequest, subject: Subject, sample: Sample, found: Attributions) -> Document:
    pictures: dict[str, bytes] = {}
    view = _view_sample(request, subject, sample, found.prediction, pictures)
    methods = [_draw_method(each, sample, pictures) for each in found.found]
    content = {
        **_head("attributions", view, found.prediction),
        "class": {"index": found.target, "name": found.target_name, "score": found.score},
        "baseline_score": found.baseline_score,
        "methods": [
            {
                "method": each.method,
                "settings": each.how,
                "values": None if each.values is None else each.values.tolist(),
                "sum": each.total,
                "expected_sum": each.expected,
                "completeness_error": each.error,
                "not_applicable": each.reason,
                "file": drawn.file,
            }
            for each, drawn in zip(found.found, methods, strict=True)
        ],
    }
    return Document(content, format_attributions(view, found, methods), pictures)


def _head(kind: str, view: SampleView, prediction: Any) -> dict[str, Any]:
    sample = {"kind": view.kind, "title": view.title, "tokens": list(view.tokens), "columns": list(view.columns)}
    return {
        "kind": kind,
        "target": view.target,
        "weights": view.weights,
        "sample": {**sample, "file": view.file},
        "prediction": to_json(prediction),
    }


def _view_sample(
    request: ExplainRequest, subject: Subject, sample: Sample, prediction: Any, pictures: dict[str, bytes]
) -> SampleView:
    file = picture = None
    if sample.kind == "image":
        file, picture = "sample.png", png.encode_pixels(_to_colours(sample.main[0]))
        pictures[file] = picture
    return SampleView(
        request.target, subject.weights, sample.kind, sample.title, sample.tokens, sample.columns, file, picture
    )


def _draw_layer(layer: Layer, pictures: dict[str, bytes]) -> LayerView:
    facts = LayerActivations(
        path=layer.path,
        class_=layer.kind,
        dims=layer.dims,
        statistics=layer.statistics,
        units=layer.units,
        dead=layer.dead,
        rows=layer.rows,
        maps=layer.map_count,
    )
    if layer.maps is None:
        return LayerView(facts, [])
    scaled = png.scale_each(layer.maps)
    name = f"maps-{_file_name(layer.path)}.png"
    pictures[name] = png.encode_pixels(png.tile(scaled), SEQUENTIAL)
    height, width = scaled.shape[1:]
    facts = replace(facts, file=name, shown=layer.channels, tile=(height, width))
    return LayerView(facts, png.encode_all(scaled, SEQUENTIAL))


def _draw_method(found: Attribution, sample: Sample, pictures: dict[str, bytes]) -> MethodView:
    if found.values is None:
        return MethodView(None, None, None)
    name = f"{found.method}.png"
    values = found.values
    scaled = png.scale_signed(values)
    if sample.kind == "image":
        pictures[name] = png.encode_pixels(_over_image(scaled, sample.main[0]))
    elif values.dim() == 2:
        pictures[name] = png.encode_pixels(scaled, SIGNED)
    else:
        strip = scaled.flatten().repeat_interleave(12).expand(24, -1)
        pictures[name] = png.encode_pixels(strip, SIGNED)
    return MethodView(name, pictures[name], values.flatten().tolist() if values.dim() == 1 else None)


def _to_colours(image: Tensor) -> Tensor:
    """(channels, height, width) as bytes, from its own lowest to its own highest value; grey for one channel."""
    colours = image[:3].detach().float().cpu().nan_to_num()
    colours = colours.expand(3, -1, -1) if len(colours) == 1 else colours
    low, high = colours.min(), colours.max()
    return ((colours - low) / (high - low).clamp_min(1e-30) * 255).round().permute(1, 2, 0)


def _over_image(scaled: Tensor, image: Tensor) -> Tensor:
    """Heat over the image, as grey: where nothing counts the image is seen, where much does the heat."""
    palette = torch.tensor(list(SIGNED), dtype=torch.float32).view(256, 3)
    heat = palette[scaled.long()]
    grey = _to_colours(image).mean(2, keepdim=True)
    strength = ((scaled.float() - 128).abs() / 127).sqrt().unsqueeze(2) * (1 - SPARE / 2)
    return (heat * strength + grey * (1 - strength)).round().clamp(0, 255)


def _file_name(path: str) -> str:
    return re.sub(r"[^\w.-]", "_", path or "model")[:100]
