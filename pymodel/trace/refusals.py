"""What code refuses by itself, and Python with it: asserts, guards that raise, unpacking into a wrong number of names,
patterns (`"b (h d) -> b h d"`) that do not fit. Each is a fault on its line, and the run goes on behind it.

Instrumented code asks the builtins below; outside of a run they do what the code would have done.
"""

from __future__ import annotations

import builtins
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import torch

from .assumed_numbers import assumed_number
from .leaves import tensors_in
from .patterns import PatternError, shape_of_pattern

if TYPE_CHECKING:
    from .mode import ForwardMode

REFUSE = "__pymodel_refuse__"
"""`REFUSE(error)` stands for `raise error` at the end of an `if`, and for a failed assertion."""
UNPACK = "__pymodel_unpack__"
"""`a, b = UNPACK(value, 2, False)`: what is unpacked into so many names; True where one of them is starred."""
APPLY = "__pymodel_apply__"
"""`APPLY(function, *args)` is `function(*args)`, where a pattern is among the arguments."""

PROTOCOL = (StopIteration, StopAsyncIteration, AttributeError, LookupError)
"""Python itself waits for these: they are answers, not refusals."""


def _refuse(error: BaseException | type[BaseException]) -> None:
    raise error


def _unpack(value: Any, count: int, starred: bool) -> Any:
    return value


def _apply(function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    return function(*args, **kwargs)


for _name, _function in ((REFUSE, _refuse), (UNPACK, _unpack), (APPLY, _apply)):
    setattr(builtins, _name, _function)


@contextmanager
def refusing(mode: ForwardMode) -> Iterator[None]:
    """What instrumented code refuses goes to `mode` while this lasts."""
    refusals = _Refusals(mode)
    names = {REFUSE: refusals.refuse, UNPACK: refusals.unpack, APPLY: refusals.apply}
    before = {name: getattr(builtins, name) for name in names}
    for name, function in names.items():
        setattr(builtins, name, function)
    try:
        yield
    finally:
        for name, function in before.items():
            setattr(builtins, name, function)


class _Refusals:
    def __init__(self, mode: ForwardMode) -> None:
        self.mode = mode

    def refuse(self, error: BaseException | type[BaseException]) -> None:
        raised = error() if isinstance(error, type) else error
        if not isinstance(raised, Exception) or isinstance(raised, PROTOCOL):
            raise raised
        if not self.mode.goes_on(raised, sys._getframe(1)):
            raise raised
        kind = "assert" if isinstance(raised, AssertionError) else "raise"
        self.mode.add_fault(kind, (), (type(raised).__name__,), raised, went_on=True)

    def unpack(self, value: Any, count: int, starred: bool) -> Any:
        length = _length(value)
        if length is None or length == count or (starred and length > count):
            return value
        if isinstance(value, torch.Tensor) and self.mode.assumptions.is_assumed(value):
            return self._fit(value, length, count)
        many = length > count
        words = f"(expected {count})" if many else f"(expected {'at least ' * starred}{count}, got {length})"
        error = ValueError(f"{'too many' if many else 'not enough'} values to unpack {words}")
        if not self.mode.goes_on(error, sys._getframe(1)):
            raise error
        self.mode.add_fault("unpack", _shapes(value), (count, type(value).__name__), error, went_on=True)
        return self._fit(value, length, count)

    def _fit(self, value: Any, length: int, count: int) -> tuple[Any, ...]:
        """So many values, the last one again and again where there are too few. What they are is not certain."""
        assumptions = self.mode.assumptions
        assumptions.assume()
        fitted = [value[min(n, length - 1)] if length else 1 for n in range(count)]
        assumptions.doubt([each for each in fitted if isinstance(each, torch.Tensor)])
        return tuple(assumed_number(each, assumptions.branched) if type(each) is int else each for each in fitted)

    def apply(self, function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        faults = len(self.mode.faults)
        try:
            return function(*args, **kwargs)
        except (RuntimeError, ValueError) as error:
            known = len(self.mode.faults) > faults  # an operation within: told, and what it gives is not to be told
            if known or not args or not isinstance(args[0], torch.Tensor):
                raise
            pattern = next((each for each in (*args[1:], *kwargs.values()) if isinstance(each, str)), "")
            sizes = {name: each for name, each in kwargs.items() if isinstance(each, int)}
            output = output_of_pattern(self.mode, args[0], pattern, sizes, error, sys._getframe(1))
            if output is None:
                raise
            return output


def output_of_pattern(
    mode: ForwardMode, source: torch.Tensor, pattern: str, sizes: dict[str, int], error: Exception, frame: Any
) -> torch.Tensor | None:
    """What a pattern that does not fit a tensor means to make of it, noted as a fault; None where that is not told."""
    try:
        shape = shape_of_pattern(pattern, tuple(source.shape), sizes)
    except PatternError:
        return None
    if not mode.goes_on(error, frame):
        return None
    with torch._C.DisableTorchFunction():
        output = torch.empty(shape, dtype=source.dtype, device="meta")
    mode.add_fault("pattern", (source,), (pattern, tuple(sizes.items())), error, went_on=True)
    mode.note_faulty("pattern", [source], output)
    return output


def _length(value: Any) -> int | None:
    """How many a value unpacks into, if that can be told without taking anything from it."""
    if isinstance(value, (tuple, list)):
        return len(value)
    return value.shape[0] if isinstance(value, torch.Tensor) and value.dim() else None


def _shapes(value: Any) -> tuple[Any, ...]:
    return (tuple(value),) if isinstance(value, torch.Size) else tuple(tensors_in(value))
