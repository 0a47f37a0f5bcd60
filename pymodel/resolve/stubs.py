"""Stand-ins for packages that are not installed, so that a model which does not need them can still be read."""

from __future__ import annotations

import importlib.abc
import importlib.machinery
from collections.abc import Sequence
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any

from ..schema import PyModelError


class MissingPackage(PyModelError):
    """The model does need a package that is not installed."""


class _StubType(type):
    """Classes that can be named, inherited from and used as decorators, but not called for a result."""

    def __getattr__(cls, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return _StubType(f"{cls.__name__}.{name}", (), {})

    def __call__(cls, *args: Any, **kwargs: Any) -> Any:
        if cls.__mro__[1:-1]:
            return super().__call__(*args, **kwargs)
        if len(args) == 1 and not kwargs and callable(args[0]):
            return args[0]
        raise MissingPackage(
            f"`{cls.__name__}` is needed here, but its package is not installed.",
            advice=f"Install it: pip install {cls.__name__.partition('.')[0]}",
        )


class _StubModule(ModuleType):
    __path__: list[str] = []

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return _StubType(f"{self.__name__}.{name}", (), {})


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
