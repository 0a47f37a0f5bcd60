"""Floating-point operations of one call of a torch function, from the shapes it met. A multiply-add counts 2.

Formulas are those of `torch.utils.flop_counter`, at the level of the functions that users call, so that attention is
counted on every device. Element-wise work is left out, as it is there.
"""

from __future__ import annotations

from collections.abc import Callable
from math import prod
from typing import Any

import torch

Shape = tuple[int, ...]


def count_flops(name: str, args: tuple[Any, ...], kwargs: dict[str, Any], output: Any) -> int:
    """FLOPs of calling the torch function `name`; 0 where it does no matrix or convolution work."""
    formula = _FORMULAS.get(name)
    if formula is None:
        return 0
    shapes = [tuple(arg.shape) for arg in (*args, *kwargs.values()) if isinstance(arg, torch.Tensor)]
    result = output[0] if isinstance(output, tuple) else output
    if not shapes or not isinstance(result, torch.Tensor):
        return 0
    return formula(shapes, tuple(result.shape), args)


def _linear(shapes: list[Shape], output: Shape, args: tuple[Any, ...]) -> int:
    return 2 * prod(output) * shapes[0][-1]


def _matmul(shapes: list[Shape], output: Shape, args: tuple[Any, ...]) -> int:
    return 2 * prod(output) * shapes[0][-1] if shapes[0] else 0


def _addmm(shapes: list[Shape], output: Shape, args: tuple[Any, ...]) -> int:
    return 2 * prod(output) * shapes[1][-1] if len(shapes) > 1 else 0


def _convolution(shapes: list[Shape], output: Shape, args: tuple[Any, ...]) -> int:
    return 2 * prod(output) * prod(shapes[1][1:])


def _transposed_convolution(shapes: list[Shape], output: Shape, args: tuple[Any, ...]) -> int:
    return 2 * prod(shapes[0]) * prod(shapes[1][1:])


def _attention(shapes: list[Shape], output: Shape, args: tuple[Any, ...]) -> int:
    query, key, value = shapes[:3]
    scores = prod(query[:-1]) * key[-2]
    return 2 * scores * query[-1] + 2 * scores * value[-1]


def _recurrent(gates: int) -> Callable[[list[Shape], Shape, tuple[Any, ...]], int]:
    def formula(shapes: list[Shape], output: Shape, args: tuple[Any, ...]) -> int:
        steps = prod(shapes[0][:-1])
        weights = [weight for arg in args if isinstance(arg, (list, tuple)) for weight in arg]
        matrices = [tuple(weight.shape) for weight in weights if isinstance(weight, torch.Tensor) and weight.dim() == 2]
        return sum(2 * steps * prod(matrix) for matrix in matrices if matrix[0] % gates == 0)

    return formula


def _einsum(shapes: list[Shape], output: Shape, args: tuple[Any, ...]) -> int:
    equation = args[0] if args and isinstance(args[0], str) else None
    operands = [arg for arg in args[1:] if isinstance(arg, torch.Tensor)]
    if len(args) == 2 and isinstance(args[1], (list, tuple)):
        operands = list(args[1])
    if equation is None or "..." in equation or len(operands) != 2:
        return 0
    terms = equation.replace(" ", "").split("->")[0].split(",")
    sizes = {
        letter: size
        for term, operand in zip(terms, operands, strict=False)
        for letter, size in zip(term, operand.shape, strict=False)
    }
    return 2 * prod(sizes.values())


_FORMULAS: dict[str, Callable[[list[Shape], Shape, tuple[Any, ...]], int]] = {
    "linear": _linear,
    "bilinear": _linear,
    **dict.fromkeys(("matmul", "__matmul__", "__rmatmul__", "mm", "bmm", "mv", "dot"), _matmul),
    **dict.fromkeys(("addmm", "baddbmm"), _addmm),
    **dict.fromkeys(("conv1d", "conv2d", "conv3d"), _convolution),
    **dict.fromkeys(("conv_transpose1d", "conv_transpose2d", "conv_transpose3d"), _transposed_convolution),
    "scaled_dot_product_attention": _attention,
    "lstm": _recurrent(4),
    "gru": _recurrent(3),
    "rnn_tanh": _recurrent(1),
    "rnn_relu": _recurrent(1),
    "einsum": _einsum,
}
