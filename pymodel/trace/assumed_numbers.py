"""Numbers that stand for the values of tensors on meta: they compute as numbers do, and tell when code branches.

What is computed from one is one; what is compared with one is a branch that could have gone the other way.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

Branched = Callable[[], None]


class AssumedInt(int):
    """An integer read from a tensor that has no values."""

    branched: Branched

    def __reduce__(self) -> tuple[Any, ...]:
        return int, (int(self),)  # a copy in another place is a plain number


class AssumedFloat(float):
    """A real number read from a tensor that has no values."""

    branched: Branched

    def __reduce__(self) -> tuple[Any, ...]:
        return float, (float(self),)


AssumedNumber = AssumedInt | AssumedFloat


def assumed_number(value: int | float, branched: Branched) -> AssumedNumber:
    """`value`, marked; `branched` is called whenever code compares it with something."""
    number: AssumedNumber = AssumedInt(value) if isinstance(value, int) else AssumedFloat(value)
    number.branched = branched
    return number


def plain(value: Any) -> Any:
    """The number without its mark; anything else as it is."""
    if isinstance(value, AssumedInt):
        return int(value)
    return float(value) if isinstance(value, AssumedFloat) else value


def _computing(base: type, name: str) -> Callable[..., Any]:
    compute = getattr(base, name)

    def method(self: AssumedNumber, *others: Any) -> Any:
        answer = compute(self, *map(plain, others))
        if type(answer) in (int, float):
            return assumed_number(answer, self.branched)
        if type(answer) is tuple:
            return tuple(assumed_number(each, self.branched) for each in answer)
        return answer

    return method


def _comparing(base: type, name: str) -> Callable[..., Any]:
    compare = getattr(base, name)

    def method(self: AssumedNumber, *others: Any) -> Any:
        self.branched()
        return compare(self, *map(plain, others))

    return method


_OPERATORS = ("add", "sub", "mul", "truediv", "floordiv", "mod", "divmod", "pow")
_COMPUTING = (
    *(f"__{side}{name}__" for name in _OPERATORS for side in ("", "r")),
    *("__neg__", "__pos__", "__abs__", "__round__", "__trunc__", "__floor__", "__ceil__", "__int__", "__float__"),
    *("__lshift__", "__rshift__", "__and__", "__or__", "__xor__", "__invert__"),
)
_COMPARING = ("__lt__", "__le__", "__gt__", "__ge__", "__eq__", "__ne__", "__bool__")

for _class, _base in ((AssumedInt, int), (AssumedFloat, float)):
    for _name in _COMPUTING:
        if hasattr(_base, _name):
            setattr(_class, _name, _computing(_base, _name))
    for _name in _COMPARING:
        setattr(_class, _name, _comparing(_base, _name))
    _class.__hash__ = _base.__hash__  # type: ignore[method-assign]
