"""Failures in words: what met what, and what would fit."""

from __future__ import annotations

from collections.abc import Callable
from math import prod
from typing import Any

from ..schema import Diagnostic, Dim, Position, Related, Trace
from ..trace.assemble import Failure
from .refusals import REFUSALS, explain_refusal
from .words import show


def explain(failure: Failure, fallback: tuple[str, Position, Position], trace: Trace | None = None) -> Diagnostic:
    """A diagnostic for a failed operation. `fallback` is a place (the class, say) for one without a user's line;
    `trace` knows what stood in an assertion."""
    if failure.function in REFUSALS:
        return explain_refusal(failure, fallback, trace)
    words = _EXPLANATIONS.get(failure.function)
    message = words(failure) if words else None
    place = failure.location
    path, start, end = (place.path, place.start, place.end) if place else fallback
    related = tuple(
        Related(made.path, made.start, made.end, f"{show(dims)} is made here")
        for made, dims in zip(failure.made_at, failure.operands, strict=False)
        if made is not None
    )
    return Diagnostic("shape-mismatch", "error", message or _in_general(failure), path, start, end, related[:3])


def _in_general(failure: Failure) -> str:
    first_sentence = failure.message.strip().splitlines()[0] if failure.message.strip() else "it failed"
    shapes = " and ".join(show(dims) for dims in failure.operands[:3])
    where = f"{_of_module(failure)}`{failure.function}`"
    return f"{where} does not accept {shapes}: {first_sentence}" if shapes else f"{where}: {first_sentence}"


def _of_module(failure: Failure) -> str:
    return f"`{failure.module}` ({failure.module_text}): " if failure.module else ""


def _view(failure: Failure) -> str | None:
    source = failure.operands[0]
    wanted = _sizes(failure.arguments[1:])
    if wanted is None or "not compatible with input tensor's size and stride" in failure.message:
        return None
    call = f"`{failure.function}({', '.join(map(str, wanted))})`"
    per_sample, row = _count(source[1:]), _count(tuple(size for size in wanted if size != -1))
    if -1 in wanted and wanted[0] == -1 and isinstance(per_sample, int) and isinstance(row, int):
        sizes = "·".join(str(dim) for dim in source[1:])
        return (
            f"{call} does not fit {show(source)}: each of the {source[0]} samples holds {sizes} = {per_sample:,} "
            f"values, but a row of {row:,} is asked for. {per_sample:,} would fit here."
        )
    return f"{call} does not fit {show(source)}: the number of values differs."


def _linear(failure: Failure) -> str | None:
    if len(failure.operands) < 2:
        return None
    source, weight = failure.operands[:2]
    name = f"`{failure.module}`" if failure.module else "this linear layer"
    return (
        f"{name} takes {weight[-1]} features (Linear({weight[-1]} → {weight[0]})), but is given {show(source)}, "
        f"whose last dimension is {source[-1]}."
    )


def _convolution(failure: Failure) -> str | None:
    if len(failure.operands) < 2:
        return None
    source, weight = failure.operands[:2]
    rank = len(weight) - 2
    name = f"`{failure.module}`" if failure.module else "this convolution"
    if len(source) not in (rank + 1, rank + 2):
        return f"{name} ({failure.module_text}) takes (batch, channels{', size' * rank}), but is given {show(source)}."
    channels = source[1] if len(source) == rank + 2 else source[0]
    if channels != weight[1]:
        return (
            f"{name} ({failure.module_text}) takes {weight[1]} channels, but is given {show(source)}, "
            f"which has {channels}."
        )
    return f"{name} ({failure.module_text}) cannot slide over {show(source)}: {failure.message.splitlines()[0]}"


def _matmul(failure: Failure) -> str | None:
    if len(failure.operands) < 2:
        return None
    left, right = failure.operands[:2]
    if len(left) and len(right) > 1 and left[-1] != right[-2]:
        return (
            f"cannot multiply {show(left)} by {show(right)}: the last dimension of the first ({left[-1]}) "
            f"must equal the second last of the other ({right[-2]})."
        )
    return f"cannot multiply {show(left)} by {show(right)}: their batch dimensions differ."


def _elementwise(failure: Failure) -> str | None:
    if len(failure.operands) < 2:
        return None
    left, right = failure.operands[:2]
    for n, (a, b) in enumerate(zip(reversed(left), reversed(right), strict=False), start=1):
        if a != b and 1 not in (a, b):
            return f"cannot combine {show(left)} with {show(right)}: dimension -{n} is {a} in one and {b} in the other."
    return None


def _concatenate(failure: Failure) -> str | None:
    shapes = " and ".join(show(dims) for dims in failure.operands[:4])
    return f"cannot concatenate {shapes}: all dimensions but the one they are joined along must be equal."


def _embedding(failure: Failure) -> str | None:
    return f"an embedding takes whole numbers (int64): {failure.message.splitlines()[0]}"


def _class_loss(failure: Failure) -> str | None:
    if len(failure.operands) < 2:
        return None
    output, target = failure.operands[:2]
    if "target dtype" in failure.message:
        given = failure.message.rpartition(" ")[2]
        return f"`{failure.function}` takes class numbers of int64 as its target, but is given {given}: `.long()` fits."
    if "class probabilities" in failure.message:
        return (
            f"`{failure.function}` takes a target of the output's shape {show(output)} for probabilities: they must be "
            f"floating point. Class numbers have the shape {show(output[:1] + output[2:])}."
        )
    return (
        f"`{failure.function}` compares an output of {show(output)} with class numbers of "
        f"{show(output[:1] + output[2:])}: the second dimension holds the classes. Its target is {show(target)}."
    )


def _binary_loss(failure: Failure) -> str | None:
    if len(failure.operands) < 2:
        return None
    output, target = failure.operands[:2]
    if "floating point" in failure.message:
        return f"`{failure.function}` takes a floating point target: `.float()` fits."
    return f"`{failure.function}` takes a target of the output's shape {show(output)}, but is given {show(target)}."


def _backward(failure: Failure) -> str | None:
    return (
        f"`backward` starts from a single number, but the loss is {show(failure.operands[0])}: "
        "take its mean or sum first."
    )


def _sizes(arguments: tuple[Any, ...]) -> tuple[int, ...] | None:
    flat = arguments[0] if len(arguments) == 1 and isinstance(arguments[0], tuple) else arguments
    return tuple(flat) if flat and all(isinstance(size, int) for size in flat) else None


def _count(dims: tuple[Dim, ...]) -> int | None:
    numbers = [dim for dim in dims if isinstance(dim, int)]
    return prod(numbers) if len(numbers) == len(dims) else None


_EXPLANATIONS: dict[str, Callable[[Failure], str | None]] = {
    **dict.fromkeys(("view", "reshape"), _view),
    "linear": _linear,
    **dict.fromkeys(("conv1d", "conv2d", "conv3d"), _convolution),
    **dict.fromkeys(("matmul", "__matmul__", "mm", "bmm"), _matmul),
    **dict.fromkeys(
        ("add", "__add__", "__radd__", "sub", "__sub__", "mul", "__mul__", "div", "__truediv__", "__iadd__"),
        _elementwise,
    ),
    **dict.fromkeys(("cat", "concat", "stack"), _concatenate),
    "embedding": _embedding,
    **dict.fromkeys(("cross_entropy", "nll_loss"), _class_loss),
    **dict.fromkeys(("binary_cross_entropy", "binary_cross_entropy_with_logits"), _binary_loss),
    "backward": _backward,
}
