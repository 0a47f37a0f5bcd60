"""FLOPs of every function that multiplies matrices, held against torch's own counter on real runs on the CPU."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import nn
from torch.nn import functional

from pymodel.cost.flops import count_flops

from .real_cost import Function, Inputs, counted_flops, told_cost

SIZES = ((3, 5), (4, 7))


def rand(*shape: int) -> torch.Tensor:
    return torch.rand(shape)


def attend(q: torch.Tensor, k: torch.Tensor, v: torch.Tensor) -> torch.Tensor:
    return functional.scaled_dot_product_attention(q, k, v)


def attend_in_groups(q: torch.Tensor, k: torch.Tensor, v: torch.Tensor) -> torch.Tensor:
    return functional.scaled_dot_product_attention(q, k, v, enable_gqa=True)


def einsum(equation: str) -> Callable[..., torch.Tensor]:
    return lambda *operands: torch.einsum(equation, *operands)


FUNCTIONS: dict[str, tuple[Callable[..., Any], Callable[[int, int], Inputs]]] = {
    "linear": (functional.linear, lambda b, t: (rand(b, t, 6), rand(4, 6))),
    "linear of one vector": (functional.linear, lambda b, t: (rand(t), rand(4, t))),
    "matmul": (torch.matmul, lambda b, t: (rand(b, t, 6), rand(b, 6, 4))),
    "@ of 4 dimensions by 2": (lambda x, y: x @ y, lambda b, t: (rand(2, b, t, 6), rand(6, 4))),
    "@ broadcast": (lambda x, y: x @ y, lambda b, t: (rand(b, 1, t, 6), rand(1, t, 6, 4))),
    "vector @ matrices": (lambda x, y: x @ y, lambda b, t: (rand(t), rand(b, t, 4))),
    "mm": (torch.mm, lambda b, t: (rand(b, t), rand(t, 6))),
    "bmm": (torch.bmm, lambda b, t: (rand(b, t, 6), rand(b, 6, 4))),
    "inner": (torch.inner, lambda b, t: (rand(b, t, 6), rand(4, 6))),
    "addmm": (torch.addmm, lambda b, t: (rand(4), rand(b, t), rand(t, 4))),
    "baddbmm": (torch.baddbmm, lambda b, t: (rand(b, t, 4), rand(b, t, 6), rand(b, 6, 4))),
    "einsum": (einsum("bij,bjk->bik"), lambda b, t: (rand(b, t, 6), rand(b, 6, 4))),
    "einsum of three": (einsum("ab,bc,cd->ad"), lambda b, t: (rand(b, t), rand(t, 4), rand(4, 6))),
    "einsum ...": (einsum("...hd,...d->...h"), lambda b, t: (rand(b, t, 2, 6), rand(b, t, 6))),
    "einsum without ->": (einsum("ij,jk"), lambda b, t: (rand(b, t), rand(t, 4))),
    "einsum outer": (einsum("i,j->ij"), lambda b, t: (rand(b), rand(t))),
    "einsum, one alone summed": (einsum("bti,bsi->bt"), lambda b, t: (rand(b, t, 6), rand(b, 2, 6))),
    "einsum diagonal": (einsum("bii,bij->bj"), lambda b, t: (rand(b, t, t), rand(b, t, 4))),
    "tensordot": (
        lambda x, y: torch.tensordot(x, y, dims=([2, 1], [0, 1])),
        lambda b, t: (rand(b, t, 4), rand(4, t, 6)),
    ),
    "tensordot of a number": (lambda x, y: torch.tensordot(x, y, 1), lambda b, t: (rand(b, t), rand(t, 6))),
    "multi_dot": (
        lambda *each: torch.linalg.multi_dot(each),
        lambda b, t: (rand(b, t), rand(t, 40), rand(40, 2), rand(2, 9)),
    ),
    "conv1d": (functional.conv1d, lambda b, t: (rand(b, 4, t + 4), rand(6, 4, 3))),
    "conv2d in groups": (
        lambda x, w: functional.conv2d(x, w, stride=2, padding=1, groups=2),
        lambda b, t: (rand(b, 4, t, t + 2), rand(6, 2, 3, 3)),
    ),
    "conv2d unbatched": (functional.conv2d, lambda b, t: (rand(4, t, t), rand(6, 4, 2, 2))),
    "conv3d": (functional.conv3d, lambda b, t: (rand(b, 2, t, t, t), rand(4, 2, 2, 2, 2))),
    "conv_transpose1d": (functional.conv_transpose1d, lambda b, t: (rand(b, 4, t), rand(4, 6, 3))),
    "conv_transpose2d in groups": (
        lambda x, w: functional.conv_transpose2d(x, w, stride=2, groups=2),
        lambda b, t: (rand(b, 4, t, t), rand(4, 3, 2, 2)),
    ),
    "attention": (attend, lambda b, t: (rand(b, 4, t, 6), rand(b, 4, t + 2, 6), rand(b, 4, t + 2, 6))),
    "attention in groups": (
        attend_in_groups,
        lambda b, t: (rand(b, 4, t, 6), rand(b, 2, t, 6), rand(b, 2, t, 6)),
    ),
    "distances": (
        lambda x, y: torch.cdist(x, y, compute_mode="donot_use_mm_for_euclid_dist"),
        lambda b, t: (rand(b, t, 6), rand(b, t, 6)),
    ),
}
UNCOUNTED = {"distances": lambda b, t: 2 * b * t * t * 6}
"""torch counts nothing here; this is the number of multiply-adds."""


@pytest.mark.parametrize("sizes", SIZES)
@pytest.mark.parametrize("name", FUNCTIONS)
def test_functions(name: str, sizes: tuple[int, int]) -> None:
    function, make = FUNCTIONS[name]
    inputs = make(*sizes)
    counted = UNCOUNTED[name](*sizes) if name in UNCOUNTED else counted_flops(Function(function), inputs)
    assert told_cost(Function(function), inputs).flops == counted


MODULES: dict[str, tuple[Callable[[], nn.Module], Callable[[int, int], Inputs]]] = {
    "LSTM": (lambda: nn.LSTM(6, 4, 2, bidirectional=True), lambda b, t: (rand(t, b, 6),)),
    "LSTM with a projection": (lambda: nn.LSTM(6, 4, proj_size=2, batch_first=True), lambda b, t: (rand(b, t, 6),)),
    "GRU": (lambda: nn.GRU(6, 4, 2), lambda b, t: (rand(t, b, 6),)),
    "RNN": (lambda: nn.RNN(6, 4), lambda b, t: (rand(t, b, 6),)),
    "LSTMCell": (lambda: nn.LSTMCell(6, 4), lambda b, t: (rand(b, 6),)),
    "GRUCell": (lambda: nn.GRUCell(6, 4), lambda b, t: (rand(b, 6),)),
    "MultiheadAttention": (
        lambda: nn.MultiheadAttention(8, 2, batch_first=True),
        lambda b, t: (rand(b, t, 8), rand(b, t + 2, 8), rand(b, t + 2, 8)),
    ),
    "MultiheadAttention, own widths": (
        lambda: nn.MultiheadAttention(8, 2, kdim=6, vdim=4, add_bias_kv=True),
        lambda b, t: (rand(t, b, 8), rand(t, b, 6), rand(t, b, 4)),
    ),
    "TransformerEncoderLayer": (
        lambda: nn.TransformerEncoderLayer(8, 2, 16, batch_first=True),
        lambda b, t: (rand(b, t, 8),),
    ),
}


@pytest.mark.parametrize("sizes", SIZES)
@pytest.mark.parametrize("name", MODULES)
def test_modules(name: str, sizes: tuple[int, int]) -> None:
    make, make_inputs = MODULES[name]
    model, inputs = make(), make_inputs(*sizes)
    assert told_cost(model, inputs).flops == counted_flops(model, inputs)


def test_what_torch_does_not_count_is_the_number_of_multiply_adds() -> None:
    for function, inputs, expected in (
        (torch.mv, (rand(3, 5), rand(5)), 2 * 3 * 5),
        (torch.dot, (rand(5), rand(5)), 2 * 5),
        (torch.addmv, (rand(3), rand(3, 5), rand(5)), 2 * 3 * 5),
        (torch.addbmm, (rand(3, 4), rand(2, 3, 5), rand(2, 5, 4)), 2 * 2 * 3 * 5 * 4),
        (functional.bilinear, (rand(6, 4), rand(6, 5), rand(3, 4, 5)), 2 * 6 * 3 * 4 * 5),
    ):
        assert told_cost(Function(function), inputs).flops == expected


def test_a_function_that_gives_no_tensor_costs_nothing() -> None:
    assert count_flops("matmul", (), {}, ()) == 0
