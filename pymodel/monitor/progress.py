"""How far the loops of a script are, from the variables of its frames: they are read, and nothing of it is run."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from types import FrameType

from .sites import Loop


def count(loop: Loop, frame: FrameType) -> tuple[int | None, int | None]:
    """How many times the body of a loop over a range has begun, and will in all; None for what is not known."""
    names = {**frame.f_globals, **frame.f_locals}
    value = names.get(loop.variable or "")
    if not isinstance(value, int):
        return None, None
    start = 0 if loop.start is None else evaluate(loop.start, names)
    stop = None if loop.stop is None else evaluate(loop.stop, names)
    step = 1 if loop.step is None else evaluate(loop.step, names)
    if start is None or not step:
        return None, None
    total = None if stop is None else max(0, -((start - stop) // step))
    return (value - start) // step + 1, total


def evaluate(node: ast.expr, names: Mapping[str, object]) -> int | None:
    """A whole number from literals, variables, attributes that are plainly stored, and arithmetic; else None."""
    match node:
        case ast.Constant(value=int() as value):
            return value
        case ast.Name(id=name):
            found = names.get(name)
            return found if isinstance(found, int) else None
        case ast.Attribute():
            found = _stored(node, names)
            return found if isinstance(found, int) else None
        case ast.BinOp(left=left, op=operation, right=right):
            a, b = evaluate(left, names), evaluate(right, names)
            if a is None or b is None:
                return None
            match operation:
                case ast.Add():
                    return a + b
                case ast.Sub():
                    return a - b
                case ast.Mult():
                    return a * b
                case ast.FloorDiv() if b:
                    return a // b
    return None


def _stored(node: ast.expr, names: Mapping[str, object]) -> object:
    """`config.training.epochs`, read from the objects' own dictionaries: a property would be the script's code."""
    if isinstance(node, ast.Name):
        return names.get(node.id)
    if isinstance(node, ast.Attribute):
        holder = _stored(node.value, names)
        try:
            own: Mapping[str, object] = object.__getattribute__(holder, "__dict__")
        except AttributeError:
            return None
        return own.get(node.attr) if isinstance(own, Mapping) else None
    return None
