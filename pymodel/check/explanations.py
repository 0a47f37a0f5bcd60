"""Failures in words: what met what, and what would fit."""

from __future__ import annotations

from collections.abc import Callable
from math import prod
from typing import Any

from ..schema import Dim, Dims
from ..trace.assemble import Failure
from .words import show

MIXED = "expected operands of the same dtype, but got: "


def describe_failure(failure: Failure) -> str:
    """One or two sentences for a person; torch's own first sentence where there is nothing better to say."""
    words = _EXPLANATIONS.get(failure.function)
    return (_mixed(failure) or (words(failure) if words else None)) or _in_general(failure)


def is_dtype_failure(failure: Failure) -> bool:
    """Whether the kind of number is what does not fit, not the shape."""
    message = failure.message
    return any(each in message for each in (MIXED, "dtype", "scalar type", "floating point", "does not match weight"))


def _in_general(failure: Failure) -> str:
    first_sentence = failure.message.strip().splitlines()[0] if failure.message.strip() else "it failed"
    shapes = " and ".join(show(dims) for dims in failure.operands[:3])
    where = f"{_of_module(failure)}`{failure.function}`"
    return f"{where} does not accept {shapes}: {first_sentence}" if shapes else f"{where}: {first_sentence}"


def _of_module(failure: Failure) -> str:
    return f"`{failure.module}` ({failure.module_text}): " if failure.module else ""


def _mixed(failure: Failure) -> str | None:
    """Operands of several dtypes where torch takes one."""
    _, mixed, dtypes = failure.message.partition(MIXED)
    if not mixed:
        return None
    given, wanted = dtypes.split(" != ")
    shape = f" {show(failure.operands[0])}" if failure.operands else ""
    if failure.module:
        return (
            f"`{failure.module}` ({failure.module_text}) works in {wanted}, its weight's dtype, but is given{shape} of "
            f"{given}: `.to({_torch_name(wanted)})` fits."
        )
    return (
        f"`{failure.function}` takes operands of one dtype, but is given{shape} of {given} and "
        f"{show(failure.operands[1]) if len(failure.operands) > 1 else 'another'} of {wanted}."
    )


def _torch_name(dtype: str) -> str:
    return f"torch.{dtype}"


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
        f"whose last dimension is {source[-1] if source else 'missing'}{_from(failure)}."
        f"{_flattened(source, weight[-1])}"
    )


def _from(failure: Failure) -> str:
    """` (from `pool`)`: what made the first operand."""
    maker = failure.made_by[0] if failure.made_by else ""
    return f" (from {maker})" if maker else ""


def _flattened(source: Dims, width: Dim) -> str:
    """What `flatten(1)` would do for a linear layer, where that is the point."""
    count = _count(source[1:])
    if len(source) < 3 or count is None:
        return ""
    return f" Each sample holds {'·'.join(map(str, source[1:]))} = {count:,} values: " + (
        "`flatten(1)` is missing." if count == width else f"after `flatten(1)` it would take {count:,}."
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
            f"which has {channels}{_from(failure)}.{_channels_last(source, weight[1])}"
        )
    return f"{name} ({failure.module_text}) cannot slide over {show(source)}: {failure.message.splitlines()[0]}"


def _channels_last(source: Dims, channels: Dim) -> str:
    if len(source) > 2 and source[-1] == channels and source[1] != channels:
        return " Its channels stand last: they must be the second dimension."
    return ""


def _batch_norm(failure: Failure) -> str | None:
    if len(failure.operands) < 2 or len(failure.operands[0]) < 2:
        return None
    source, mean = failure.operands[:2]
    name = f"`{failure.module}`" if failure.module else "this batch norm"
    if source[1] == mean[0]:
        return None
    return (
        f"{name} ({failure.module_text}) keeps statistics of {mean[0]} channels, but is given {show(source)}, "
        f"which has {source[1]}{_from(failure)}.{_channels_last(source, mean[0])}"
    )


