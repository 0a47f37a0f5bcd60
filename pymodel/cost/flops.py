"""Floating-point operations of one call of a torch function, from the shapes it met. A multiply-add counts 2.

The counts are those of `torch.utils.flop_counter` where it has one, taken at the level of the functions that users
call: attention, recurrent layers and products of vectors are counted on every device, whatever kernel would run them.
Element-wise work is left out, as it is there; so are FFTs, whose work is no polynomial in the sizes.
"""

from __future__ import annotations

from collections.abc import Callable
from math import prod
from typing import Any

import torch

from .einsum import count_einsum

Shape = tuple[int, ...]
Formula = Callable[["Call"], int]


class Call:
    """What a formula asks of a call: the shapes of its tensors in order, its output's, and arguments by name."""

    def __init__(self, args: tuple[Any, ...], kwargs: dict[str, Any], output: Any) -> None:
        self.args = args
        self.kwargs = kwargs
        self.shapes = [tuple(arg.shape) for arg in (*args, *kwargs.values()) if isinstance(arg, torch.Tensor)]
        first = output[0] if isinstance(output, (tuple, list)) else output
        self.output: Shape = tuple(first.shape)

    def argument(self, position: int, name: str, default: Any = None) -> Any:
        return self.args[position] if position < len(self.args) else self.kwargs.get(name, default)

    def shape(self, position: int, name: str) -> Shape:
        return tuple(self.argument(position, name).shape)


def count_flops(name: str, args: tuple[Any, ...], kwargs: dict[str, Any], output: Any) -> int:
    """FLOPs of calling the torch function `name`; 0 where it does no matrix or convolution work."""
    formula = _FORMULAS.get(name)
    if formula is None:
        return 0
    first = output[0] if isinstance(output, (tuple, list)) and output else output
    return formula(Call(args, kwargs, output)) if isinstance(first, torch.Tensor) else 0


# Products of matrices. Each element of the result takes as many multiply-adds as the contracted dimension is long.


def _linear(call: Call) -> int:
    return 2 * prod(call.output) * call.shapes[0][-1]


def _matmul(call: Call) -> int:
    return 2 * prod(call.output) * call.shapes[0][-1]


def _reversed_matmul(call: Call) -> int:
    return 2 * prod(call.output) * call.shapes[1][-1]


def _add_product(call: Call) -> int:
    """`addmm(bias, a, b)`: the product is of the second and third tensor."""
    return 2 * prod(call.output) * call.shapes[1][-1]


def _add_summed_products(call: Call) -> int:
    batch, _, inner = call.shapes[1]
    return 2 * prod(call.output) * batch * inner


def _bilinear(call: Call) -> int:
    return 2 * prod(call.output) * call.shapes[0][-1] * call.shapes[1][-1]


def _tensordot(call: Call) -> int:
    dims = call.argument(2, "dims", 2)
    source = call.shapes[0]
    if isinstance(dims, int):
        contracted = source[len(source) - dims :]
    else:
        contracted = tuple(source[dim] for dim in (dims[0] if isinstance(dims[0], (tuple, list)) else (dims[0],)))
    return 2 * prod(call.output) * prod(contracted)


def _chain(call: Call) -> int:
    """The cheapest order of a chain of products, as torch chooses it (Cormen et al., 15.2)."""
    matrices = call.args[0] if isinstance(call.args[0], (tuple, list)) else call.args
    shapes = [tuple(matrix.shape) for matrix in matrices]
    first = (1, *shapes[0]) if len(shapes[0]) == 1 else shapes[0]
    sizes = [*first, *(shape[1] if len(shape) > 1 else 1 for shape in shapes[1:])]
    count = len(sizes) - 1
    cost = [[0] * count for _ in range(count)]
    for length in range(1, count):
        for start in range(count - length):
            stop = start + length
            cost[start][stop] = min(
                cost[start][cut] + cost[cut + 1][stop] + 2 * sizes[start] * sizes[cut + 1] * sizes[stop + 1]
                for cut in range(start, stop)
            )
    return cost[0][-1]


