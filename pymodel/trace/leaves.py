"""The tensors in nested arguments and results, in the order in which torch's pytree has them."""

from __future__ import annotations

from typing import Any

import torch
from torch.utils import _pytree as pytree

_EMPTY = frozenset((int, float, bool, str, type(None), torch.Size, torch.dtype, torch.device, slice))


def tensors_in(*values: Any) -> list[torch.Tensor]:
    """All tensors in tuples, lists, dictionaries and whatever else pytree opens."""
    found: list[torch.Tensor] = []
    for value in values:
        if isinstance(value, torch.Tensor):
            found.append(value)
        else:
            _collect(value, found)
    return found


def _collect(value: Any, found: list[torch.Tensor]) -> None:
    kind = type(value)
    if kind is tuple or kind is list or kind is dict:
        for item in value.values() if kind is dict else value:
            if isinstance(item, torch.Tensor):
                found.append(item)
            elif type(item) not in _EMPTY:
                _collect(item, found)
    elif kind not in _EMPTY:  # pytree's own walk costs ten times as much
        found += [leaf for leaf in pytree.tree_leaves(value) if isinstance(leaf, torch.Tensor)]
