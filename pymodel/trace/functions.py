"""torch's own functions and where they live: known by identity, so that what user code puts in their place is not
taken for them."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from functools import cache
from types import BuiltinFunctionType, FunctionType, MethodDescriptorType, WrapperDescriptorType
from typing import Any

import torch
import torch.nn.functional

_KINDS = (BuiltinFunctionType, FunctionType, MethodDescriptorType, WrapperDescriptorType)


@cache
def own_functions() -> dict[Any, str]:
    """Each function that torch dispatches to function modes, with its place: `torch.nn.functional.relu`. Read once,
    before any user code has run."""
    return {function: place for place, function in _iterate() if isinstance(function, _KINDS)}


def own_function(place: str) -> Any:
    """The function at a place of `own_functions`, None where there is none."""
    return _by_place().get(place)


@cache
def _by_place() -> dict[str, Any]:
    return {place: function for function, place in own_functions().items()}


def _iterate() -> Iterator[tuple[str, Any]]:
    namespaces: tuple[tuple[str, Mapping[str, Any]], ...] = (
        *(("torch.Tensor", vars(cls)) for cls in torch.Tensor.__mro__[-2::-1]),
        ("torch._C._nn", vars(torch._C._nn)),
        ("torch._C._special", vars(sys.modules["torch._C._special"])),
        ("torch._C._linalg", vars(sys.modules["torch._C._linalg"])),
        ("torch._C._fft", vars(sys.modules["torch._C._fft"])),
        ("torch.functional", vars(torch.functional)),
        ("torch.nn.functional", vars(torch.nn.functional)),
        ("torch", vars(torch)),
    )
    for place, namespace in namespaces:
        for name, value in namespace.items():
            yield f"{place}.{name}", value