def _einsum(call: Call) -> int:
    operands = call.args[1] if isinstance(call.args[1], (tuple, list)) else call.args[1:]
    return count_einsum(call.args[0], [tuple(operand.shape) for operand in operands])


def _distances(call: Call) -> int:
    """Euclidean distances as a product of matrices: the cross terms of |x - y|²."""
    return 2 * prod(call.output) * call.shapes[0][-1] if call.argument(2, "p", 2.0) == 2.0 else 0


# Convolutions: `weight` is (out, in / groups, *kernel), or (in, out / groups, *kernel) where transposed.


def _convolution(call: Call) -> int:
    return 2 * prod(call.output) * prod(call.shapes[1][1:])


def _transposed_convolution(call: Call) -> int:
    return 2 * prod(call.shapes[0]) * prod(call.shapes[1][1:])


def _convolution_over_time(call: Call) -> int:
    kernel, channels, _ = call.shapes[1]
    return 2 * prod(call.output) * kernel * channels


# Attention: scores = query · keyᵀ, then scores · value. A mask saves no work, as kernels and counters have it.


def _attention(call: Call) -> int:
    query, key, value = call.shape(0, "query"), call.shape(1, "key"), call.shape(2, "value")
    scores = prod(query[:-1]) * key[-2]
    return 2 * scores * (query[-1] + value[-1])


def _multi_head_attention(call: Call) -> int:
    """`F.multi_head_attention_forward`: (length, batch, features), with its four projections."""
    query, key, value = call.shape(0, "query"), call.shape(1, "key"), call.shape(2, "value")
    embedding = query[-1]
    rows, columns = prod(query[:-1]), prod(key[:-1])
    attended = key[0] + (call.argument(7, "bias_k") is not None) + bool(call.argument(9, "add_zero_attn", False))
    projections = 2 * embedding * (2 * rows * embedding + columns * (key[-1] + value[-1]))
    return projections + 2 * 2 * rows * attended * embedding


# Recurrent layers: every weight matrix is applied at every step.


def _recurrent(call: Call) -> int:
    parameters = [each for each in call.args if isinstance(each, (tuple, list))][-1]  # behind the state, if packed too
    matrices = [tuple(weight.shape) for weight in parameters if weight.dim() == 2]
    return 2 * prod(call.shapes[0][:-1]) * sum(map(prod, matrices))


def _cell(call: Call) -> int:
    rows = prod(call.shapes[0][:-1])
    return 2 * rows * (prod(call.shape(2, "w_ih")) + prod(call.shape(3, "w_hh")))


_FORMULAS: dict[str, Formula] = {
    "linear": _linear,
    "bilinear": _bilinear,
    **dict.fromkeys(("matmul", "__matmul__", "__imatmul__", "linalg_matmul", "mm", "bmm", "mv"), _matmul),
    **dict.fromkeys(("dot", "vdot", "inner", "linalg_vecdot", "_grouped_mm", "grouped_mm"), _matmul),
    "__rmatmul__": _reversed_matmul,
    **dict.fromkeys(("addmm", "baddbmm", "addmv", "addmm_", "baddbmm_", "addmv_"), _add_product),
    **dict.fromkeys(("addbmm", "addbmm_"), _add_summed_products),
    "tensordot": _tensordot,
    **dict.fromkeys(("chain_matmul", "linalg_multi_dot"), _chain),
    "einsum": _einsum,
    "cdist": _distances,
    **dict.fromkeys(("conv1d", "conv2d", "conv3d"), _convolution),
    **dict.fromkeys(("conv_transpose1d", "conv_transpose2d", "conv_transpose3d"), _transposed_convolution),
    "conv_tbc": _convolution_over_time,
    **dict.fromkeys(("scaled_dot_product_attention", "flex_attention"), _attention),
    "multi_head_attention_forward": _multi_head_attention,
    **dict.fromkeys(("lstm", "gru", "rnn_tanh", "rnn_relu"), _recurrent),
    **dict.fromkeys(("lstm_cell", "gru_cell", "rnn_tanh_cell", "rnn_relu_cell"), _cell),
}
