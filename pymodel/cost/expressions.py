"""Sums of the expressions that sizes were fitted to, with equal terms collected: `2*B*T + 4*B*T` is `6*B*T`.

A term is a number times powers of atoms. A symbol is an atom, and so is what is not a polynomial: `(H-1)//2`.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

from ..schema import Dim

Monomial = tuple[tuple[str, int], ...]
"""Atoms with their powers, symbols before others, each sorted; empty for the constant term."""
MAX_TERMS = 24
"""A product that would multiply out to more terms than this stays a product."""


@dataclass(frozen=True)
class Polynomial:
    """A sum of terms: the coefficient of each monomial."""

    terms: dict[Monomial, int]

    def __add__(self, other: Polynomial) -> Polynomial:
        terms = dict(self.terms)
        for monomial, coefficient in other.terms.items():
            terms[monomial] = terms.get(monomial, 0) + coefficient
        return Polynomial({monomial: coefficient for monomial, coefficient in terms.items() if coefficient})

    def __mul__(self, other: Polynomial) -> Polynomial:
        product = Polynomial({})
        for left, a in self.terms.items():
            product += Polynomial({_multiply(left, right): a * b for right, b in other.terms.items()})
        return product

    def __str__(self) -> str:
        if not self.terms:
            return "0"
        shared = _common_factor(self.terms)
        inner = {_divide(monomial, shared): coefficient for monomial, coefficient in self.terms.items()}
        ordered = sorted(inner.items(), key=lambda term: (-sum(power for _, power in term[0]), term[0]))
        text = "+".join(_show_term(coefficient, monomial) for monomial, coefficient in ordered).replace("+-", "-")
        if not shared:
            return text
        if len(ordered) == 1:
            return _show_term(ordered[0][1], shared)
        return f"{_show_term(1, shared)}*({text})"


def add_up(expressions: Iterable[Dim]) -> Dim:
    """The sum of dimensions, as a dimension: a number, or an expression whose common symbols stand in front."""
    total = Polynomial({})
    number = 0
    for expression in expressions:
        if isinstance(expression, int):
            number += expression
        else:
            total += parse(expression)
    if number:
        total += Polynomial({(): number})
    return total.terms.get((), 0) if total.terms.keys() <= {()} else str(total)


@lru_cache(maxsize=4096)
def parse(expression: str) -> Polynomial:
    """An expression as a sum of terms; what is no sum, product or power of the like becomes one atom."""
    return _parse(ast.parse(expression, mode="eval").body)


def _parse(node: ast.expr) -> Polynomial:
    match node:
        case ast.Constant(value=int() as number):
            return Polynomial({(): number} if number else {})
        case ast.UnaryOp(op=ast.USub()):
            return Polynomial({(): -1}) * _parse(node.operand)
        case ast.BinOp(op=ast.Add()):
            return _parse(node.left) + _parse(node.right)
        case ast.BinOp(op=ast.Sub()):
            return _parse(node.left) + Polynomial({(): -1}) * _parse(node.right)
        case ast.BinOp(op=ast.Mult()):
            left, right = _parse(node.left), _parse(node.right)
            if len(left.terms) * len(right.terms) <= MAX_TERMS and not (_is_rounded(left) or _is_rounded(right)):
                return left * right
            return _as_factor(left, node.left) * _as_factor(right, node.right)
        case ast.BinOp(op=ast.Pow(), right=ast.Constant(value=int() as power)) if 0 <= power <= 4:
            result = Polynomial({(): 1})
            base = _parse(node.left)
            base = _as_factor(base, node.left) if _is_rounded(base) else base
            for _ in range(power):
                result *= base
            return result
    return _atom(node)


def _is_rounded(polynomial: Polynomial) -> bool:
    """`(H-1)//2+1`: a sum that holds an atom which is no symbol. Multiplied out it would say less."""
    return len(polynomial.terms) > 1 and any(
        not atom.isidentifier() for monomial in polynomial.terms for atom, _ in monomial
    )


def _as_factor(polynomial: Polynomial, node: ast.expr) -> Polynomial:
    return polynomial if len(polynomial.terms) == 1 else _atom(node)


def _atom(node: ast.expr) -> Polynomial:
    text = ast.unparse(node).replace(" ", "")
    whole = isinstance(node, (ast.Name, ast.Call))
    return Polynomial({((text if whole else f"({text})", 1),): 1})


def _multiply(left: Monomial, right: Monomial) -> Monomial:
    powers = dict(left)
    for atom, power in right:
        powers[atom] = powers.get(atom, 0) + power
    return tuple(sorted(powers.items(), key=lambda power: (not power[0].isidentifier(), power[0])))


def _divide(monomial: Monomial, by: Monomial) -> Monomial:
    divisor = dict(by)
    return tuple((atom, power - divisor.get(atom, 0)) for atom, power in monomial if power > divisor.get(atom, 0))


def _common_factor(terms: dict[Monomial, int]) -> Monomial:
    """The atoms that every term holds, in the lowest of their powers."""
    monomials = [dict(monomial) for monomial in terms]
    shared = set(monomials[0]).intersection(*monomials[1:])
    lowest = tuple((atom, min(monomial[atom] for monomial in monomials)) for atom in shared)
    return _multiply((), lowest)


def _show_term(coefficient: int, monomial: Monomial) -> str:
    powers = [atom if power == 1 else f"{atom}**{power}" for atom, power in monomial]
    if not powers:
        return str(coefficient)
    sign = {1: "", -1: "-"}.get(coefficient, f"{coefficient}*")
    return sign + "*".join(powers)