def _layer_norm(failure: Failure) -> str | None:
    if len(failure.operands) < 2:
        return None
    source, weight = failure.operands[:2]
    name = f"`{failure.module}`" if failure.module else "this layer norm"
    return (
        f"{name} ({failure.module_text}) normalises over {show(weight)}, but is given {show(source)}, which ends in "
        f"{show(source[-len(weight) :])}{_from(failure)}.{_channels_first(source, weight)}"
    )


def _channels_first(source: Dims, weight: Dims) -> str:
    if len(weight) == 1 and len(source) > 2 and source[1] == weight[0]:
        return f" Its {weight[0]} channels stand second: they must stand last."
    return ""


def _recurrent(failure: Failure) -> str | None:
    if not failure.operands or "input.size(-1)" not in failure.message:
        return None
    return (
        f"`{failure.module}` ({failure.module_text}) takes features of the size it was set up with, but is given "
        f"{show(failure.operands[0])}, whose last dimension is {failure.operands[0][-1]}{_from(failure)}."
    )


def _matmul(failure: Failure) -> str | None:
    if len(failure.operands) < 2:
        return None
    left, right = failure.operands[:2]
    if len(left) and len(right) > 1 and left[-1] != right[-2]:
        return (
            f"cannot multiply {show(left)} by {show(right)}: the last dimension of the first ({left[-1]}) "
            f"must equal the second last of the other ({right[-2]}).{_transposed(left, right)}"
        )
    return f"cannot multiply {show(left)} by {show(right)}: their batch dimensions differ."


def _transposed(left: Dims, right: Dims) -> str:
    return " The second one transposed would fit." if left[-1] == right[-1] else ""


def _elementwise(failure: Failure) -> str | None:
    if len(failure.operands) < 2:
        return None
    left, right = failure.operands[:2]
    for n, (a, b) in enumerate(zip(reversed(left), reversed(right), strict=False), start=1):
        if a != b and 1 not in (a, b):
            return (
                f"cannot combine {show(left)}{_by(failure, 0)} with {show(right)}{_by(failure, 1)}: "
                f"dimension -{n} is {a} in one and {b} in the other."
            )
    return None


def _by(failure: Failure, operand: int) -> str:
    maker = failure.made_by[operand] if operand < len(failure.made_by) else ""
    return f" (from {maker})" if maker else ""


def _concatenate(failure: Failure) -> str | None:
    operands = failure.operands
    shapes = " and ".join(show(dims) for dims in operands[:4])
    if failure.function == "stack":
        return f"cannot stack {shapes}: all must be of one shape."
    along = failure.arguments[1] if len(failure.arguments) > 1 and isinstance(failure.arguments[1], int) else 0
    if len({len(dims) for dims in operands}) > 1:
        return f"cannot concatenate {shapes}: they have not the same number of dimensions."
    differ = [n for n, sizes in enumerate(zip(*operands, strict=True)) if len(set(sizes)) > 1 and n != along]
    where = f"dimension {differ[0]} differs" if differ else "another dimension differs"
    return f"cannot concatenate {shapes} along dimension {along}: {where}."


def _embedding(failure: Failure) -> str | None:
    source = show(failure.operands[0]) if failure.operands else "it"
    name = f"`{failure.module}` ({failure.module_text})" if failure.module else "an embedding"
    given = f"{source}{_from(failure)}"
    return f"{name} takes whole numbers (int64) as indices, but {given} is floating point: `.long()` fits."


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
    "batch_norm": _batch_norm,
    "layer_norm": _layer_norm,
    **dict.fromkeys(("LSTM", "GRU", "RNN"), _recurrent),
    "embedding": _embedding,
    **dict.fromkeys(("cross_entropy", "nll_loss"), _class_loss),
    **dict.fromkeys(("binary_cross_entropy", "binary_cross_entropy_with_logits"), _binary_loss),
    "backward": _backward,
}
