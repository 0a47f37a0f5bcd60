"""What every layer of a model makes of one sample: its output's statistics, maps, and units that say nothing.

One forward; a second one, over some rows of the data, tells units that are dead from those that are quiet here alone.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.data import default_collate

from ..schema import Prediction, Statistics
from ..train.batch import BatchNotUsable, split_batch
from .attention import AttentionMap, AttentionMaps, plain_attention
from .prediction import predict
from .sample import Sample
from .statistics import describe_tensor
from .subject import Subject

BINS = 32
ROWS = 64
"""Rows of the data by which dead units are told."""
MOST_MAPS = 32
"""Maps of a layer that are drawn: those that vary most."""
LARGEST_MAP = 96
"""Pixels of a map's longer side; larger ones are averaged down."""


@dataclass(frozen=True)
class Layer:
    """A module without children, at its first call. `dead` of `units` gave 0 everywhere, in each of `rows` examples; a
    unit is a channel of a map, else a place of the last dimension. `maps` are (count, height, width), of the channels
    in `channels`."""

    path: str
    kind: str
    dims: tuple[int, ...]
    statistics: Statistics
    units: int
    dead: int
    rows: int
    maps: Tensor | None = None
    channels: tuple[int, ...] = ()
    map_count: int = 0


@dataclass(frozen=True)
class Activations:
    """In the order in which the layers ran."""

    prediction: Prediction
    layers: tuple[Layer, ...]
    attention: tuple[AttentionMap, ...] = ()


@dataclass
class _Recording:
    """Outputs of modules by path, and the path of the module that runs."""

    outputs: dict[str, Tensor] = field(default_factory=dict)
    running: list[str] = field(default_factory=list)


@torch.no_grad()
def explain_activations(subject: Subject, sample: Sample) -> Activations:
    """Run the sample through the model and look at all that its layers give.

    Raises:
        Exception: what the model's own code raises.
    """
    model = subject.model
    with _recording(model) as recording, plain_attention():
        attention = AttentionMaps(lambda: recording.running[-1] if recording.running else "")
        with attention:
            output = model(*sample.inputs, **sample.keywords)
    prediction = predict(output, subject.classes, subject.loss, sample.label)
    rows, among_all = _silent_in_data(subject)
    modules = dict(model.named_modules())
    layers = []
    for path, value in recording.outputs.items():
        statistics = describe_tensor(value, BINS)
        layer = Layer(
            path=path,
            kind=type(modules[path]).__name__,
            dims=tuple(value.shape),
            statistics=statistics,
            units=value.shape[_unit_axis(value)],
            dead=int(_both(_silent_units(value), among_all.get(path)).sum()) if statistics.zeros else 0,
            rows=1 + rows,
        )
        layers.append(_with_maps(layer, modules[path], value))
    return Activations(prediction, tuple(layers), tuple(attention.maps))


def _with_maps(layer: Layer, module: nn.Module, value: Tensor) -> Layer:
    """The maps of a convolution; of what it gives along one axis alone, and of a recurrent layer, one map in all."""
    if value.dim() == 3 and isinstance(module, (nn.modules.conv._ConvNd, nn.RNNBase)):
        picture = value[0] if isinstance(module, nn.modules.conv._ConvNd) else value[0].T
        return replace(layer, maps=shrink(picture.float().unsqueeze(0), keep_form=False), channels=(0,), map_count=1)
    if not isinstance(module, nn.modules.conv._ConvNd) or value.dim() < 4:
        return layer
    maps = value[0].float()
    maps = maps if maps.dim() == 3 else maps[:, maps.shape[1] // 2]  # of a volume its middle
    flat = maps.flatten(1)
    variances = (flat - flat.mean(1, keepdim=True)).square_().mean(1)  # several times as fast as `var`
    chosen = variances.nan_to_num().topk(min(MOST_MAPS, len(maps))).indices.sort().values
    return replace(layer, maps=shrink(maps[chosen]), channels=tuple(chosen.tolist()), map_count=len(maps))


def shrink(maps: Tensor, *, keep_form: bool = True) -> Tensor:
    """(count, height, width), no side longer than `LARGEST_MAP`; of the same form, or each side for itself."""
    height, width = maps.shape[1:]
    longest = max(height, width)
    if longest <= LARGEST_MAP:
        return maps.cpu()
    size = (max(1, height * LARGEST_MAP // longest), max(1, width * LARGEST_MAP // longest))
    if not keep_form:
        size = (min(height, LARGEST_MAP), min(width, LARGEST_MAP))
    return nn.functional.adaptive_avg_pool2d(maps.unsqueeze(0), size)[0].cpu()


def _silent_in_data(subject: Subject) -> tuple[int, dict[str, Tensor]]:
    """How many rows were looked at, and which units were silent in all of them."""
    examples = [subject.example(index) for index in range(ROWS)]
    found = [example for example in examples if example is not None]
    if not found:
        return 0, {}
    device = next((each.device for each in subject.model.parameters()), torch.device("cpu"))
    try:
        batch = split_batch(default_collate(found), subject.model, device)
    except (BatchNotUsable, RuntimeError, TypeError):  # rows of different sizes make no batch
        return 0, {}
    with _recording(subject.model) as recording:
        subject.model(*batch.inputs, **batch.keywords)
    return len(found), {path: _silent_units(value) for path, value in recording.outputs.items()}


def _silent_units(value: Tensor) -> Tensor:
    """(units,): whether a unit gives 0 for each example and place."""
    magnitudes = value.abs() if value.is_complex() else value
    axis = _unit_axis(value) + 1
    several = magnitudes.unsqueeze(0)  # one axis at least is left beside that of the units
    others = [each for each in range(several.dim()) if each != axis]
    return ((several.amin(others) == 0) & (several.amax(others) == 0)).cpu()


def _unit_axis(value: Tensor) -> int:
    return 1 if value.dim() >= 4 else value.dim() - 1


@contextlib.contextmanager
def _recording(model: nn.Module) -> Iterator[_Recording]:
    """Notes the first output of each module that has no children."""
    recording = _Recording()
    handles = []

    def enter(path: str) -> Any:
        return lambda module, arguments: recording.running.append(path)

    def leave(path: str, is_leaf: bool) -> Any:
        def note(module: nn.Module, arguments: Any, output: Any) -> None:
            recording.running.pop()
            value = output[0] if isinstance(output, (tuple, list)) and output else output
            if (
                is_leaf
                and path not in recording.outputs
                and isinstance(value, Tensor)
                and value.dim()
                and value.numel()
            ):
                recording.outputs[path] = value.detach()

        return note

    for path, module in model.named_modules():
        is_leaf = next(module.children(), None) is None
        handles.append(module.register_forward_pre_hook(enter(path)))
        handles.append(module.register_forward_hook(leave(path, is_leaf)))
    try:
        yield recording
    finally:
        for handle in handles:
            handle.remove()


def _both(silent: Tensor, in_data: Tensor | None) -> Tensor:
    return silent & in_data if in_data is not None and in_data.shape == silent.shape else silent
