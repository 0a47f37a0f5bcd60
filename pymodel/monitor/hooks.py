"""Puts the hooks into torch once it is imported: at what every training goes through, whichever loop calls it."""

from __future__ import annotations

import functools
import importlib
import time
from collections.abc import Callable
from types import ModuleType
from typing import Any

from .guard import Guard, skip_when_compiling
from .recorder import Recorder


def install(torch: ModuleType, recorder: Recorder) -> None:
    """Hook into torch. Each hook for itself: one that this torch has no place for is a gap, and not a fault."""
    recorder.imported_torch = True
    for what, install_one in (
        ("steps", _hook_steps),
        ("losses", _hook_backward),
        ("losses under a gradient scaler", _hook_scaler),
        ("cleared gradients", _hook_zero_grad),
        ("the gradient norm of clipping", _hook_clipping),
        ("batches", _hook_loaders),
        ("layers", _hook_compiling),
    ):
        try:
            install_one(torch, recorder, recorder.guard)
        except Exception as error:
            recorder.guard.note(what, f"torch {torch.__version__} has no such place: {type(error).__name__}: {error}")


def _hook_steps(torch: ModuleType, recorder: Recorder, guard: Guard) -> None:
    module = importlib.import_module("torch.optim.optimizer")  # deleted from torch.optim's own names
    before, after = guard.wrap("steps", recorder.before_step), guard.wrap("steps", recorder.after_step)
    is_compiling = torch.compiler.is_compiling

    def before_step(optimizer: Any, arguments: Any, keywords: Any) -> None:
        if not is_compiling():
            before(optimizer)

    def after_step(optimizer: Any, arguments: Any, keywords: Any) -> None:
        if not is_compiling():
            after(optimizer)

    for hook in (before_step, after_step):
        skip_when_compiling(hook.__code__, whole=True)
    module.register_optimizer_step_pre_hook(before_step)
    module.register_optimizer_step_post_hook(after_step)

    def note_made(_: Any, optimizer: Any, *arguments: Any, **keywords: Any) -> None:
        recorder.optimizers.add(optimizer)

    _call_after(module.Optimizer, "__init__", guard.wrap("optimizers", note_made))


def _hook_backward(torch: ModuleType, recorder: Recorder, guard: Guard) -> None:
    def note(tensors: Any, *arguments: Any, **keywords: Any) -> None:
        recorder.on_backward(tensors)

    _call_before(torch.autograd, "backward", guard.wrap("losses", note))


def _hook_scaler(torch: ModuleType, recorder: Recorder, guard: Guard) -> None:
    def note(scaled: Any, scaler: Any, outputs: Any) -> None:
        recorder.on_scale(outputs, scaled)

    _call_after(torch.amp.grad_scaler.GradScaler, "scale", guard.wrap("losses under a gradient scaler", note))


def _hook_zero_grad(torch: ModuleType, recorder: Recorder, guard: Guard) -> None:
    def clear_optimizer(optimizer: Any, *arguments: Any, **keywords: Any) -> None:
        recorder.on_clear(lambda: recorder.optimizers.of(optimizer).parameters)

    def clear_module(module: Any, *arguments: Any, **keywords: Any) -> None:
        recorder.on_clear(lambda: {id(each) for each in module.parameters()})

    _call_before(torch.optim.Optimizer, "zero_grad", guard.wrap("cleared gradients", clear_optimizer))
    _call_before(torch.nn.Module, "zero_grad", guard.wrap("cleared gradients", clear_module))


def _hook_clipping(torch: ModuleType, recorder: Recorder, guard: Guard) -> None:
    def note(norm: Any, *arguments: Any, **keywords: Any) -> None:
        recorder.on_clip(norm)

    for module in (torch.nn.utils, torch.nn.utils.clip_grad):
        _call_after(module, "clip_grad_norm_", guard.wrap("the gradient norm of clipping", note))


def _hook_loaders(torch: ModuleType, recorder: Recorder, guard: Guard) -> None:
    iterator = torch.utils.data.dataloader._BaseDataLoaderIter
    note = guard.wrap("batches", recorder.loaders.note_batch)
    take = iterator.__next__

    @functools.wraps(take)
    def take_batch(self: Any) -> Any:
        start = time.perf_counter()
        batch = take(self)
        note(self, batch, time.perf_counter() - start)
        return batch

    def begin(_: Any, self: Any, loader: Any) -> None:
        recorder.loaders.begin(self, loader)

    def begin_again(_: Any, self: Any, loader: Any, first_iter: bool = False) -> None:
        if not first_iter:  # persistent workers: the same iterator, once more
            recorder.loaders.begin(self, loader)

    iterator.__next__ = take_batch
    _call_after(iterator, "__init__", guard.wrap("passes over the data", begin))
    _call_after(iterator, "_reset", guard.wrap("passes over the data", begin_again))


def _hook_compiling(torch: ModuleType, recorder: Recorder, guard: Guard) -> None:
    from .layers import LayerSampler
    from .nonfinite import ForwardKeeper

    recorder.layers = LayerSampler(recorder)
    recorder.forwards = ForwardKeeper(recorder)

    def note(*arguments: Any, **keywords: Any) -> None:
        recorder.models.is_compiled = True

    _call_before(torch, "compile", guard.wrap("layers", note))
    _call_before(torch.nn.Module, "compile", guard.wrap("layers", note))


def _call_before(holder: Any, name: str, note: Callable[..., Any]) -> None:
    """Replace a function by one that tells its arguments first. Inside of `torch.compile` it is the function alone."""
    function, is_compiling = getattr(holder, name), _find_is_compiling()

    def hooked(*arguments: Any, **keywords: Any) -> Any:
        if not is_compiling():
            note(*arguments, **keywords)
        return function(*arguments, **keywords)

    skip_when_compiling(hooked.__code__)
    setattr(holder, name, functools.wraps(function)(hooked))


def _call_after(holder: Any, name: str, note: Callable[..., Any]) -> None:
    """Replace a function by one that tells what it gave, and its arguments."""
    function, is_compiling = getattr(holder, name), _find_is_compiling()

    def hooked(*arguments: Any, **keywords: Any) -> Any:
        given = function(*arguments, **keywords)
        if not is_compiling():
            note(given, *arguments, **keywords)
        return given

    skip_when_compiling(hooked.__code__)
    setattr(holder, name, functools.wraps(function)(hooked))


def _find_is_compiling() -> Callable[[], bool]:
    import torch

    return torch.compiler.is_compiling
