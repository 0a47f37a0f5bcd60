"""Numbers out of expressions over a model's symbols, and numbers as people read them."""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable, Mapping

from ..schema import Dim, Trace

_BINARY: dict[type[ast.operator], Callable[[int, int], int]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
    ast.Pow: operator.pow,
}
_CALLS: dict[str, Callable[..., int]] = {"max": max, "min": min}
LARGEST_POWER = 8
"""Of an exponent: a cost has small ones, and a large one would never be worked out."""


def sample_sizes(trace: Trace) -> dict[str, int]:
    """A size for each symbol: the first at which the model ran."""
    return {name: symbol.probed[0] for name, symbol in trace.symbols.items() if symbol.probed}


def evaluate(amount: Dim, sizes: Mapping[str, int]) -> int | None:
    """An amount at these sizes; None where it holds a symbol that has none."""
    if isinstance(amount, int):
        return amount
    try:
        return _evaluate(ast.parse(amount, mode="eval").body, sizes)
    except (KeyError, SyntaxError, ZeroDivisionError):
        return None


def show_amount(amount: float) -> str:
    """`13.1M`: three digits, and a letter for the thousands."""
    for letter, size in (("P", 1e15), ("T", 1e12), ("G", 1e9), ("M", 1e6), ("k", 1e3)):
        if abs(amount) >= size:
            return f"{amount / size:.3g}{letter}"
    return f"{amount:g}"


def show_sizes(sizes: Mapping[str, int]) -> str:
    return ", ".join(f"{name} = {size}" for name, size in sizes.items())


def _evaluate(node: ast.expr, sizes: Mapping[str, int]) -> int:
    match node:
        case ast.Constant(value=int(value)):
            return value
        case ast.Name(id=name):
            return sizes[name]
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            return -_evaluate(operand, sizes)
        case ast.BinOp(left=left, op=op, right=right):
            a, b = _evaluate(left, sizes), _evaluate(right, sizes)
            if isinstance(op, ast.Pow) and not 0 <= b <= LARGEST_POWER:
                raise KeyError(b)
            return _BINARY[type(op)](a, b)
        case ast.Call(func=ast.Name(id=name), args=arguments):
            return _CALLS[name](*(_evaluate(each, sizes) for each in arguments))
    raise KeyError(ast.dump(node))
