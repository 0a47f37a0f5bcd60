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
_COMPOSITES = ("torch._refs", "torch._decomp.decompositions", "torch._meta_registrations", "torch._prims_common")
"""Where torch's Python code answers for meta tensors."""


@cache
def own_functions() -> dict[Any, str]:
    """Each function that torch dispatches to function modes, with its place: `torch.nn.functional.relu`. Read once,
    before any user code has run."""
    return {function: place for place, function in _iterate() if isinstance(function, _KINDS)}


def own_function(place: str) -> Any:
    """The function at a place of `own_functions`, None where there is none."""
    return _by_place().get(place)


class TorchSnapshot:
    """torch as it is now, to tell later whether user code has put something of its own in its place."""

    def __init__(self) -> None:
        self._tables = [(table, dict(table)) for table in _tables()]
        self._kernels = len(torch.library._impls)

    def holds(self) -> bool:
        """Whether nothing that answers for meta tensors was replaced, and no kernel was registered, since."""
        return len(torch.library._impls) == self._kernels and all(
            table.get(name) is value for table, before in self._tables for name, value in before.items()
        )


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


def _tables() -> list[Mapping[str, Any]]:
    modules = (
        *("torch", "torch._VF", "torch.functional", "torch._tensor", "torch.nn.functional", "torch.overrides"),
        *("torch._C._nn", "torch._C._special", "torch._C._linalg", "torch._C._fft", *_COMPOSITES),
    )
    return [
        *(vars(sys.modules[name]) for name in modules if name in sys.modules),
        *(vars(cls) for cls in torch.Tensor.__mro__[:-1]),
    ]
