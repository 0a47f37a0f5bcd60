"""Cuts weights away with torch.nn.utils.prune, and says what is left."""

from __future__ import annotations

from torch import nn
from torch.nn.utils import prune

from ..recipe import matches
from ..schema import PruningSettings
from .parameters import PatternNotUsable

PRUNED = (nn.Linear, nn.Conv1d, nn.Conv2d, nn.Conv3d, nn.ConvTranspose1d, nn.ConvTranspose2d, nn.ConvTranspose3d)


def prune_model(model: nn.Module, settings: PruningSettings) -> None:
    """Set the chosen share of weights to 0, for good.

    Raises:
        PatternNotUsable: no linear or convolutional layer is chosen.
    """
    chosen: list[tuple[nn.Module, str]] = [
        (module, "weight")
        for name, module in model.named_modules()
        if isinstance(module, PRUNED) and matches(name, settings.layers)
    ]
    if not chosen:
        advice = "Pruning takes linear and convolutional layers."
        raise PatternNotUsable(f"No layer fits {', '.join(settings.layers)}.", advice=advice)
    if settings.method == "channels":
        for module, name in chosen:
            prune.ln_structured(module, name, settings.amount, n=2, dim=0)  # type: ignore[no-untyped-call]
    else:
        method = prune.L1Unstructured if settings.method == "smallest" else prune.RandomUnstructured
        prune.global_unstructured(chosen, pruning_method=method, amount=settings.amount)
    for module, name in chosen:
        prune.remove(module, name)  # type: ignore[no-untyped-call]


def count_weights(model: nn.Module) -> tuple[int, int]:
    """All weights, and those that are not 0."""
    parameters = list(model.parameters())
    return sum(each.numel() for each in parameters), sum(int(each.count_nonzero()) for each in parameters)
