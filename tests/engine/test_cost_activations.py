"""What autograd keeps for the backward pass, held against the tensors that it saves on real runs on the CPU."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import nn
from torch.nn import functional
from torch.utils.checkpoint import checkpoint

from .real_cost import Function, Inputs, kept_bytes, told_cost

SIZES = ((2, 6), (3, 10))
Make = Callable[[int, int], Inputs]


def rand(*shape: int) -> torch.Tensor:
    """In (0.5, 1.5), so that it is fit for any function; it takes part in a gradient."""
    return (torch.rand(shape) + 0.5).requires_grad_()


def fixed(*shape: int) -> torch.Tensor:
    return torch.rand(shape)


def whole(*shape: int) -> torch.Tensor:
    return torch.zeros(shape, dtype=torch.int64)


def mask(*shape: int) -> torch.Tensor:
    return torch.rand(shape) > 0.5


def one(b: int, t: int) -> Inputs:
    return (rand(b, t, 8),)


def two(b: int, t: int) -> Inputs:
    return rand(b, t, 8), rand(b, t, 8)


def image(b: int, t: int) -> Inputs:
    return (rand(b, 6, t, t),)


METHODS = (
    *("relu", "sigmoid", "tanh", "exp", "sqrt", "rsqrt", "reciprocal", "log", "log1p", "sin", "cos", "abs", "square"),
    *("neg", "erf", "expm1", "sum", "mean", "std", "var", "amax", "norm", "clone", "floor", "double", "contiguous"),
    *("cumsum:-1", "cumprod:-1", "softmax:-1", "log_softmax:-1", "logsumexp:-1", "max:-1", "topk:2", "sort", "argmax"),
    *("flip:0", "roll:1", "clamp:0.6,1.0", "repeat:2,1,1", "flatten:1", "view:-1,8", "transpose:1,2", "std:-1"),
    *("split:2", "unbind", "expand:2,-1,-1,-1", "tril", "cummax:-1", "median", "prod", "atan", "tan", "detach"),
)
FUNCTIONALS = (
    *("relu", "relu6", "elu", "selu", "celu", "leaky_relu", "gelu", "silu", "mish", "hardswish", "hardsigmoid"),
    *("hardtanh", "softplus", "logsigmoid", "glu", "normalize", "dropout", "layer_norm:(8,)", "rms_norm:(8,)"),
    *("softmin:-1", "tanhshrink", "softsign", "dropout1d", "max_pool1d:2", "avg_pool1d:2", "gumbel_softmax"),
)
FUNCTIONS: dict[str, tuple[Callable[..., Any], Make]] = {
    "+": (lambda x, y: x + y, two),
    "-": (lambda x, y: 1 - x - y, two),
    "*": (lambda x, y: x * y, two),
    "* by a number": (lambda x: 2 * x, one),
    "* by what has no gradient": (lambda x, y: x * y, lambda b, t: (rand(b, t), fixed(b, t))),
    "/": (lambda x, y: x / y, two),
    "/ by a number": (lambda x: x / 2, one),
    "number /": (lambda x: 1 / x, one),
    "**": (lambda x, y: x**y, two),
    "** 2": (lambda x: x**2, one),
    "number **": (lambda x: 2**x, one),
    "in place": (lambda x: (x + 1).mul_(2).relu_().add_(x), one),
    "mul_": (lambda x, y: (x + 1).mul_(y), two),
    "relu inplace": (lambda x: functional.relu(x + 1, inplace=True), one),
    "@": (lambda x, y: x @ y, lambda b, t: (rand(b, t, 8), rand(b, 8, t))),
    "@ of heads": (
        lambda x: x.view(*x.shape[:2], 2, 4).transpose(1, 2) @ x.view(*x.shape[:2], 2, 4).permute(0, 2, 3, 1),
        one,
    ),
    "@ by a matrix": (lambda x, y: x @ y, lambda b, t: (rand(b, t, 8), rand(8, 3))),
    "bmm": (torch.bmm, lambda b, t: (rand(b, t, 8), rand(b, 8, t))),
    "mv": (lambda x, y: x @ y, lambda b, t: (rand(b, t), rand(t))),
    "einsum": (
        lambda x, y: torch.einsum("bhid,bhjd->bhij", x, y),
        lambda b, t: (rand(b, 2, t, 4), rand(b, 2, t, 4)),
    ),
    "einsum of three": (
        lambda x, y, z: torch.einsum("bi,ij,jk->bk", x, y, z),
        lambda b, t: (rand(b, t), rand(t, 4), rand(4, 3)),
    ),
    "cat": (lambda x, y: torch.cat([x, y], 1), two),
    "stack": (lambda x, y: torch.stack([x, y]), two),
    "where": (lambda x, y: torch.where(x > y, x, y), two),
    "maximum": (torch.maximum, two),
    "masked_fill": (lambda x, m: x.masked_fill(m, 0.0), lambda b, t: (rand(b, t), mask(b, t))),
    "slices": (lambda x: x[:, 1:, None] + x[:, None, :1], one),
    "list index": (lambda x: x[:, [0, 1]], one),
    "tensor index": (lambda x, i: x[:, i], lambda b, t: (rand(b, t), whole(3))),
    "gather": (lambda x, i: x.gather(1, i), lambda b, t: (rand(b, t), whole(b, 3))),
    "index_select": (lambda x, i: x.index_select(0, i), lambda b, t: (rand(b, t), whole(t))),
    "scatter_add": (
        lambda x, i: torch.zeros(4, x.shape[1]).scatter_add(0, i, x),
        lambda b, t: (rand(b, t), whole(b, t)),
    ),
    "index_add": (lambda x, i: torch.zeros(4, 8).index_add(0, i, x), lambda b, t: (rand(t, 8), whole(t))),
    "lerp": (lambda x, y: torch.lerp(x, y, 0.5), two),
    "cdist": (torch.cdist, two),
    "cosine_similarity": (functional.cosine_similarity, two),
    "complex product": (
        lambda x, y: torch.view_as_complex(x.view(*x.shape[:2], 4, 2)) * torch.polar(y, y)[..., :4],
        two,
    ),
    "fft": (lambda x: torch.fft.rfft(x).abs(), one),
    "linear of what is transposed": (
        lambda x, w: functional.linear(x.transpose(1, 2), w),
        lambda b, t: (rand(b, 8, t), rand(4, 8)),
    ),
    "conv2d": (lambda x: functional.conv2d(x, torch.ones(4, 6, 3, 3, requires_grad=True)), image),
    "conv2d, nothing to train": (
        lambda x, w: functional.conv2d(x, w),
        lambda b, t: (rand(b, 6, t, t), fixed(4, 6, 3, 3)),
    ),
    "conv2d same": (
        lambda x, w: functional.conv2d(x, w, padding="same"),
        lambda b, t: (rand(b, 6, t, t), rand(4, 6, 4, 4)),
    ),
    "max_pool2d": (lambda x: functional.max_pool2d(x, 2), image),
    "avg_pool2d": (lambda x: functional.avg_pool2d(x, 2), image),
    "adaptive_avg_pool2d": (lambda x: functional.adaptive_avg_pool2d(x, 1), image),
    "interpolate": (lambda x: functional.interpolate(x, scale_factor=2, mode="bilinear"), image),
    "pad": (lambda x: functional.pad(x, (1, 1)), image),
    "pad reflect": (lambda x: functional.pad(x, (1, 1, 1, 1), mode="reflect"), image),
    "unfold": (lambda x: functional.unfold(x, 3), image),
    "pixel_shuffle": (lambda x: functional.pixel_shuffle(x[:, :4], 2), image),
    "grid_sample": (
        lambda x, g: functional.grid_sample(x, g, align_corners=False),
        lambda b, t: (rand(b, 6, t, t), rand(b, 4, 4, 2)),
    ),
    "cross_entropy": (functional.cross_entropy, lambda b, t: (rand(b * t, 8), whole(b * t))),
    "cross_entropy, smoothed": (
        lambda x, y: functional.cross_entropy(x, y, label_smoothing=0.1),
        lambda b, t: (rand(b * t, 8), whole(b * t)),
    ),
    "mse_loss": (functional.mse_loss, two),
    "bce": (lambda x, y: functional.binary_cross_entropy_with_logits(x, y.detach()), two),
    "smooth_l1_loss": (functional.smooth_l1_loss, two),
    "kl_div": (functional.kl_div, two),
    "attention": (
        lambda x: functional.scaled_dot_product_attention(x, x, x, is_causal=True),
        lambda b, t: (rand(b, 2, t, 8),),
    ),
    "attention with a mask": (
        lambda q, k, v, m: functional.scaled_dot_product_attention(q, k, v, m),
        lambda b, t: (rand(b, 2, t, 8), rand(b, 2, t + 1, 8), rand(b, 2, t + 1, 8), fixed(t, t + 1)),
    ),
    "attention with a mask of booleans": (
        lambda x, m: functional.scaled_dot_product_attention(x, x, x, attn_mask=m),
        lambda b, t: (rand(b, 2, t, 8), torch.ones(t, t, dtype=torch.bool)),
    ),
    "nothing kept": (lambda x: torch.no_grad()(torch.sin)(x), one),
    "checkpointed": (lambda x: checkpoint(lambda y: y.sin().cos(), x * x, use_reentrant=False), one),
    "checkpointed, the old way": (lambda x: checkpoint(lambda y: y.sin().cos(), x * x, use_reentrant=True), one),
}


@pytest.mark.parametrize("sizes", SIZES)
@pytest.mark.parametrize("method", METHODS)
def test_methods(method: str, sizes: tuple[int, int]) -> None:
    name, _, given = method.partition(":")
    arguments = eval(f"({given},)") if given else ()
    check(Function(lambda x: getattr(x, name)(*arguments)), one(*sizes))


@pytest.mark.parametrize("sizes", SIZES)
@pytest.mark.parametrize("spec", FUNCTIONALS)
def test_functionals(spec: str, sizes: tuple[int, int]) -> None:
    name, _, given = spec.partition(":")
    arguments = eval(f"({given},)") if given else ()
    check(Function(lambda x: getattr(functional, name)(x, *arguments)), one(*sizes))


@pytest.mark.parametrize("sizes", SIZES)
@pytest.mark.parametrize("name", FUNCTIONS)
def test_functions(name: str, sizes: tuple[int, int]) -> None:
    function, make = FUNCTIONS[name]
    check(Function(function), make(*sizes))


MODULES: dict[str, tuple[Callable[[], nn.Module], Make]] = {
    "Linear": (lambda: nn.Linear(8, 4), lambda b, t: (fixed(b, t, 8),)),
    "Conv2d": (lambda: nn.Conv2d(6, 4, 3, groups=2), lambda b, t: (fixed(b, 6, t, t),)),
    "ConvTranspose2d": (lambda: nn.ConvTranspose2d(6, 4, 2, 2), lambda b, t: (fixed(b, 6, t, t),)),
    "Embedding": (lambda: nn.Embedding(10, 4), lambda b, t: (whole(b, t),)),
    "BatchNorm2d": (lambda: nn.BatchNorm2d(6), image),
    "BatchNorm2d in eval": (lambda: nn.BatchNorm2d(6).eval(), image),
    "GroupNorm": (lambda: nn.GroupNorm(3, 6), image),
    "InstanceNorm2d": (lambda: nn.InstanceNorm2d(6, affine=True), image),
    "LayerNorm": (lambda: nn.LayerNorm((6, 4)), lambda b, t: (rand(b, t, 6, 4),)),
    "PReLU": (lambda: nn.PReLU(6), image),
    "MultiheadAttention": (
        lambda: nn.MultiheadAttention(8, 2, batch_first=True),
        lambda b, t: (*two(b, t), rand(b, t, 8)),
    ),
    "TransformerEncoderLayer": (lambda: nn.TransformerEncoderLayer(8, 2, 16, 0.0, batch_first=True), one),
    "TransformerDecoderLayer": (lambda: nn.TransformerDecoderLayer(8, 2, 16, 0.0, batch_first=True), two),
    "LSTMCell": (lambda: nn.LSTMCell(8, 4), lambda b, t: (rand(b, 8),)),
    "GRUCell": (lambda: nn.GRUCell(8, 4), lambda b, t: (rand(b, 8),)),
    "frozen below": (
        lambda: nn.Sequential(nn.Linear(8, 8).requires_grad_(False), nn.Tanh(), nn.Linear(8, 8)),
        lambda b, t: (fixed(b, t, 8),),
    ),
}


@pytest.mark.parametrize("sizes", SIZES)
@pytest.mark.parametrize("name", MODULES)
def test_modules(name: str, sizes: tuple[int, int]) -> None:
    make, make_inputs = MODULES[name]
    check(make(), make_inputs(*sizes))


@pytest.mark.parametrize("make", [nn.LSTM, nn.GRU, nn.RNN])
def test_recurrent_layers(make: Callable[..., nn.Module]) -> None:
    """As torch's own steps have it: a kernel adds a workspace that no formula tells."""
    for layers, both, size in ((1, False, 16), (2, True, 24)):
        model = make(8, size, layers, bidirectional=both)
        inputs = (fixed(12, 5, 8),)
        with torch.backends.mkldnn.flags(False):
            assert told_cost(model, inputs).kept == kept_bytes(model, inputs)


def test_a_custom_function_keeps_what_it_says() -> None:
    class Scale(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: torch.Tensor) -> torch.Tensor:
            result = x.exp().sum(-1)
            ctx.save_for_backward(result)
            return result

        @staticmethod
        def backward(ctx: Any, *gradients: Any) -> Any:
            (result,) = ctx.saved_tensors
            return gradients[0][..., None] * result[..., None]

    apply = Scale.apply  # a name that was bound before the run
    check(Function(lambda x: apply(x * x).sin()), one(2, 6))


def check(model: nn.Module, inputs: Inputs) -> None:
    torch.manual_seed(0)
    assert told_cost(model, inputs).kept == kept_bytes(model, inputs)
