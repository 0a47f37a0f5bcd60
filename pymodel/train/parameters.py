"""Parameters by name: which decay, which move and how fast, which are frozen; and where they start."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from typing import Any

import torch
from torch import Tensor, nn

from ..recipe import matches
from ..schema import FineTuningSettings, InitialisationSettings, OptimizerSettings, PyModelError

NORMS = (
    *(nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d, nn.SyncBatchNorm, nn.LayerNorm, nn.GroupNorm, nn.RMSNorm),
    *(nn.InstanceNorm1d, nn.InstanceNorm2d, nn.InstanceNorm3d),
)


class PatternNotUsable(PyModelError):
    """A pattern of the recipe takes nothing of the model."""


class NothingToTrain(PyModelError):
    """All parameters are frozen."""


def group_parameters(model: nn.Module, settings: OptimizerSettings, tuning: FineTuningSettings) -> list[dict[str, Any]]:
    """Parameter groups of an optimizer: one per rate and decay. Frozen parameters are in them too, so that gradual
    unfreezing needs no new groups: without a gradient an optimizer passes them over.

    Raises:
        PatternNotUsable: a pattern takes no parameter.
        NothingToTrain: nothing moves.
    """
    spared = _spared(model, settings.no_decay)
    depths = _depths(model)
    deepest = max(depths.values(), default=0)
    for pattern in tuning.rates:
        _require(pattern, [name for name, _ in model.named_parameters()])
    groups: dict[tuple[float, float], list[Tensor]] = {}
    for name, parameter in model.named_parameters():
        factor = tuning.layer_decay ** (deepest - depths[name])
        factor *= math.prod(rate for pattern, rate in tuning.rates.items() if matches(name, (pattern,)))
        decay = 0.0 if name in spared else settings.weight_decay
        groups.setdefault((settings.learning_rate * factor, decay), []).append(parameter)
    if not any(parameter.requires_grad for parameter in model.parameters()):
        raise NothingToTrain(
            "The model has no parameter to train.", advice="Look at `freeze`, and for requires_grad_(False)."
        )
    return [{"params": each, "lr": rate, "weight_decay": decay} for (rate, decay), each in groups.items()]


def freeze(model: nn.Module, patterns: Iterable[str]) -> list[str]:
    """Freeze the parameters that a pattern takes. Gives their layers, first to last.

    Raises:
        PatternNotUsable: a pattern takes no parameter.
    """
    names = [name for name, _ in model.named_parameters()]
    for pattern in patterns:
        _require(pattern, names)
    frozen = [(name, each) for name, each in model.named_parameters() if matches(name, patterns)]
    for _, parameter in frozen:
        parameter.requires_grad_(False)
    return list(dict.fromkeys(name.rpartition(".")[0] for name, _ in frozen))


def unfreeze(model: nn.Module, layers: Iterable[str]) -> None:
    """Let the parameters that stand directly in these layers move again."""
    for layer in layers:
        for parameter in model.get_submodule(layer).parameters(recurse=False):
            parameter.requires_grad_(True)


@torch.no_grad()
def initialise(model: nn.Module, settings: InitialisationSettings) -> int:
    """Draw the weights of the chosen layers anew; those of normalisations stay 1. Gives how many were drawn.

    Raises:
        PatternNotUsable: a pattern takes no layer.
    """
    if settings.method == "default":
        return 0
    names = [name for name, _ in model.named_modules() if name]
    for pattern in settings.layers:
        _require(pattern, names)
    drawn = 0
    for name, module in model.named_modules():
        if isinstance(module, NORMS) or not matches(name, settings.layers):
            continue
        for own, parameter in module.named_parameters(recurse=False):
            if parameter.dim() >= 2:
                _draw(parameter, settings)
                drawn += 1
            elif "bias" in own and settings.zero_bias:
                parameter.zero_()
    return drawn


def _draw(weight: Tensor, settings: InitialisationSettings) -> None:
    """In place. He's formula is for ReLU, by the number of inputs."""
    match settings.method:
        case "xavier-uniform":
            nn.init.xavier_uniform_(weight, settings.gain)
        case "xavier-normal":
            nn.init.xavier_normal_(weight, settings.gain)
        case "he-uniform":
            nn.init.kaiming_uniform_(weight, nonlinearity="relu")
        case "he-normal":
            nn.init.kaiming_normal_(weight, nonlinearity="relu")
        case "orthogonal":
            nn.init.orthogonal_(weight, settings.gain)
        case "truncated-normal":
            width = settings.standard_deviation
            nn.init.trunc_normal_(weight, std=width, a=-2 * width, b=2 * width)


def _spared(model: nn.Module, exclusions: Iterable[str]) -> set[str]:
    """The parameters that weight decay leaves out."""
    kinds = set(exclusions)
    spared = set()
    for path, module in model.named_modules():
        for own, _ in module.named_parameters(recurse=False):
            name = f"{path}.{own}" if path else own
            is_kind = (
                ("norm" in kinds and isinstance(module, NORMS))
                or ("embedding" in kinds and isinstance(module, (nn.Embedding, nn.EmbeddingBag)))
                or ("bias" in kinds and "bias" in own)
            )
            if is_kind or matches(name, exclusions):
                spared.add(name)
    return spared


def _depths(model: nn.Module) -> dict[str, int]:
    """For each parameter, which layer it is of, counted as the model defines them: the head is the deepest."""
    layers: dict[str, int] = {}
    return {name: layers.setdefault(name.rpartition(".")[0], len(layers)) for name, _ in model.named_parameters()}


def _require(pattern: str, names: list[str]) -> None:
    if not any(matches(name, (pattern,)) for name in names):
        advice = f"The model has {', '.join(_shortened(names))}."
        raise PatternNotUsable(f"The pattern `{pattern}` takes nothing of the model.", advice=advice)


def _shortened(names: list[str]) -> Iterator[str]:
    yield from names[:12]
    if len(names) > 12:
        yield f"and {len(names) - 12} more"
