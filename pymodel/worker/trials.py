"""Trial runs for the oracle: the engine's own run, and what meta tensors let pass that real ones would not."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

from torch import nn
from torch.nn.parameter import UninitializedBuffer, is_lazy

from ..resolve.trial import Attempt, Engine, Failure
from ..schema import Mode
from ..trace.memo import Memo
from ..trace.meta import BuildMode, build
from ..trace.noted import Fault
from ..trace.run import Run, run_forward
from .training_mode import set_training

WEIGHTED = frozenset(("linear", "matmul", "bmm", "conv1d", "conv2d", "conv3d", "layer_norm", "batch_norm"))
"""Functions whose operands must be of one kind of number."""


def make_engine(
    mode: Mode, poll: Callable[[], None] = lambda: None, get_memo: Callable[[], Memo | None] = lambda: None
) -> Engine:
    """The engine for the oracle, in `mode`. `poll` is called often and may raise to stop."""

    def attempt(model: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Attempt:
        return try_forward(model, args, kwargs, mode, poll, get_memo())

    return Engine(build, make_values, attempt)


def make_values(make: Callable[[], Any]) -> Any:
    """What some code evaluates to, its large tensors on meta."""
    with BuildMode():
        return make()


def try_forward(
    model: nn.Module,
    args: tuple[Any, ...],
    kwargs: dict[str, Any],
    mode: Mode,
    poll: Callable[[], None],
    memo: Memo | None = None,
) -> Attempt:
    """Run `model` once, without recording values and without going on past a fault."""
    if any(map(is_lazy, model.parameters())):  # its first input decides its sizes: the next trial is to be free again
        model = _copied(model)
    set_training(model, mode == "train")
    run = run_forward(
        model, lambda: (args, kwargs), {}, frozenset(), record=False, frontier=False, poll=poll, memo=memo
    )
    shapes = tuple(shape for _, shape, _ in run.outputs)
    return Attempt(shapes, len(run.operations), _failure(run) or _unreal(run, model))


def _copied(model: nn.Module) -> nn.Module:
    """A copy of a model some of whose sizes are not decided yet; torch copies such parameters, but no such buffers.

    Itself where torch refuses to copy what it holds (the result of a computation): the first trial decides then.
    """
    fresh: Any = UninitializedBuffer
    lazy = [each for each in model.buffers() if is_lazy(each)]
    try:
        return copy.deepcopy(model, {id(each): fresh(False, each.device, each.dtype) for each in lazy})
    except Exception:  # the model's own `__deepcopy__` may raise what it likes
        return model


def _failure(run: Run) -> Failure | None:
    fault = run.faults[-1] if run.faults else None
    if run.error is None:
        return _of_fault(fault, RuntimeError(fault.message)) if fault else None
    if fault is None or fault.message != str(run.error):
        return Failure(run.error)
    return _of_fault(fault, run.error)


def _of_fault(fault: Fault, error: BaseException) -> Failure:
    return Failure(error, fault.function, tuple(fault.operands), fault.arguments)


def _unreal(run: Run, model: nn.Module) -> Failure | None:
    """What only tensors without data go through: integers into weights, channels that a transposed convolution has
    not."""
    dtypes = {name: dtype for name, _, dtype in (*(each for given in run.input_ids for each in given), *run.outputs)}
    for operation in run.operations:
        if operation.name in WEIGHTED and operation.module is None:
            kinds = {dtypes.get(name, "float32").startswith(("int", "bool", "uint")) for name in operation.inputs}
            if kinds == {True, False}:
                error = RuntimeError("expected scalar type Float but found Long")
                return Failure(error, operation.name, tuple(operation.input_shapes))
        if operation.type.startswith("ConvTranspose") and operation.module is not None and operation.input_shapes:
            channels = getattr(model.get_submodule(operation.module), "in_channels", None)
            shape = operation.input_shapes[0]
            given = shape[1] if len(shape) > 1 else None
            if channels is not None and given != channels:
                words = f"expected input{list(shape)} to have {channels} channels, but got {given} channels instead"
                return Failure(RuntimeError(words), operation.name, (shape,))
        dtypes.update({name: dtype for name, _, dtype in operation.outputs})
    return None
