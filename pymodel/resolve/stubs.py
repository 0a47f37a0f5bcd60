"""Stand-ins for packages that are not installed, so that a model which does not need them can still be read."""

from __future__ import annotations

import importlib.abc
import importlib.machinery
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any

from torch import nn

from ..schema import PyModelError
from .own_modules import spec_of_workspace

MODEL_BASES = ("Module", "PreTrainedModel", "Metric", "Loss")
"""What the names of frameworks' bases of models and their parts end with: `LightningModule`, fastai's `Module`."""


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


Answer = Callable[[tuple[Any, ...], dict[str, Any]], Any]
_answers: list[Answer] = []
"""What a model's run gives for calls of what is missing: the last counts; None where it has no answer."""


@contextmanager
def answering(answer: Answer) -> Iterator[None]:
    """While this lasts, calls of stand-ins for a result are answered."""
    _answers.append(answer)
    try:
        yield
    finally:
        _answers.pop()


class Stub:
    """What a missing package would have given under a name: it can be named, subscripted, inherited from and used as a
    decorator, but not called for a result. It is no class, so that it goes with any metaclass of what inherits it."""

    dim_str: str | None = None
    """The sizes that an annotation states, under jaxtyping's own name for them."""

    def __init__(self, name: str) -> None:
        self._name = name
        self.__name__ = name.rpartition(".")[2]

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return Stub(f"{self._name}.{name}")

    def __getitem__(self, given: Any) -> Stub:
        """`Float[Tensor, "B 3"]`: an annotation, which tells its sizes as jaxtyping's own do."""
        if not (isinstance(given, tuple) and len(given) == 2 and isinstance(given[1], str)):
            return self
        stub = Stub(self._name)
        stub.dim_str = given[1]
        return stub

    def __repr__(self) -> str:
        return self.__name__

    def __or__(self, other: Any) -> Stub:
        return self

    __ror__ = __or__

    def __iter__(self) -> Iterator[Any]:
        if _importing:
            return iter(())
        raise _missing(self._name)

    def __instancecheck__(self, instance: Any) -> bool:
        return False

    __subclasscheck__ = __instancecheck__

    def __mro_entries__(self, bases: tuple[Any, ...]) -> tuple[type, ...]:
        base = _StubModel if self.__name__.endswith(MODEL_BASES) else _StubBase
        return (type(self.__name__, (base,), {"__module__": self._name.rpartition(".")[0]}),)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if len(args) == 1 and not kwargs and callable(args[0]):
            return args[0]
        if args and self._name.endswith("_"):  # in place, by torch's custom: `trunc_normal_(weight)`
            return args[0]
        if _importing:
            return Stub(f"{self._name}()")
        answer = _answers[-1](args, kwargs) if _answers else None
        if answer is None:
            raise _missing(self._name)
        return answer


def _missing(name: str) -> MissingPackage:
    return MissingPackage(
        f"`{name}` is needed here, but its package is not installed.",
        advice=f"Install it: pip install {name.partition('.')[0]}",
    )


class _StubModule(ModuleType):
    __path__: list[str] = []
    __version__ = "0.0.0"

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return Stub(f"{self.__name__}.{name}")


class _Settings(dict[str, Any]):
    """Lightning's `hparams`: settings that are read as items and as attributes."""

    def __getattr__(self, name: str) -> Any:
        try:
            return self[name]
        except KeyError:
            raise AttributeError(name) from None


class _StubBase:
    """Stands in for a framework's class that a class of the file inherits from, with the services that matter."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__()

    def save_hyperparameters(self, *names: Any, **options: Any) -> None:
        """As Lightning does it: the caller's arguments become `self.hparams`."""
        caller = sys._getframe(1)
        count = caller.f_code.co_argcount + caller.f_code.co_kwonlyargcount
        given = {name: caller.f_locals[name] for name in caller.f_code.co_varnames[1:count] if name in caller.f_locals}
        self.__dict__.setdefault("hparams", _Settings()).update(given)


class _StubModel(_StubBase, nn.Module):
    """Stands in for a framework's base of models, such as Lightning's: a module with the framework's services, which do
    nothing. As with fastai's, a class that never calls `super().__init__()` is a module all the same."""

    def __new__(cls, *args: Any, **kwargs: Any) -> Any:
        made = super().__new__(cls)
        nn.Module.__init__(made)
        return made

    def __init__(self, config: Any = None, *args: Any, **kwargs: Any) -> None:
        nn.Module.__init__(self)
        self.config = config

    def post_init(self) -> None:
        """Weights are of no account."""

    def log(self, *args: Any, **kwargs: Any) -> None:
        """Nobody keeps logs in an analysis."""

    log_dict = log


@dataclass
class StubFinder(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Serves the packages in `names`, and whatever lies below them, as stubs."""

    names: set[str] = field(default_factory=set)
    starred: dict[str, str] = field(default_factory=dict)
    """Modules that import all there is of a missing package, also by way of others, and that package."""

    def find_spec(
        self, name: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        if not self.covers(name):
            return None
        return spec_of_workspace(name, loader=self, is_package=True)

    def covers(self, name: str) -> bool:
        return any(name == missing or name.startswith(f"{missing}.") for missing in self.names)

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> ModuleType:
        return _StubModule(spec.name)

    def exec_module(self, module: ModuleType) -> None:
        """A stub has nothing to run."""

    def note_star(self, module: str, source: str) -> None:
        """`from source import *` in a module: what it does not define may come from there."""
        package = source if self.covers(source) else self.starred.get(source)
        if package is not None:
            self.starred[module] = package

    def stand_in(self, module: str, name: str) -> Stub | None:
        """For a name that a module does not define, if a missing package may have given it."""
        package = self.starred.get(module)
        return Stub(f"{package}.{name}") if package is not None else None
