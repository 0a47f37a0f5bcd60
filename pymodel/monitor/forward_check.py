"""Runs a forward pass and finds the first operation whose result is not finite."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode, resolve_name

from ..schema import NonFinite, Number, Operand
from .frames import UserFrames, caller

FILLS = frozenset(
    {"masked_fill", "full", "full_like", "new_full", "fill", "where", "tensor", "as_tensor", "scalar_tensor", "setitem"}
    | {"triu", "tril"}
)
"""What puts infinities where the code wants them, as masks do."""
UNSET = frozenset({"empty", "empty_like", "empty_strided", "new_empty", "new_empty_strided", "resize_"})
MAX_ELEMENTS = 1 << 28


@dataclass(frozen=True)
class Origin:
    """An operation that gave a value which is not finite, though none went in; or one that was given such a value by
    no operation: a weight or an input had it."""

    has_nan: bool
    module: str
    operation: str
    path: str | None
    line: int | None
    operands: tuple[Operand, ...]
    is_given: bool


class ForwardCheck(TorchFunctionMode):
    """Looks at the result of each operation that Python code calls, by module and line."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.origins: list[Origin] = []
        self._frames = UserFrames()
        self._names = {id(module): path for path, module in model.named_modules()}
        self._parameters = {id(each): path for path, each in (*model.named_parameters(), *model.named_buffers())}
        self._stack: list[str] = [""]
        self._seen: set[int] = set()
        self._kept: list[Tensor] = []

    def run(self, model: nn.Module, arguments: tuple[Any, ...], keywords: dict[str, Any]) -> Any:
        """The model's output; what was found on the way is in `origins`."""
        enter = nn.modules.module.register_module_forward_pre_hook(self._enter)
        leave = nn.modules.module.register_module_forward_hook(self._leave, always_call=True)
        try:
            with self:
                return model(*arguments, **keywords)
        finally:
            enter.remove()
            leave.remove()

    def _enter(self, module: nn.Module, inputs: Any) -> None:
        self._stack.append(self._names.get(id(module), self._stack[-1]))

    def _leave(self, module: nn.Module, inputs: Any, output: Any) -> None:
        self._stack.pop()

    def __torch_function__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        given = [each for each in _tensors((args, kwargs)) if _is_checked(each)]
        bad_before = [each for each in given if not _is_finite(each)]
        operands = self._describe(args, kwargs) if bad_before else ()
        result = function(*args, **kwargs)
        name = getattr(function, "__name__", "")
        if name.startswith("__get__") or name in UNSET:
            return result
        bad = [each for each in _tensors(result) if _is_checked(each) and not _is_finite(each)]
        if bad:
            self._judge(function, name, bad, bad_before, operands or self._describe(args, kwargs))
        return result

    def _judge(
        self, function: Any, name: str, bad: list[Tensor], before: list[Tensor], operands: tuple[Operand, ...]
    ) -> None:
        has_nan = any(bool(each.isnan().any()) for each in bad)
        had_nan = any(bool(each.isnan().any()) for each in before)
        unexplained = [each for each in before if id(each) not in self._seen]
        self._seen.update(id(each) for each in bad)
        self._kept += bad  # an id means something while the tensor lives
        is_new = has_nan and not had_nan if before else has_nan or name.strip("_") not in FILLS
        if is_new or unexplained:
            frame = self._frames.place(caller(2))
            path, line = (frame[0][0].co_filename, frame[0][1]) if frame else (None, None)
            shown = resolve_name(function) or name
            is_given = bool(unexplained) and not is_new
            self.origins.append(Origin(has_nan, self._stack[-1], shown, path, line, operands, is_given))

    def _describe(self, args: Any, kwargs: Any) -> tuple[Operand, ...]:
        named = [*((str(n), each) for n, each in enumerate(args)), *kwargs.items()]
        return tuple(
            describe_operand(self._parameters.get(id(each), f"argument {name}" if name.isdigit() else name), each)
            for name, value in named
            for each in _tensors(value)
        )


def describe_operand(name: str, tensor: Tensor) -> Operand:
    with torch.no_grad(), torch._C.DisableTorchFunction():
        floats = tensor.detach().float() if not tensor.is_complex() else torch.view_as_real(tensor.detach()).float()
        finite = floats[floats.isfinite()]
        low, high = (float(finite.min()), float(finite.max())) if finite.numel() else (None, None)
        count = floats.numel() - finite.numel()
        return Operand(name, tuple(tensor.shape), str(tensor.dtype).removeprefix("torch."), count, low, high)


def judge(step: int, value: Number, origins: list[Origin]) -> NonFinite | None:
    """The origin that a loss of `value` comes from: for NaN the first operation that gave NaN, or an infinity before it
    that went into it; for an infinity the first infinity. None if there is none."""
    wanted = [each for each in origins if each.has_nan] if value == "nan" else origins
    if not wanted:
        wanted = origins
    if not wanted:
        return None
    first = wanted[0]
    went_in = [each for each in first.operands if each.nonfinite]
    if first.has_nan and went_in and not first.is_given:
        earlier = [each for each in origins[: origins.index(first)] if not each.has_nan]
        first = earlier[-1] if earlier else first
    kind = "NaN" if first.has_nan else "an infinity"
    where = f"in `{first.module}`" if first.module else "in the model itself"
    if first.is_given:
        bad = ", ".join(f"`{each.name}`" for each in first.operands if each.nonfinite)
        words = f"{kind} came into `{first.operation}` {where}: {bad} had it before the forward pass began."
    else:
        words = f"`{first.operation}` {where} was the first to give {kind}."
    return NonFinite(step, value, words, first.module, first.operation, first.path, first.line, first.operands)


def _tensors(value: Any, depth: int = 4) -> list[Tensor]:
    if isinstance(value, Tensor):
        return [value]
    if depth == 0:
        return []
    held = value.values() if isinstance(value, Mapping) else value if isinstance(value, (tuple, list)) else ()
    return [each for part in held for each in _tensors(part, depth - 1)]


def _is_checked(tensor: Tensor) -> bool:
    return (tensor.is_floating_point() or tensor.is_complex()) and 0 < tensor.numel() <= MAX_ELEMENTS


def _is_finite(tensor: Tensor) -> bool:
    with torch._C.DisableTorchFunction():
        return bool(tensor.detach().isfinite().all())
