"""Parameters of a model and of each of its modules; shared ones count once."""

from __future__ import annotations

from dataclasses import dataclass

from torch import nn


@dataclass(frozen=True)
class ParameterCount:
    total: int
    trainable: int


def count_parameters(module: nn.Module) -> ParameterCount:
    """Elements of all distinct parameters of a module and its children. Uninitialised lazy ones count 0."""
    distinct = {id(parameter): parameter for parameter in module.parameters()}
    sizes = [
        (0 if isinstance(parameter, nn.UninitializedParameter) else parameter.numel(), parameter.requires_grad)
        for parameter in distinct.values()
    ]
    return ParameterCount(sum(size for size, _ in sizes), sum(size for size, trains in sizes if trains))
