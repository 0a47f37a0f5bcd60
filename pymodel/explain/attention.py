"""Attention maps, seen where they are computed: a softmax whose result a matrix product then takes as its weights.

Below the functions that code may call, all ways to attend are the same few operations of ATen: `nn.MultiheadAttention`,
`scaled_dot_product_attention` (kept to its plain form here) and code that writes it out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils._python_dispatch import TorchDispatchMode

SOFTMAX = {"aten::_softmax", "aten::_safe_softmax", "aten::softmax.int"}
PRODUCTS = {"aten::bmm", "aten::mm", "aten::matmul", "aten::baddbmm"}
MOST = 64
"""Maps that are kept."""


@dataclass(frozen=True)
class AttentionMap:
    """(heads, queries, keys) of the first example, and the module in which it was computed."""

    path: str
    weights: Tensor


class AttentionMaps(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Notes each map while it is entered. `where` gives the module that runs."""

    def __init__(self, where: Callable[[], str]) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.maps: list[AttentionMap] = []
        self._where = where
        self._candidates: dict[int, tuple[str, Tensor]] = {}

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        name = func.name()
        if name in SOFTMAX and isinstance(result, Tensor) and result.dim() >= 3 and args[1] in (-1, result.dim() - 1):
            self._candidates[result.untyped_storage().data_ptr()] = (self._where(), result)
        elif name in PRODUCTS:
            for operand in args:
                if isinstance(operand, Tensor):
                    self._take(operand)
        return result

    def _take(self, operand: Tensor) -> None:
        found = self._candidates.pop(operand.untyped_storage().data_ptr(), None)
        if found is not None and len(self.maps) < MOST:
            path, weights = found
            first = weights[0] if weights.dim() > 3 else weights
            self.maps.append(AttentionMap(path, first.detach().float().reshape(-1, *weights.shape[-2:]).clone()))


@contextmanager
def plain_attention() -> Iterator[None]:
    """Attention in its written-out form, in which its weights exist."""
    fast = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(False)
    try:
        with sdpa_kernel(SDPBackend.MATH):
            yield
    finally:
        torch.backends.mha.set_fastpath_enabled(fast)
