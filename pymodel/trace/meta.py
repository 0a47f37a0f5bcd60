"""Builds models and makes tensors on the meta device: shapes without memory, whatever device the code asks for.

Small tensors made while a model is built stay real, as constructors read values (`torch.linspace(…).tolist()`); they
move to meta before `forward` runs. What is sent to a device is marked with it (see `devices`).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import nn
from torch.overrides import TorchFunctionMode
from torch.utils._device import _device_constructors

from .assume import TRUTHS
from .constants import move_knowing
from .devices import HOME, carry, destination, is_device, send, stay
from .dtypes import dtype_of_type

SMALL = 4096
"""Tensors of at most so many elements are made for real while a model is built."""

_FILLS = frozenset(
    (
        *("uniform_", "normal_", "trunc_normal_", "kaiming_uniform_", "kaiming_normal_", "xavier_uniform_"),
        *("xavier_normal_", "orthogonal_", "sparse_", "dirac_", "eye_", "constant_", "zeros_", "ones_"),
        *("fill_", "zero_", "copy_"),
    )
)
"""What fills a tensor that is already there: on meta there is nothing to fill."""


_SET_DATA = vars(torch._C.TensorBase)["data"].__set__


class BuildMode(TorchFunctionMode):
    """Parameters on meta, without initialising them; small helper tensors for real."""

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = dict(kwargs or {})
        name = getattr(func, "__name__", "")
        if name in TRUTHS and any(isinstance(each, torch.Tensor) and each.is_meta for each in args):
            return False  # of a weight, whose values are not there yet
        if name in _FILLS and _first_tensor_is_meta(args, kwargs):
            return args[0] if args else kwargs["tensor"]
        if name == "type" and args[0].is_meta and (dtype := dtype_of_type(*args[1:], **kwargs)) is not None:
            return args[0].to(dtype)
        if func == _SET_DATA and args[0].is_meta:
            return func(args[0], _on_meta(args[1]))
        if func in _device_constructors():
            out = kwargs.get("out")
            if isinstance(out, torch.Tensor) and out.is_meta:  # `nn.init.eye_` fills a weight so
                return func(*args, **{**kwargs, "device": "meta"})
            return _construct(func, name, args, kwargs)
        if name in ("to", "cuda", "cpu") and args and isinstance(args[0], torch.Tensor):
            moved = move(func, args, kwargs)
            device = name if name != "to" else destination(args, kwargs, lambda tensor: HOME)
            return moved if not device else send(moved, device)
        try:
            return func(*args, **kwargs)
        except RuntimeError as error:
            if "meta" not in str(error):
                raise
            return func(*(_on_meta(arg) for arg in args), **{key: _on_meta(value) for key, value in kwargs.items()})


def build(make: Callable[[], Any]) -> nn.Module:
    """Run a construction and move all of its tensors to meta.

    Raises:
        TypeError: what was constructed is not an `nn.Module`; otherwise whatever the construction raises.
    """
    with BuildMode():
        model = make()
    if not isinstance(model, nn.Module):
        raise TypeError(f"the construction gave a {type(model).__name__}, not an nn.Module")
    move_to_meta(model)
    return model


def move_to_meta(model: nn.Module) -> None:
    """Replace every real parameter, buffer and plain tensor attribute of a model by one on meta, sharing kept."""
    replaced: dict[int, torch.Tensor] = {}

    def on_meta(tensor: torch.Tensor) -> torch.Tensor:
        if tensor.device.type == "meta":
            return tensor
        if id(tensor) not in replaced:
            moved = move_knowing(tensor)
            if isinstance(tensor, nn.Parameter):
                moved = carry(tensor, nn.Parameter(moved, requires_grad=tensor.requires_grad))
            replaced[id(tensor)] = moved
        return replaced[id(tensor)]

    for module in model.modules():
        tables: tuple[dict[str, Any], ...] = (module._parameters, module._buffers, module.__dict__)
        for table in tables:
            for key, value in list(table.items()):
                if isinstance(value, torch.Tensor):
                    table[key] = on_meta(value)
                    if table is module.__dict__ and not isinstance(value, nn.Parameter):
                        stay(table[key])


def move(func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """`tensor.to(…)`, `.cuda()`, `.cpu()` with the device left out: the tensor stays where it is."""
    name = func.__name__
    if name in ("cuda", "cpu"):
        return args[0]
    rest = [arg for arg in args[1:] if not is_device(arg)]
    rest = [arg.dtype if isinstance(arg, torch.Tensor) else arg for arg in rest]
    rest = [arg for arg in rest if arg is not None and not isinstance(arg, bool)]  # `Module.to` names all it could move
    kwargs = {key: value for key, value in kwargs.items() if key != "device"}
    return func(args[0], *rest, **kwargs) if rest or kwargs else args[0]


def _construct(func: Any, name: str, args: Any, kwargs: dict[str, Any]) -> Any:
    given = kwargs.get("device")
    kwargs["device"] = "meta"
    if name in ("empty", "empty_strided", "rand", "randn"):
        made = func(*args, **kwargs)
        if made.numel() or given != torch.device("cpu"):
            return made
        # `torch.load` gives such a one the memory that it has read.
        return func(*args, **{**kwargs, "device": "cpu"})
    template = func(*args, **kwargs) if name not in ("tensor", "as_tensor", "asarray") else None
    if template is not None and template.numel() > SMALL:
        return template
    kwargs["device"] = "cpu"
    return func(*args, **kwargs)


def _first_tensor_is_meta(args: Any, kwargs: dict[str, Any]) -> bool:
    first = args[0] if args else kwargs.get("tensor")
    return isinstance(first, torch.Tensor) and first.device.type == "meta"


def _on_meta(value: Any) -> Any:
    return value.to("meta") if isinstance(value, torch.Tensor) else value
