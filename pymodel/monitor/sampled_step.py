"""Statistics of each module in one step of training: of its output by a hook that is there for that step alone, of its
gradient and its update around the optimizer's step."""

from __future__ import annotations

import itertools
import math
import time
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.utils.hooks import RemovableHandle

from . import scalars
from .models import first_tensor
from .scalars import Scalar

MAX_MODULES = 512
OUTPUT_SAMPLE = 1 << 14
"""Elements of an output that are looked at, evenly spread."""
WEIGHT_SAMPLE = 1 << 12

Statistics = dict[str, dict[str, float]]
Modules = Callable[[], dict[str, nn.Module]]
"""The modules to look at by path; asked for anew, as they may be dropped."""


class SampledStep:
    """From before a step's forward pass until after the optimizers' steps. `spent` are the seconds that it took.

    `wrap` makes a hook of a function; without it no hook is set, and nothing is known of outputs.
    """

    def __init__(self, modules: Modules, wrap: Callable[[Callable[..., Any]], Callable[..., Any]] | None) -> None:
        start = time.perf_counter()
        self._modules = modules
        self._hooks: list[RemovableHandle] = []
        self._outputs: dict[str, list[Scalar]] = {}
        self._gradients: dict[str, Scalar] = {}
        self._before: dict[str, list[tuple[Tensor, Tensor]]] = {}
        self._updates: dict[str, list[Scalar]] = {}
        for path, module in self._watched() if wrap is not None else ():
            if wrap is not None and not isinstance(module, torch.jit.ScriptModule):
                self._hooks.append(module.register_forward_hook(wrap(self._noting(path))))
        self.spent = time.perf_counter() - start

    def before_update(self, optimizer: Optimizer) -> None:
        """The optimizer has the gradients, and has moved nothing yet."""
        start = time.perf_counter()
        trained = {id(each) for group in optimizer.param_groups for each in group["params"]}
        parameters: list[tuple[str, Tensor]] = []
        for path, module in self._watched():
            for parameter in module.parameters(recurse=False):
                if id(parameter) in trained and parameter.grad is not None and _is_usable(parameter):
                    parameters.append((path, parameter))
        if parameters and len({each.device for _, each in parameters}) == 1:
            self._measure_gradients(parameters)
        self.spent += time.perf_counter() - start

    def after_update(self) -> None:
        """The optimizer has moved its parameters."""
        start = time.perf_counter()
        before, self._before = self._before, {}
        for path, samples in before.items():
            moved = [_spread(each.detach(), WEIGHT_SAMPLE) - old for each, old in samples]
            change = torch.stack([each.float().square().sum() for each in moved]).sum()
            size = torch.stack([old.float().square().sum() for _, old in samples]).sum()
            self._updates[path] = [scalars.keep(change), scalars.keep(size)]
        self.spent += time.perf_counter() - start

    def finish(self) -> tuple[list[Scalar], Callable[[list[float]], Statistics]]:
        """Take the hooks away. Gives numbers that may still be on a device, and what makes statistics of them."""
        for hook in self._hooks:
            hook.remove()
        outputs, gradients, updates = self._outputs, self._gradients, self._updates
        flat = [each for values in outputs.values() for each in values]
        flat += list(gradients.values()) + [each for values in updates.values() for each in values]

        def describe(numbers: list[float]) -> Statistics:
            rest = iter(numbers)
            found: Statistics = {path: {name: next(rest) for name in ("mean", "std", "zeros")} for path in outputs}
            squares = {path: next(rest) for path in gradients}
            for path, square in squares.items():
                found.setdefault(path, {})["grad_norm"] = math.sqrt(square) if square >= 0 else square
            for path in updates:
                change, size = next(rest), next(rest)
                if size > 0:
                    found.setdefault(path, {})["update_ratio"] = math.sqrt(change / size)
            return found

        return flat, describe

    def _watched(self) -> list[tuple[str, nn.Module]]:
        return list(itertools.islice(self._modules().items(), MAX_MODULES))

    def _noting(self, path: str) -> Callable[..., Any]:
        def note(module: nn.Module, inputs: Any, output: Any) -> None:
            start = time.perf_counter()
            tensor = first_tensor(output)
            if tensor is not None and torch.is_grad_enabled() and _is_described(tensor):
                self._outputs[path] = _describe_output(tensor)
            self.spent += time.perf_counter() - start

        return note

    def _measure_gradients(self, parameters: list[tuple[str, Tensor]]) -> None:
        norms = torch._foreach_norm([each.grad for _, each in parameters if each.grad is not None])
        squares: dict[str, Tensor] = {}
        for (path, weight), norm in zip(parameters, norms, strict=True):
            square = norm.float() ** 2
            squares[path] = squares[path] + square if path in squares else square
            sample = _spread(weight.detach(), WEIGHT_SAMPLE)
            self._before.setdefault(path, []).append((weight, sample.clone()))
        self._gradients.update({path: scalars.keep(square) for path, square in squares.items()})


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
