"""What autograd keeps for the backward pass of one call of a torch function.

The rules are torch's own derivative formulas (`tools/autograd/derivatives.yaml`), for the functions that models call
most; a test holds them against what `torch.autograd.graph.saved_tensors_hooks` sees on the CPU. For any other function
torch is asked: the call is repeated under these hooks, on meta tensors.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from math import prod
from typing import Any, Literal

import torch
from torch.utils import _pytree as pytree

Kept = list[torch.Tensor | int]
"""Tensors that the backward pass holds on to, and the bytes of those that nobody else sees."""
Place = tuple[Literal["input", "output", "bytes"], int]
"""One kept tensor: which input or output it is, or how many bytes it takes."""
COMPRESSED = (torch.sparse_csr, torch.sparse_csc, torch.sparse_bsr, torch.sparse_bsc)
MAX_ANSWERS = 10_000
_ANSWERS: dict[Hashable, tuple[Place, ...]] = {}


@dataclass(slots=True)
class Call:
    """A call, with the tensors among its arguments and in its result."""

    function: Any
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    inputs: list[torch.Tensor]
    outputs: list[torch.Tensor]

    def argument(self, position: int, name: str, default: Any = None) -> Any:
        return self.args[position] if position < len(self.args) else self.kwargs.get(name, default)


Rule = Callable[[Call], Kept | None]
"""None: torch has to be asked."""


def kept_for_backward(name: str, call: Call) -> Kept:
    """What a call keeps while gradients are on: nothing, where no input takes part in one."""
    if _RULES.get(name) is _nothing:
        return []
    with torch._C.DisableTorchFunction():  # so that what is asked of a tensor passes through no function mode
        if not any(each.requires_grad for each in call.inputs):
            return []
        rule = _RULES.get(name)
        kept = rule(call) if rule is not None else None
        key = _key(call) if kept is None else None
    return kept if kept is not None else _look_up(key, call)


def _look_up(key: Hashable | None, call: Call) -> Kept:
    places = _ANSWERS.get(key) if key is not None else None
    if places is None:
        places = _ask(call)
        if key is not None and len(_ANSWERS) < MAX_ANSWERS:
            _ANSWERS[key] = places
    tables = {"input": call.inputs, "output": call.outputs}
    return [tables[kind][number] if kind in tables else number for kind, number in places]


def _ask(call: Call) -> tuple[Place, ...]:
    """Repeat a call on meta tensors of its own, and see which of them autograd keeps."""
    clones: dict[int, torch.Tensor] = {}
    origins: dict[int, Place] = {}
    saved: dict[int, torch.Tensor] = {}

    def clone(value: Any) -> Any:
        if not isinstance(value, torch.Tensor):
            return value
        if id(value) not in clones:
            copy = torch.empty_strided(value.shape, value.stride(), dtype=value.dtype, device="meta")
            if value.requires_grad:
                # No leaf may be written to in place, so what is handed over is none.
                leaf = torch.empty((), dtype=value.dtype, device="meta", requires_grad=True)
                copy.copy_(leaf)
            clones[id(value)] = copy
            position = next(n for n, each in enumerate(call.inputs) if each is value)
            origins[_storage(copy)] = ("input", position)
        return clones[id(value)]

    def keep(tensor: torch.Tensor) -> torch.Tensor:
        saved.setdefault(_storage(tensor), tensor)
        return tensor

    with torch.enable_grad(), torch.device("meta"):
        args, kwargs = pytree.tree_map(clone, (call.args, call.kwargs))
        try:
            with _fused_attention(), torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
                result = call.function(*args, **kwargs)
        except (RuntimeError, TypeError, ValueError, NotImplementedError):
            # No meta kernel tells: most functions keep what they were given.
            return tuple(("input", n) for n in range(len(call.inputs)))
    results = [leaf for leaf in pytree.tree_leaves(result) if isinstance(leaf, torch.Tensor)]
    for number, made in enumerate(results[: len(call.outputs)]):
        origins.setdefault(_storage(made), ("output", number))
    return tuple(
        origins.get(storage, ("bytes", tensor.untyped_storage().nbytes())) for storage, tensor in saved.items()
    )


def _key(call: Call) -> Hashable | None:
    """All that the answer depends on; None where an argument has nothing to compare."""
    met: dict[int, int] = {}
    key = call.function, _describe(call.args, met), _describe(call.kwargs, met)
    try:
        hash(key)
    except TypeError:
        return None
    return key


def _describe(value: Any, met: dict[int, int]) -> Hashable:
    if isinstance(value, torch.Tensor):
        which = met.setdefault(id(value), len(met))  # attention asks whether its key is its query
        return which, value.shape, value.stride(), value.dtype, value.requires_grad
    if isinstance(value, (tuple, list)):
        return type(value), *(_describe(each, met) for each in value)
    if isinstance(value, dict):
        return tuple((name, _describe(each, met)) for name, each in value.items())
    return type(value), value


@contextmanager
def _fused_attention() -> Iterator[None]:
    """On meta tensors torch spells attention out; on devices one kernel does it all, and keeps far less."""
    functional: Any = torch.nn.functional
    original = functional.scaled_dot_product_attention

    def attend(query: Any, key: Any, value: Any, attn_mask: Any = None, *args: Any, **kwargs: Any) -> Any:
        fused = torch.ops.aten._scaled_dot_product_flash_attention_for_cpu
        return fused(query, key, value, attn_mask=attn_mask)[0]

    functional.scaled_dot_product_attention = attend
    try:
        yield
    finally:
        functional.scaled_dot_product_attention = original


def _storage(tensor: torch.Tensor) -> int:
    identity: int = storage_of(tensor)._cdata
    return identity


def storage_of(tensor: torch.Tensor) -> torch.UntypedStorage:
    """The memory of a tensor; within `vmap` and `grad`, of what it stands for; of a sparse one, of its values."""
    while torch._C._functorch.is_functorch_wrapped_tensor(tensor):
        tensor = torch._C._functorch.get_unwrapped(tensor)
    if tensor.layout is torch.sparse_coo:
        tensor = tensor._values()
    elif tensor.layout in COMPRESSED:
        tensor = tensor.values()
    return tensor.untyped_storage()


def _bytes(tensor: torch.Tensor) -> int:
    return tensor.numel() * tensor.element_size()


# Rules.


def _nothing(call: Call) -> Kept:
    return []


def _result(call: Call) -> Kept:
    return [call.outputs[0]]


def _source(call: Call) -> Kept:
    return [call.inputs[0]]


def _indexed(call: Call) -> Kept:
    """The indices of a selection that copies; a slice keeps nothing."""
    index = call.args[1] if isinstance(call.args[1], tuple) else (call.args[1],)
    return [
        each if isinstance(each, torch.Tensor) else 8 * len(each)
        for each in index
        if isinstance(each, (torch.Tensor, list))
    ]


def _masks(call: Call) -> Kept:
    """Conditions and indices: what picks, not what is picked."""
    return [each for each in call.inputs if not each.is_floating_point() and not each.is_complex()]


def _factors(call: Call) -> Kept:
    """A product keeps, for the gradient of each factor, the other."""
    if len(call.inputs) < 2:
        return []
    left, right = call.inputs[:2]
    return [*([left] if right.requires_grad else []), *([right] if left.requires_grad else [])]


def _quotient(call: Call) -> Kept:
    if len(call.inputs) < 2:
        return [] if call.args and call.args[0] is call.inputs[0] else [call.outputs[0]]
    left, right = call.inputs[:2]
    return [right, left] if right.requires_grad else [right]


def _power(call: Call) -> Kept:
    if len(call.inputs) < 2:
        return [call.inputs[0]]
    base, exponent = call.inputs[:2]
    return [base, exponent, *([call.outputs[0]] if exponent.requires_grad else [])]


def _linear(call: Call) -> Kept | None:
    if call.inputs[0].dim() > 2 and not call.inputs[0].is_contiguous():
        return None  # it may have to be copied
    return _factors(call)


def _convolution(call: Call) -> Kept | None:
    if isinstance(call.argument(4, "padding", 0), str):
        return None  # uneven padding is a copy
    return list(call.inputs[:2])  # both, whichever of them has a gradient


def _batch_norm(call: Call) -> Kept:
    """The input, and in training the statistics of the batch: mean and inverse deviation."""
    source = call.inputs[0]
    training = call.argument(5, "training", False)
    return [source, 2 * source.shape[1] * source.element_size() if training else 0]


def _layer_norm(call: Call) -> Kept:
    source = call.inputs[0]
    rows = source.numel() // max(1, prod(call.argument(1, "normalized_shape")))
    return [source, 2 * rows * max(4, source.element_size())]


def _group_norm(call: Call) -> Kept:
    source = call.inputs[0]
    return [source, 2 * source.shape[0] * call.argument(1, "num_groups", 1) * source.element_size()]


def _dropout(call: Call) -> Kept:
    training = call.argument(2, "training", True)
    probability = call.argument(1, "p", 0.5)
    return [_bytes(call.outputs[0])] if training and 0 < probability < 1 else []


def _cross_entropy(call: Call) -> Kept | None:
    """The logarithms of the softmax, the target, and the sum of the weights."""
    smoothing = call.argument(7, "label_smoothing", 0.0)
    if smoothing or call.argument(2, "weight") is not None or call.inputs[1].is_floating_point():
        return None
    return [_bytes(call.inputs[0]), call.inputs[1], call.inputs[0].element_size()]


def _attention(call: Call) -> Kept:
    """A fused kernel's: query, key, value, a mask, the result, and the logarithm of each row's sum."""
    query = call.inputs[0]
    mask = call.argument(3, "attn_mask")
    masked: Kept = [mask] if isinstance(mask, torch.Tensor) and mask.is_floating_point() else []
    if isinstance(mask, torch.Tensor) and not masked:
        masked = [mask.numel() * query.element_size()]  # it is turned into what is added to the scores
    rows = prod(query.shape[:-1])
    return [*call.inputs[:3], *masked, call.outputs[0], rows * max(4, query.element_size())]


def _recurrent(states: int) -> Rule:
    """What each layer is given, and `states` numbers for each unit and step: its gates, cell and output; those of a
    plain RNN's cell are its outputs, with the one it begins with. As torch's own steps keep it; a kernel's workspace
    comes on top of that."""

    def rule(call: Call) -> Kept:
        source = call.inputs[0]
        at = max(n for n, each in enumerate(call.args) if isinstance(each, (tuple, list)))
        layers, directions = call.args[at + 2], 1 + bool(call.args[at + 5])
        steps, width = prod(source.shape[:-1]), call.args[at][1].shape[1]
        state = call.args[at - 1]
        begins = state.numel() if isinstance(state, torch.Tensor) and states == 1 else 0
        units = steps * width * directions * (states * layers + layers - 1) + begins
        return [source, units * source.element_size()]

    return rule


_RULES: dict[str, Rule] = {
    **dict.fromkeys(
        (
            *("add", "sub", "__radd__", "__rsub__", "neg", "sum", "mean", "nansum", "cat", "concat", "stack", "clone"),
            *("flip", "roll", "repeat", "tril", "triu", "cumsum", "float", "double", "half", "bfloat16", "to", "type"),
            *("add_", "sub_", "__iadd__", "__isub__", "floor", "ceil", "round", "contiguous", "reshape", "flatten"),
            *("type_as", "pixel_shuffle", "pixel_unshuffle", "hstack", "vstack", "unfold", "fold", "requires_grad_"),
            *("reshape_as", "ravel", "copy_", "fill_", "zero_", "view", "transpose", "permute", "squeeze", "unsqueeze"),
            *("expand", "expand_as", "view_as", "unflatten", "split", "split_with_sizes", "chunk", "unbind", "t"),
            *("movedim", "swapaxes", "narrow", "select", "diagonal", "detach", "broadcast_to", "__get__"),
        ),
        _nothing,
    ),
    **dict.fromkeys(
        (
            *("relu", "relu_", "sigmoid", "sigmoid_", "tanh", "tanh_", "exp", "sqrt", "rsqrt", "reciprocal", "expm1"),
            *("softmax", "log_softmax", "softmin", "tan", "_softmax", "__rtruediv__", "__rdiv__"),
        ),
        _result,
    ),
    **dict.fromkeys(
        (
            *("log", "log2", "log10", "log1p", "sin", "cos", "abs", "square", "erf", "clamp", "clamp_min", "clamp_max"),
            *("relu6", "elu", "selu", "celu", "leaky_relu", "gelu", "silu", "mish", "hardswish", "hardtanh"),
            *("hardsigmoid", "softplus", "glu", "avg_pool1d", "avg_pool2d", "avg_pool3d", "var"),
        ),
        _source,
    ),
    **dict.fromkeys(("where", "masked_fill", "masked_fill_", "embedding", "index_select"), _masks),
    "__getitem__": _indexed,
    **dict.fromkeys(("mul", "mul_", "__rmul__", "__imul__", "multiply", "bmm", "mm"), _factors),
    "linear": _linear,
    **dict.fromkeys(("div", "true_divide", "__truediv__", "divide"), _quotient),
    **dict.fromkeys(("pow", "__pow__", "__ipow__"), _power),
    **dict.fromkeys(
        ("conv1d", "conv2d", "conv3d", "conv_transpose1d", "conv_transpose2d", "conv_transpose3d"), _convolution
    ),
    "batch_norm": _batch_norm,
    "layer_norm": _layer_norm,
    "group_norm": _group_norm,
    "dropout": _dropout,
    "cross_entropy": _cross_entropy,
    "scaled_dot_product_attention": _attention,
    **dict.fromkeys(("lstm", "gru"), _recurrent(7)),
    **dict.fromkeys(("rnn_tanh", "rnn_relu"), _recurrent(1)),
}
