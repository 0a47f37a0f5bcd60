"""Kernels on meta for operators whose answer depends on values: they ask the run's assumptions (see `assume`).

Registered with torch's dispatcher, so that what reaches one of them inside another function (a slice by a tensor,
`torch.combinations`) is met as well. Outside a run they refuse as torch does. Operators whose own kernel on meta
refuses what the real ones take are here, too.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import torch
import torch._meta_registrations

from .assume import active_assumptions
from .assumed_numbers import plain

Tensor = torch.Tensor


def _indices(like: Tensor, *shape: int) -> Tensor:
    return like.new_empty(shape, dtype=torch.int64)


def _count_different(values: Tensor) -> int:
    return len(set(values.flatten().tolist()))


def _local_scalar_dense(tensor: Tensor) -> Any:
    return plain(active_assumptions().scalar(tensor))


def _nonzero(tensor: Tensor) -> Tensor:
    return _indices(tensor, active_assumptions().count_true(tensor), tensor.dim())


def _masked_select(tensor: Tensor, mask: Tensor) -> Tensor:
    return tensor.new_empty(active_assumptions().count_true(mask))


def _unique2(
    tensor: Tensor, sorted: bool = True, return_inverse: bool = False, return_counts: bool = False
) -> tuple[Tensor, Tensor, Tensor]:
    known = active_assumptions().known(tensor)
    count = active_assumptions().size(tensor.numel(), 1) if known is None else _count_different(known)
    inverse = tensor.shape if return_inverse else (0,)
    return tensor.new_empty(count), _indices(tensor, *inverse), _indices(tensor, count if return_counts else 0)


def _unique(tensor: Tensor, sorted: bool = True, return_inverse: bool = False) -> tuple[Tensor, Tensor]:
    return _unique2(tensor, sorted, return_inverse)[:2]


def _unique_consecutive(
    tensor: Tensor, return_inverse: bool = False, return_counts: bool = False, dim: int | None = None
) -> tuple[Tensor, Tensor, Tensor]:
    if dim is None:
        return _unique2(tensor, True, return_inverse, return_counts)
    return _unique_dim(tensor, dim, True, return_inverse, return_counts)


def _unique_dim(
    tensor: Tensor, dim: int, sorted: bool = True, return_inverse: bool = False, return_counts: bool = False
) -> tuple[Tensor, Tensor, Tensor]:
    count = active_assumptions().size(tensor.shape[dim], 1)
    shape = list(tensor.shape)
    shape[dim] = count
    inverse = tensor.shape[dim] if return_inverse else 0
    return tensor.new_empty(shape), _indices(tensor, inverse), _indices(tensor, count if return_counts else 0)


def _unique_dim_consecutive(
    tensor: Tensor, dim: int, return_inverse: bool = False, return_counts: bool = False
) -> tuple[Tensor, Tensor, Tensor]:
    return _unique_dim(tensor, dim, True, return_inverse, return_counts)


def _repeat_interleave(repeats: Tensor, *, output_size: int | None = None) -> Tensor:
    if output_size is None:
        known = active_assumptions().known(repeats)
        output_size = active_assumptions().size(1 << 30) if known is None else int(known.sum())
    return repeats.new_empty(output_size)


def _bincount(tensor: Tensor, weights: Tensor | None = None, minlength: int = 0) -> Tensor:
    # With a `minlength`, code means that there are so many bins.
    count = active_assumptions().size(minlength or 1 << 30, minlength or 1)
    dtype = torch.int64 if weights is None else torch.float64
    return tensor.new_empty(count, dtype=dtype)


def _equal(tensor: Tensor, other: Tensor) -> bool:
    return tuple(tensor.shape) == tuple(other.shape) and active_assumptions().choose()


def _grouped_mm(
    left: Tensor,
    right: Tensor,
    offs: Tensor | None = None,
    bias: Tensor | None = None,
    out_dtype: torch.dtype | None = None,
) -> Tensor:
    """A product for each group of rows. The kernel on meta wants bfloat16, which the one on the CPU does not."""
    if left.shape[-1] != right.shape[-2]:
        raise RuntimeError(f"contraction dimension of mat_a and mat_b must match: {left.shape} and {right.shape}")
    groups: tuple[int, ...] = ()
    if left.dim() == right.dim():
        groups = (left.shape[0],) if left.dim() == 3 else (0 if offs is None else offs.shape[0],)
    return left.new_empty((*groups, left.shape[-2], right.shape[-1]), dtype=out_dtype)


def _convolution(source: Tensor, weight: Tensor, *rest: Any) -> Tensor:
    """torch's kernel on meta, with the check that it lacks where a convolution is transposed (the fifth of `rest`)."""
    if rest[4] and source.shape[1] != weight.shape[0]:
        raise RuntimeError(
            f"Given transposed=1, weight of size {list(weight.shape)}, expected input{list(source.shape)} to have "
            f"{weight.shape[0]} channels, but got {source.shape[1]} channels instead"
        )
    found: Tensor = torch._meta_registrations.meta_conv(source, weight, *rest)
    return found


def _quantised(tensor: Tensor, *rest: Any, dtype: torch.dtype | None = None, **options: Any) -> Tensor:
    """torch's kernel on meta gives real numbers; the dtype is the last argument, or the last but one."""
    dtypes = [each for each in rest if isinstance(each, torch.dtype)]
    return tensor.new_empty(tensor.shape, dtype=dtype or dtypes[0])


