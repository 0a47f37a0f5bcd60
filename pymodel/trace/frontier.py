"""Beyond the first fault: what a failing operation should have given, so that the run can go on.

Where an operand does not fit, torch is asked again with one that does: the weight of a layer, or what stands first,
tells which. The author's own words (the sizes of a `view`, the parts of a `split`) are taken as they stand.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

from .reshaping import FORMS

Args = tuple[Any, ...]
Kwargs = dict[str, Any]
Repair = Callable[[Args, Kwargs], tuple[Args, Kwargs] | None]
"""The same call with operands that fit; None where there is no telling."""


def expected_output(function: Any, name: str, args: Args, kwargs: Kwargs) -> Any:
    """What the author plainly meant a failing call to give, on meta; None where there is no telling."""
    for repair in (*_REPAIRS.get(name, ()), _common_dtype, _dims_within):
        try:
            repaired = repair(args, kwargs)
            if repaired is not None:
                return function(*repaired[0], **repaired[1])
        except (RuntimeError, ValueError, IndexError, TypeError, AttributeError, KeyError, NotImplementedError):
            continue  # that was not it
    form = FORMS.get(name)
    tensors = [arg for arg in args if isinstance(arg, torch.Tensor)]
    if form is None or not tensors:
        return None
    try:
        shapes = form(args, kwargs)
    except (ValueError, IndexError, TypeError, AttributeError):
        return None
    if shapes is None:
        return None
    made = [torch.empty(shape, dtype=tensors[0].dtype, device="meta") for shape in shapes]
    return made[0] if name not in ("split", "split_with_sizes") else tuple(made)


def repair_module(module: torch.nn.Module, args: Args) -> Args | torch.Tensor | None:
    """Arguments of the sizes that a module's configuration names, or what it gives where that needs none."""
    if not args or not isinstance(args[0], torch.Tensor):
        return None
    source = args[0]
    if isinstance(module, torch.nn.modules.batchnorm._NormBase):  # it refuses another rank, and changes no shape
        return _like(source, tuple(source.shape))
    if not isinstance(module, _CONFIGURED):
        return None
    width = next((getattr(module, name) for name in ("input_size", "embed_dim") if hasattr(module, name)), None)
    if width is None or source.dim() < 2:
        return None
    fitted = [
        _like(each, (*each.shape[:-1], width)) if isinstance(each, torch.Tensor) and each.dim() >= 2 else each
        for each in args
    ]
    if isinstance(module, torch.nn.RNNBase | torch.nn.RNNCellBase):
        return (fitted[0],)  # a state of another size is left to begin at zero
    return tuple(fitted)


_CONFIGURED = (torch.nn.RNNBase, torch.nn.RNNCellBase, torch.nn.MultiheadAttention)


def _like(tensor: torch.Tensor, shape: tuple[int, ...], dtype: torch.dtype | None = None) -> torch.Tensor:
    with torch._C.DisableTorchFunction():  # it is no operation of the model's
        return torch.empty(shape, dtype=dtype or tensor.dtype, device="meta", requires_grad=False)


def _replaced(args: Args, position: int, value: Any) -> Args:
    return (*args[:position], value, *args[position + 1 :])


def _linear(args: Args, kwargs: Kwargs) -> tuple[Args, Kwargs] | None:
    weight = args[1] if len(args) > 1 else kwargs["weight"]
    return _replaced(args, 0, _like(args[0], (*args[0].shape[:-1], weight.shape[1]), weight.dtype)), kwargs


def _convolution(rank: int, transposed: bool) -> Repair:
    def repair(args: Args, kwargs: Kwargs) -> tuple[Args, Kwargs] | None:
        source, weight = args[0], args[1]
        groups = args[6] if len(args) > 6 and not transposed else kwargs.get("groups", 1)
        channels = weight.shape[0] if transposed else weight.shape[1] * groups
        sizes = source.shape[2:] if source.dim() == rank + 2 else source.shape[-rank:]
        if len(sizes) != rank:
            return None
        kernel = weight.shape[2:]
        # Where the kernel finds no room, it is given just enough.
        for spatial in (tuple(sizes), tuple(max(size, 2 * k) for size, k in zip(sizes, kernel, strict=True))):
            fitted = _like(source, (source.shape[0], channels, *spatial), weight.dtype)
            try:
                name = f"conv_transpose{rank}d" if transposed else f"conv{rank}d"
                getattr(torch.nn.functional, name)(fitted, *args[1:], **kwargs)
            except RuntimeError:
                continue
            return _replaced(args, 0, fitted), kwargs
        return None

    return repair


def _product(args: Args, kwargs: Kwargs) -> tuple[Args, Kwargs] | None:
    """The left operand's rows by the right one's columns; where the batches differ, the left one's. A right one that
    fits transposed was meant so."""
    left, right = args[0], args[1]
    if right.dim() < 2 or left.dim() < 1:
        return None
    if left.dim() > 1 and right.shape[-1] == left.shape[-1] and right.shape[:-2] == left.shape[:-2]:
        return _replaced(
            args, 1, _like(right, (*right.shape[:-2], right.shape[-1], right.shape[-2]), left.dtype)
        ), kwargs
    inner = left.shape[-1]
    batch = right.shape[:-2]
    try:
        torch.broadcast_shapes(left.shape[:-2], batch)  # type: ignore[no-untyped-call]
    except RuntimeError:
        batch = left.shape[:-2]
    return _replaced(args, 1, _like(right, (*batch, inner, right.shape[-1]), left.dtype)), kwargs


