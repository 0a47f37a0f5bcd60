"""transformers: the base model of each package of models, from its own configuration, cut to few layers.

Classes whose `forward` cannot do without an argument that is not among `KNOWN` are left out.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from typing import Any

import torch
from torch import nn

from .cases import Arguments, Case, Group, floats, whole

LAYERS = 4
"""Enough for one layer of each kind in most that mix kinds."""
FEW_LAYERS = dict.fromkeys(
    (
        *("num_hidden_layers", "n_layer", "n_layers", "num_layers", "encoder_layers", "decoder_layers"),
        *("num_encoder_layers", "num_decoder_layers", "e_layers", "d_layers"),
    ),
    LAYERS,
)
PARTS = ("text_config", "vision_config", "audio_config")
KNOWN = frozenset(("input_ids", "decoder_input_ids", "pixel_values", "input_features", "input_values"))
EVERY = 2
"""Of the packages, in the order of their names: there are five hundred."""
LENGTH = 16
SAMPLES = 16_000


def transformers_groups() -> Iterator[Group]:
    from transformers.models.auto.configuration_auto import model_type_to_module_name
    from transformers.models.auto.modeling_auto import MODEL_MAPPING_NAMES

    packages: dict[str, tuple[str, str]] = {}
    for kind, names in MODEL_MAPPING_NAMES.items():
        packages.setdefault(model_type_to_module_name(kind), (kind, names if isinstance(names, str) else names[0]))
    for _, (kind, name) in sorted(packages.items())[::EVERY]:
        yield Group(f"{kind}-{name}", lambda kind=kind, name=name: _cases(kind, name))  # type: ignore[misc]


def _cases(kind: str, name: str) -> Iterator[Case]:
    import transformers

    cls = getattr(transformers, name)
    needed = {
        each.name
        for each in list(inspect.signature(cls.forward).parameters.values())[1:]
        if each.default is each.empty and each.kind is each.POSITIONAL_OR_KEYWORD
    }
    if not needed <= KNOWN:
        return  # its inputs are not known here
    config = _few_layers(cls.config_class)
    yield Case(name, lambda: cls(config), _arguments)


def _few_layers(cls: Any) -> Any:
    """A default configuration with few layers, in its parts as well; the default itself where that is refused."""
    whole = cls()
    changes = {name: value for name, value in FEW_LAYERS.items() if _is_count(whole, name)}
    for part in PARTS:
        own = getattr(whole, part, None)
        if own is not None and hasattr(own, "to_dict"):
            changes[part] = {
                **{key: value for key, value in own.to_dict().items() if key not in ("layer_types",)},
                **{name: value for name, value in FEW_LAYERS.items() if _is_count(own, name)},
            }
    try:
        return cls(**changes)
    except Exception:
        return whole


def _is_count(config: Any, name: str) -> bool:
    return isinstance(getattr(config, name, None), int)


def _arguments(model: nn.Module, binding: dict[str, int]) -> Arguments:
    """By the names that `forward` takes, as the library's own tests make them."""
    batch = binding["B"]
    config: Any = model.config
    taken = inspect.signature(type(model).forward).parameters
    given: dict[str, torch.Tensor] = {}
    main = getattr(model, "main_input_name", "input_ids")
    if "input_ids" in taken:
        given["input_ids"] = whole(batch, LENGTH)
    if "decoder_input_ids" in taken:
        given["decoder_input_ids"] = whole(batch, LENGTH)
    if "pixel_values" in taken and (main == "pixel_values" or _needs(model, "vision_config")):
        side = _image_size(config)
        given["pixel_values"] = floats(batch, _channels(config), *side)
    if "input_features" in taken and "input_ids" not in taken:
        bins = _first(config, ("num_mel_bins", "feature_size", "n_mels"), 80)
        frames = 2 * _first(config, ("max_source_positions",), 500)
        shape = (batch, bins, frames) if "max_source_positions" in vars(config) else (batch, frames, bins)
        given["input_features"] = floats(*shape)
    if "input_values" in taken and "input_ids" not in taken:
        given["input_values"] = floats(batch, SAMPLES)
    return (), given


def _needs(model: nn.Module, part: str) -> bool:
    """Whether a model of several parts looks at images in every call (CLIP does, a chat model need not)."""
    return hasattr(model.config, part) and hasattr(model, "logit_scale")


def _image_size(config: Any) -> tuple[int, int]:
    for place in (config, getattr(config, "vision_config", None), getattr(config, "backbone_config", None)):
        size = getattr(place, "image_size", None)
        if isinstance(size, int):
            return size, size
        if isinstance(size, (list, tuple)):
            return int(size[0]), int(size[1])
    return 224, 224


def _channels(config: Any) -> int:
    for place in (config, getattr(config, "vision_config", None)):
        count = getattr(place, "num_channels", None)
        if isinstance(count, int):
            return count
    return 3


def _first(config: Any, names: tuple[str, ...], otherwise: int) -> int:
    return next((value for name in names if isinstance(value := getattr(config, name, None), int)), otherwise)
