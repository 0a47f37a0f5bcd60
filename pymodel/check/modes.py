"""Whether it matters to a model if it trains or evaluates."""

from __future__ import annotations

import inspect

from torch import nn
from torch.nn.modules.batchnorm import _NormBase
from torch.nn.modules.dropout import _DropoutNd

ASKING = frozenset(("training", "dropout", "dropout1d", "dropout2d", "dropout3d", "alpha_dropout", "rrelu"))
"""Names in code that does one thing in training and another one otherwise."""


def depends_on_mode(model: nn.Module) -> bool:
    """Whether a module of a model drops values, keeps statistics, or asks which it is."""
    return any(map(_depends, model.modules()))


def _depends(module: nn.Module) -> bool:
    if isinstance(module, (_DropoutNd, nn.RReLU)):
        return True
    if isinstance(module, _NormBase):
        return module.track_running_stats
    if isinstance(module, (nn.RNNBase, nn.MultiheadAttention)):
        return bool(module.dropout)
    if type(module).__module__.startswith("torch."):
        return False
    methods = (each for each in vars(type(module)).values() if inspect.isfunction(each))
    return any(not ASKING.isdisjoint(method.__code__.co_names) for method in methods)
