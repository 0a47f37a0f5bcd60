"""The models that the optimizers train, found by their parameters among the objects that are alive."""

from __future__ import annotations

import gc
import inspect
import weakref
from collections.abc import Callable
from dataclasses import dataclass
from types import FrameType

import torch
from torch import nn
from torch.optim import Optimizer

from ..schema import MonitoredModel
from .frames import UserFrames
from .optimizers import name_in


@dataclass(frozen=True)
class Model:
    """A module that no other trained one holds. Held weakly: the script may drop it."""

    reference: weakref.ref[nn.Module]
    described: MonitoredModel

    def modules(self) -> dict[str, nn.Module]:
        """Its modules by path, with its name before them where there are several models."""
        module = self.reference()
        if module is None:
            return {}
        name = self.described.name
        return {_join(name, path): each for path, each in module.named_modules()}


class Models:
    """Looked for once for each optimizer."""

    def __init__(self) -> None:
        self.found: list[Model] = []
        self.is_compiled = False
        """Whether the script compiles: then no hook may be put on a module, as that would compile it anew."""
        self._asked: set[int] = set()

    def was_asked(self, optimizer: Optimizer) -> bool:
        return id(optimizer) in self._asked

    def find(self, optimizer: Optimizer, several: bool, frames: Callable[[], list[FrameType]]) -> bool:
        """Add the models that `optimizer` trains; whether any is new. Of `several` optimizers each model has a name."""
        if id(optimizer) in self._asked:
            return False
        self._asked.add(id(optimizer))
        wanted = {id(each) for group in optimizer.param_groups for each in group["params"]}
        known = {id(each.reference()) for each in self.found}
        roots = [each for each in _find_roots(wanted) if id(each) not in known]
        for root in roots:
            name = ""
            if several or len(roots) + len(self.found) > 1:
                name = name_in(frames(), root) or type(root).__name__
                if any(each.described.name == name for each in self.found):
                    name = f"{name}{len(self.found) + 1}"
            self.found.append(Model(weakref.ref(root), _describe(root, name)))
        return bool(roots)


def _find_roots(wanted: set[int]) -> list[nn.Module]:
    """The outermost modules that hold one of the parameters, without their wrappers for several processes."""
    modules = [each for each in gc.get_objects() if issubclass(type(each), nn.Module)]
    holding = [each for each in modules if any(id(parameter) in wanted for parameter in each.parameters())]
    inner = {id(child) for each in holding for child in each.modules() if child is not each}
    roots = [_unwrap(each) for each in holding if id(each) not in inner]
    return list({id(each): each for each in roots}.values())


def _unwrap(module: nn.Module) -> nn.Module:
    """The user's module inside of torch's own: `DistributedDataParallel`, a compiled module."""
    while type(module).__module__.startswith("torch.nn.parallel") or hasattr(module, "_orig_mod"):
        inner = getattr(module, "_orig_mod", None) or getattr(module, "module", None)
        if not isinstance(inner, nn.Module):
            break
        module = inner
    return module


def _describe(root: nn.Module, name: str) -> MonitoredModel:
    kind = type(root)
    try:
        path, line = inspect.getsourcefile(kind), inspect.getsourcelines(kind)[1]
    except (OSError, TypeError):
        path, line = None, None
    if path is None or not UserFrames().is_users(path):  # a container of torch is what the script makes of it
        path, line = None, None
    count = sum(each.numel() for each in root.parameters() if not isinstance(each, nn.UninitializedParameter))
    return MonitoredModel(name, kind.__qualname__, path, line, count)


def _join(name: str, path: str) -> str:
    return ".".join(part for part in (name, path) if part)


def first_tensor(value: object, depth: int = 3) -> torch.Tensor | None:
    """The first tensor in what a module gave."""
    if isinstance(value, torch.Tensor):
        return value
    if depth == 0:
        return None
    held = value.values() if isinstance(value, dict) else value if isinstance(value, (tuple, list)) else ()
    return next((found for each in held if (found := first_tensor(each, depth - 1)) is not None), None)
