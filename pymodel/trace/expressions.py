"""Text of expressions over symbols: how factors and sums are written, and the number that a text stands for."""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from types import CodeType

from ..schema import Dim

Binding = Mapping[str, int]


def evaluate(expression: Dim, binding: Binding) -> int:
    """The number that a dimension stands for at a binding.

    Raises:
        ZeroDivisionError: the expression divides by what is 0 there.
    """
    if isinstance(expression, int):
        return expression
    return int(eval(_compiled(expression), {"__builtins__": {}, "max": max, "min": min}, dict(binding)))


@lru_cache(maxsize=4096)
def _compiled(expression: str) -> CodeType:
    return compile(expression, "<dim>", "eval")


def names_in(expression: Dim) -> frozenset[str]:
    """The symbols that a dimension names."""
    return frozenset() if isinstance(expression, int) else _names_in(expression)


@lru_cache(maxsize=4096)
def _names_in(expression: str) -> frozenset[str]:
    names = (node.id for node in ast.walk(ast.parse(expression, mode="eval")) if isinstance(node, ast.Name))
    return frozenset(names) - {"max", "min"}


def polynomial(base: str, coefficients: Sequence[int]) -> str:
    """`2*T**2-T+3` for (3, -1, 2): coefficients by rising power of `base`."""
    terms = []
    for power in range(len(coefficients) - 1, -1, -1):
        if coefficients[power]:
            atom = factor(base) if power < 2 else f"{factor(base)}**{power}"
            # A base such as `(H-1)//2` needs its brackets only where it is multiplied.
            alone = power == 1 and coefficients[1] == 1
            terms.append((coefficients[power], (base if alone else atom) if power else ""))
    return _sum(terms)


def product(coefficient: int, factors: Iterable[str]) -> str:
    """`64*B*(H-2)` for 64 and `B`, `H-2`; equal factors become a power."""
    counted = Counter(factors)
    texts = [factor(text) + (f"**{count}" if count > 1 else "") for text, count in counted.items()]
    if len(counted) == 1 and coefficient == 1 and next(iter(counted.values())) == 1:
        return next(iter(counted))
    return _term(coefficient, "*".join(texts))


def add_number(text: str, number: int) -> str:
    return f"{text}{number:+d}" if number else text


def add(texts: Iterable[str], number: int = 0) -> str:
    """A sum of texts and a number."""
    return add_number("+".join(texts).replace("+-", "-"), number)


def factor(text: str) -> str:
    """A text as it stands in a product: in brackets unless it binds at least as strongly."""
    return text if _binds_like_a_product(text) else f"({text})"


@lru_cache(maxsize=4096)
def _binds_like_a_product(text: str) -> bool:
    body = ast.parse(text, mode="eval").body
    return not isinstance(body, (ast.BinOp, ast.UnaryOp)) or (
        isinstance(body, ast.BinOp) and isinstance(body.op, (ast.Pow, ast.Mult))
    )


@lru_cache(maxsize=4096)
def factors_of(expression: Dim) -> tuple[int, tuple[str, ...]]:
    """A dimension as a number times factors: (64, ("B", "H-2")) for `64*B*(H-2)`."""
    if isinstance(expression, int):
        return expression, ()
    number = 1
    factors: list[str] = []
    pending: list[ast.expr] = [ast.parse(expression, mode="eval").body]
    while pending:
        node = pending.pop()
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mult):
            pending += [node.right, node.left]
        elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
            number = -number
            pending.append(node.operand)
        elif isinstance(node, ast.Constant) and isinstance(node.value, int):
            number *= node.value
        elif isinstance(node, ast.BinOp) and isinstance(node.op, ast.Pow) and isinstance(node.right, ast.Constant):
            factors += [expression[node.left.col_offset : node.left.end_col_offset]] * int(str(node.right.value))
        else:
            factors.append(expression[node.col_offset : node.end_col_offset])
    return number, tuple(factors)


def multiply(dims: Iterable[Dim]) -> Dim:
    """The product of dimensions: `64*B*(H-2)*(W-2)`."""
    number = 1
    factors: list[str] = []
    for dim in dims:
        coefficient, further = factors_of(dim)
        number *= coefficient
        factors += further
    return product(number, factors) if number and factors else number


def _sum(terms: Iterable[tuple[int, str]]) -> str:
    return "+".join(_term(number, text) for number, text in terms if number).replace("+-", "-") or "0"


def _term(coefficient: int, text: str) -> str:
    if not text:
        return str(coefficient)
    return text if coefficient == 1 else f"-{text}" if coefficient == -1 else f"{coefficient}*{text}"
