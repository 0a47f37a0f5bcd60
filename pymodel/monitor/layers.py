"""Statistics of each module in a step now and then: of its output by a hook that is there for that step alone, of its
gradient and its update around the optimizer's step. What a step costs decides when the next one is looked at."""

from __future__ import annotations

import math
import time
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.utils.hooks import RemovableHandle

from . import scalars
from .frames import caller
from .models import first_tensor

if TYPE_CHECKING:
    from .recorder import Recorder
    from .scalars import Scalar

MAX_COST = 0.01
"""Of the time since the last sample."""
MIN_SECONDS = 1.0
FIRST_STEP = 2
"""The first step is like no other."""
MAX_MODULES = 512
OUTPUT_SAMPLE = 1 << 14
"""Elements of an output that are looked at, evenly spread."""
WEIGHT_SAMPLE = 1 << 12

Statistics = dict[str, dict[str, float]]


class LayerSampler:
    """Samples a step of the optimizer that was the first to step, and of the others between two of its steps."""

    def __init__(self, recorder: Recorder) -> None:
        self._recorder = recorder
        self._leader: int | None = None
        self._due = 0.0
        self._spent = 0.0
        self._hooks: list[RemovableHandle] = []
        self._is_armed = False
        self._outputs: dict[str, list[Scalar]] = {}
        self._gradients: dict[str, Scalar] = {}
        self._before: dict[str, list[tuple[Tensor, Tensor]]] = {}
        self._updates: dict[str, list[Scalar]] = {}

    def before_step(self, optimizer: Optimizer) -> None:
        if self._is_armed:
            start = time.perf_counter()
            self._collect_gradients(optimizer)
            self._spent += time.perf_counter() - start

    def after_step(self, optimizer: Optimizer, step: int) -> None:
        now = time.perf_counter()
        self._find_models(optimizer)
        if self._is_armed:
            self._collect_updates()
            if id(optimizer) == self._leader:
                self._spent += time.perf_counter() - now
                self._finish(step)
        elif step >= FIRST_STEP and now >= self._due and self._leader in (None, id(optimizer)):
            self._leader = id(optimizer)
            self._arm()
            self._spent = time.perf_counter() - now

    def _find_models(self, optimizer: Optimizer) -> None:
        if self._recorder.models.was_asked(optimizer):
            return
        recorder, frame = self._recorder, caller(2)
        several = bool(recorder.optimizers.of(optimizer).shares_run)
        is_new = recorder.models.find(optimizer, several, lambda: recorder.frames.stack(frame))
        if is_new and recorder.forwards is not None and not recorder.models.is_compiled:
            recorder.forwards.watch(recorder.models.found)

    def _arm(self) -> None:
        self._is_armed = True
        self._outputs, self._gradients, self._before, self._updates = {}, {}, {}, {}
        if self._recorder.models.is_compiled:
            self._recorder.guard.note("outputs of layers", "the script compiles, and a hook would compile it anew")
            return
        modules = {path: each for model in self._recorder.models.found for path, each in model.modules().items()}
        for path, module in list(modules.items())[:MAX_MODULES]:
            if not isinstance(module, torch.jit.ScriptModule):
                self._hooks.append(module.register_forward_hook(self._hook(path)))

    def _hook(self, path: str) -> Any:
        def note(module: nn.Module, inputs: Any, output: Any) -> None:
            start = time.perf_counter()
            tensor = first_tensor(output)
            if tensor is not None and torch.is_grad_enabled() and _is_described(tensor):
                self._outputs[path] = _describe_output(tensor)
            self._spent += time.perf_counter() - start

        return self._recorder.guard.wrap("outputs of layers", note)

    def _collect_gradients(self, optimizer: Optimizer) -> None:
        trained = {id(each) for group in optimizer.param_groups for each in group["params"]}
        parameters: list[tuple[str, Tensor]] = []
        for model in self._recorder.models.found:
            for path, module in list(model.modules().items())[:MAX_MODULES]:
                for parameter in module.parameters(recurse=False):
                    if id(parameter) in trained and parameter.grad is not None and _is_usable(parameter):
                        parameters.append((path, parameter))
        if not parameters or len({each.device for _, each in parameters}) > 1:
            return
        norms = torch._foreach_norm([each.grad for _, each in parameters if each.grad is not None])
        squares: dict[str, Tensor] = {}
        for (path, weight), norm in zip(parameters, norms, strict=True):
            square = norm.float() ** 2
            squares[path] = squares[path] + square if path in squares else square
            sample = _spread(weight.detach(), WEIGHT_SAMPLE)
            self._before.setdefault(path, []).append((weight, sample.clone()))
        self._gradients.update({path: scalars.keep(square) for path, square in squares.items()})

    def _collect_updates(self) -> None:
        before, self._before = self._before, {}
        for path, samples in before.items():
            moved = [_spread(each.detach(), WEIGHT_SAMPLE) - old for each, old in samples]
            change = torch.stack([each.float().square().sum() for each in moved]).sum()
            size = torch.stack([old.float().square().sum() for _, old in samples]).sum()
            self._updates[path] = [scalars.keep(change), scalars.keep(size)]

    def _finish(self, step: int) -> None:
        for hook in self._hooks:
            hook.remove()
        self._hooks.clear()
        self._is_armed = False
        self._due = time.perf_counter() + max(MIN_SECONDS, self._spent / MAX_COST)
        outputs, gradients, updates = self._outputs, self._gradients, self._updates
        flat = [each for values in outputs.values() for each in values]
        flat += list(gradients.values()) + [each for values in updates.values() for each in values]
        at = time.time()

        def use(numbers: list[float]) -> None:
            rest = iter(numbers)
            found: Statistics = {}
            for path in outputs:
                found[path] = {name: next(rest) for name in ("mean", "std", "zeros")}
            squares = {path: next(rest) for path in gradients}
            for path, square in squares.items():
                found.setdefault(path, {})["grad_norm"] = math.sqrt(square) if square >= 0 else square
            for path in updates:
                change, size = next(rest), next(rest)
                if size > 0:
                    found.setdefault(path, {})["update_ratio"] = math.sqrt(change / size)
            self._recorder.on_layers(step, at, found)

        self._recorder.defer(flat, use)


def _is_usable(parameter: Tensor) -> bool:
    gradient = parameter.grad
    return gradient is not None and gradient.layout is torch.strided and scalars.is_plain(gradient)


def _is_described(output: Tensor) -> bool:
    has_values = output.is_floating_point() and output.numel() > 0
    return has_values and scalars.is_plain(output) and not scalars.is_capturing(output)


def _describe_output(tensor: Tensor) -> list[Scalar]:
    """Mean, standard deviation and the fraction of zeros."""
    with torch.no_grad():
        sample = _spread(tensor.detach(), OUTPUT_SAMPLE).float()
        deviation, mean = torch.var_mean(sample, correction=0)
        zeros = (sample == 0).sum() / sample.numel()
        return [scalars.keep(mean), scalars.keep(deviation.sqrt()), scalars.keep(zeros)]


def _spread(tensor: Tensor, count: int) -> Tensor:
    """At most about `count` elements of a tensor, evenly spread, in one dimension."""
    stride = max(1, tensor.numel() // count)
    if tensor.is_contiguous():
        return tensor.view(-1)[::stride]
    if tensor.numel() <= count:
        return tensor.reshape(-1)
    step = max(1, tensor.shape[0] * count // tensor.numel())
    return tensor[: max(1, step)].reshape(-1)[:: max(1, tensor[:step].numel() // count)]