def _dequantised(tensor: Tensor) -> Tensor:
    return tensor.new_empty(tensor.shape, dtype=torch.float32)


def _softmax(tensor: Tensor, dim: int, half_to_float: bool) -> Tensor:
    """torch's kernel on meta takes any `dim`, which the real ones do not."""
    _check_dim(tensor, dim)
    return tensor.new_empty(tensor.shape, dtype=torch.float32 if half_to_float else None)


def _sort(tensor: Tensor, dim: int = -1, descending: bool = False, *, stable: bool | None = None) -> Any:
    """torch's kernel on meta takes any `dim`, which the real ones do not."""
    _check_dim(tensor, dim)
    return torch.empty_like(tensor), torch.empty_like(tensor, dtype=torch.int64)


def _check_dim(tensor: Tensor, dim: int) -> None:
    rank = max(tensor.dim(), 1)
    if not -rank <= dim < rank:
        range_ = f"[{-rank}, {rank - 1}]"
        raise IndexError(f"Dimension out of range (expected to be in range of {range_}, but got {dim})")


class _Done:
    """What a collective that is not waited for at once gives, and what says that it is done."""

    def wait(self, timeout: Any = None) -> bool:
        return True

    def is_completed(self) -> bool:
        return True


def _together(*args: Any, async_op: bool = False, **kwargs: Any) -> _Done | None:
    return _Done() if async_op else None


def _geqrf(tensor: Tensor) -> tuple[Tensor, Tensor]:
    return torch.empty_like(tensor), tensor.new_empty((*tensor.shape[:-2], min(tensor.shape[-2:])))


def _ctc_loss(
    log_probs: Tensor, targets: Tensor, input_lengths: Tensor, target_lengths: Tensor, *rest: Any
) -> tuple[Tensor, Tensor]:
    """The loss of each sequence, and what its backward pass needs."""
    steps, batch = log_probs.shape[:2]
    longest = targets.shape[-1]
    return log_probs.new_empty(batch), log_probs.new_empty((batch, steps, 2 * longest + 1))


_KERNELS: dict[str, Callable[..., Any]] = {
    "_local_scalar_dense": _local_scalar_dense,
    "nonzero": _nonzero,
    "masked_select": _masked_select,
    "_unique": _unique,
    "_unique2": _unique2,
    "unique_consecutive": _unique_consecutive,
    "unique_dim": _unique_dim,
    "unique_dim_consecutive": _unique_dim_consecutive,
    "repeat_interleave.Tensor": _repeat_interleave,
    "bincount": _bincount,
    "equal": _equal,
    "_grouped_mm": _grouped_mm,
    "convolution": _convolution,
    "quantize_per_tensor": _quantised,
    "quantize_per_tensor.tensor_qparams": _quantised,
    "quantize_per_tensor_dynamic": _quantised,
    "quantize_per_channel": _quantised,
    "_softmax": _softmax,
    "sort": _sort,
    "sort.stable": _sort,
    "geqrf": _geqrf,
    "_ctc_loss.Tensor": _ctc_loss,
}
COLLECTIVES = ("all_reduce", "all_gather", "all_gather_into_tensor", "reduce_scatter_tensor", "broadcast")
"""What processes do together: there is one alone here, which has it all already."""
STAND_INS: dict[str, Callable[..., Any]] = {"dequantize": _dequantised, **dict.fromkeys(COLLECTIVES, _together)}
"""Kernels, by the name of their function in Python, that the dispatcher takes none of."""


def _register() -> torch.library.Library:
    library = torch.library.Library("aten", "IMPL")  # type: ignore[no-untyped-call]
    overriding = "allow_override" in inspect.signature(library.impl).parameters
    for name, kernel in _KERNELS.items():
        library.impl(name, kernel, "Meta", **({"allow_override": True} if overriding else {}))  # type: ignore[no-untyped-call]
    return library


def _sparse_mm(left: Tensor, right: Tensor) -> Tensor:
    """A sparse matrix times a dense one is dense. torch has no kernel for it on meta."""
    if left.dim() != 2 or right.dim() != 2 or left.shape[1] != right.shape[0]:
        raise RuntimeError(f"mat1 and mat2 shapes cannot be multiplied ({_by(left)} and {_by(right)})")
    return torch.empty((left.shape[0], right.shape[1]), dtype=left.dtype, device="meta")


def _sparse_addmm(added: Tensor, left: Tensor, right: Tensor, *, beta: Any = 1, alpha: Any = 1) -> Tensor:
    return _sparse_mm(left, right)


def _by(tensor: Tensor) -> str:
    return "x".join(map(str, tensor.shape))


def _register_sparse() -> torch.library.Library:
    library = torch.library.Library("aten", "IMPL")  # type: ignore[no-untyped-call]
    library.impl("mm", _sparse_mm, "SparseMeta")  # type: ignore[no-untyped-call]
    library.impl("addmm", _sparse_addmm, "SparseMeta")  # type: ignore[no-untyped-call]
    return library


LIBRARIES = (_register(), _register_sparse())
"""Kept for as long as the process: the kernels go with it."""
