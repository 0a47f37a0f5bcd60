"""Dtypes that `tensor.type(…)` names, and mixed ones that torch refuses in its kernels, which do not run on meta.

The rules are those of torch's CPU kernels, version 2.13.
"""

from __future__ import annotations

from typing import Any

import torch

WEIGHTED = frozenset(
    (
        *("linear", "bilinear", "matmul", "__matmul__", "__rmatmul__", "mm", "bmm", "addmm", "baddbmm", "mv"),
        *(f"conv{rank}d" for rank in (1, 2, 3)),
        *(f"conv_transpose{rank}d" for rank in (1, 2, 3)),
    )
)
"""Functions whose tensors must all be of one dtype."""


def dtype_of_type(kind: Any = None, dtype: Any = None, **rest: Any) -> torch.dtype | None:
    """The dtype of `tensor.type(torch.LongTensor)` or `.type("torch.cuda.FloatTensor")`: on meta such a tensor cannot
    be sent to the type's own device, which most code chooses by what the machine has. None for any other argument."""
    kind = dtype if kind is None else kind
    if isinstance(kind, str):
        kind = getattr(torch, kind.rpartition(".")[2], None)
    found = getattr(kind, "dtype", None) if isinstance(kind, type(torch.FloatTensor)) else None
    return found if isinstance(found, torch.dtype) else None


def refuse_mixed(name: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
    """Refuse operands of several dtypes to one of the functions that take one, as torch would.

    Raises:
        RuntimeError: they differ; the message names the dtypes of the first and of the one that differs.
    """
    if name not in WEIGHTED:
        return
    dtypes = [each.dtype for each in (*args, *kwargs.values()) if isinstance(each, torch.Tensor)]
    for dtype in dtypes[1:]:
        if dtype is not dtypes[0]:
            given, wanted = (str(each).removeprefix("torch.") for each in (dtypes[0], dtype))
            raise RuntimeError(f"expected operands of the same dtype, but got: {given} != {wanted}")