def _added_product(args: Args, kwargs: Kwargs) -> tuple[Args, Kwargs] | None:
    fitted = _product(args[1:], {})
    assert fitted is not None
    left, right = fitted[0][:2]
    return (_like(args[0], (*left.shape[:-1], right.shape[-1])), left, right, *args[3:]), kwargs


def _einsum(args: Args, kwargs: Kwargs) -> tuple[Args, Kwargs] | None:
    """Each subscript has the size that it has first."""
    operands = args[1] if isinstance(args[1], (tuple, list)) else args[1:]
    terms = args[0].replace(" ", "").partition("->")[0].split(",")
    sizes: dict[str, int] = {}
    for term, operand in zip(terms, operands, strict=True):
        for name, size in zip(term, operand.shape, strict=False):
            sizes.setdefault(name, size)
    fitted = [_like(each, tuple(sizes.get(n, 1) for n in term)) for term, each in zip(terms, operands, strict=True)]
    return (args[0], *fitted), kwargs


def _joined(args: Args, kwargs: Kwargs) -> tuple[Args, Kwargs] | None:
    """Along the only dimension in which they differ; else all as the first, but where they are joined."""
    tensors = args[0]
    first = tensors[0]
    dim = int(args[1] if len(args) > 1 else kwargs.get("dim") or kwargs.get("axis") or 0)
    if dim == 0 and all(tensor.dim() == first.dim() for tensor in tensors):
        differing = [
            n for n, sizes in enumerate(zip(*(each.shape for each in tensors), strict=True)) if len(set(sizes)) > 1
        ]
        if len(differing) == 1:  # samples are joined by mistake: the only one in which they differ was meant
            return (tensors, differing[0]), {}
    fitted = [first]
    for tensor in tensors[1:]:
        shape = list(first.shape)
        if tensor.dim() == first.dim():
            shape[dim] = tensor.shape[dim]
        fitted.append(_like(tensor, tuple(shape)))
    return _replaced(args, 0, fitted), kwargs


def _stacked(args: Args, kwargs: Kwargs) -> tuple[Args, Kwargs] | None:
    return _replaced(args, 0, [args[0][0]] * len(args[0])), kwargs


def _whole_numbers(args: Args, kwargs: Kwargs) -> tuple[Args, Kwargs] | None:
    """Indices as int64, and as they stand otherwise."""

    def whole(value: Any, weight: bool) -> Any:
        if isinstance(value, torch.Tensor) and not weight and value.is_floating_point():
            return _like(value, tuple(value.shape), torch.int64)
        return value

    name_of_weights = {"weight", "input"}
    fitted = tuple(whole(each, isinstance(each, torch.nn.Parameter)) for each in args)
    return fitted, {key: whole(value, key in name_of_weights) for key, value in kwargs.items()}


def _attention(args: Args, kwargs: Kwargs) -> tuple[Args, Kwargs] | None:
    query, key, value = args[:3]
    fitted_key = _like(key, (*query.shape[:-2], key.shape[-2], query.shape[-1]), query.dtype)
    fitted_value = _like(value, (*query.shape[:-2], key.shape[-2], value.shape[-1]), query.dtype)
    return (query, fitted_key, fitted_value), {}


def _index(args: Args, kwargs: Kwargs) -> tuple[Args, Kwargs] | None:
    """Indices out of range as the first; those of dimensions that are not there left out."""
    source, index = args[0], args[1]
    wanted = list(index) if isinstance(index, tuple) else [index]
    fitted: list[Any] = []
    dim = 0
    for each in wanted:
        if each is None or each is Ellipsis:
            fitted.append(each)
            continue
        if dim >= source.dim():
            continue
        fitted.append(0 if isinstance(each, int) and not isinstance(each, bool) else each)
        dim += 1
    return (source, tuple(fitted)), kwargs


def _common_dtype(args: Args, kwargs: Kwargs) -> tuple[Args, Kwargs] | None:
    """All floating tensors of the type of the last, which is a layer's weight where there is one."""
    floating = [each for each in args if isinstance(each, torch.Tensor) and each.is_floating_point()]
    if len({each.dtype for each in floating}) < 2:
        return None
    dtype = floating[1].dtype
    return tuple(_like(a, tuple(a.shape), dtype) if any(a is f for f in floating) else a for a in args), kwargs


def _dims_within(args: Args, kwargs: Kwargs) -> tuple[Args, Kwargs] | None:
    """A dimension that is not there as the last one."""
    if not args or not isinstance(args[0], torch.Tensor):
        return None
    rank = args[0].dim()

    def within(value: Any) -> Any:
        outside = isinstance(value, int) and not isinstance(value, bool) and not -rank <= value < rank
        return -1 if outside else value

    if "dim" in kwargs:
        return args, {**kwargs, "dim": within(kwargs["dim"])}
    return (args[0], *map(within, args[1:])), kwargs


_REPAIRS: dict[str, tuple[Repair, ...]] = {
    "linear": (_linear,),
    **{f"conv{rank}d": (_convolution(rank, False),) for rank in (1, 2, 3)},
    **{f"conv_transpose{rank}d": (_convolution(rank, True),) for rank in (1, 2, 3)},
    **dict.fromkeys(("matmul", "__matmul__", "mm", "bmm"), (_product,)),
    **dict.fromkeys(("addmm", "baddbmm"), (_added_product,)),
    "einsum": (_einsum,),
    **dict.fromkeys(("cat", "concat", "concatenate"), (_joined,)),
    "stack": (_stacked,),
    **dict.fromkeys(
        ("embedding", "embedding_bag", "one_hot", "gather", "index_select", "take_along_dim"), (_whole_numbers,)
    ),
    "scaled_dot_product_attention": (_attention,),
    "__getitem__": (_whole_numbers, _index),
}
