"""Stand-ins for packages that are not installed, so that a model which does not need them can still be read."""

from __future__ import annotations

import importlib.abc
import importlib.machinery
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import ModuleType, SimpleNamespace
from typing import Any

from torch import nn

from ..schema import PyModelError


class MissingPackage(PyModelError):
    """The model does need a package that is not installed."""


_importing: list[bool] = []
"""Not empty while a module is imported."""


@contextmanager
def importing() -> Iterator[None]:
    """While this lasts, calls of stand-ins give stand-ins: `@REGISTRY.register("net")` leaves its class as it is, and a
    logger is one. What is called later, for a model's sake, is missing."""
    _importing.append(True)
    try:
        yield
    finally:
        _importing.pop()


class _StubType(type):
    """Classes that can be named, subscripted, inherited from and used as decorators, but not called for a result."""

    def __getattr__(cls, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return _StubType(f"{cls.__name__}.{name}", (), {})

    def __getitem__(cls, given: Any) -> Any:
        """`Float[Tensor, "B 3"]`: an annotation, which tells its sizes as jaxtyping's own do."""
        if isinstance(given, tuple) and len(given) == 2 and isinstance(given[1], str):
            return _StubType(cls.__name__.rpartition(".")[2], (), {"dim_str": given[1]})
        return cls

    def __repr__(cls) -> str:
        return cls.__name__

    def __call__(cls, *args: Any, **kwargs: Any) -> Any:
        if cls.__mro__[1:-1]:
            return super().__call__(*args, **kwargs)
        if len(args) == 1 and not kwargs and callable(args[0]):
            return args[0]
        if args and cls.__name__.endswith("_"):  # in place, by torch's custom: `trunc_normal_(weight)`
            return args[0]
        if _importing:
            return _StubType(f"{cls.__name__}()", (), {})
        raise MissingPackage(
            f"`{cls.__name__}` is needed here, but its package is not installed.",
            advice=f"Install it: pip install {cls.__name__.partition('.')[0]}",
        )


class _StubModule(ModuleType):
    __path__: list[str] = []

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        if name.endswith(("LightningModule", "PreTrainedModel")):
            return type(name, (_StubModel,), {"__module__": self.__name__})
        return _StubType(f"{self.__name__}.{name}", (), {})


class _StubModel(nn.Module):
    """Stands in for a framework's base of models, such as Lightning's: a module with the framework's services, which do
    nothing."""

    def __init__(self, config: Any = None, *args: Any, **kwargs: Any) -> None:
        super().__init__()
        self.config = config

    def save_hyperparameters(self, *names: Any, **options: Any) -> None:
        """As Lightning does it: the caller's arguments become `self.hparams`."""
        caller = sys._getframe(1)
        count = caller.f_code.co_argcount + caller.f_code.co_kwonlyargcount
        given = {name: caller.f_locals[name] for name in caller.f_code.co_varnames[1:count] if name in caller.f_locals}
        self.hparams = SimpleNamespace(**given)

    def post_init(self) -> None:
        """Weights are of no account."""

    def log(self, *args: Any, **kwargs: Any) -> None:
        """Nobody keeps logs in an analysis."""

    log_dict = log


@dataclass
class StubFinder(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Serves the packages in `names`, and whatever lies below them, as stubs."""

    names: set[str] = field(default_factory=set)

    def find_spec(
        self, name: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        if not any(name == missing or name.startswith(f"{missing}.") for missing in self.names):
            return None
        return importlib.machinery.ModuleSpec(name, self, is_package=True)

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> ModuleType:
        return _StubModule(spec.name)

    def exec_module(self, module: ModuleType) -> None:
        """A stub has nothing to run."""
