"""Sums of fitted expressions: equal terms collected, common symbols in front, and always the same number."""

from __future__ import annotations

from itertools import product

import pytest

from pymodel.cost.expressions import add_up, parse

BINDINGS = [{"B": b, "T": t, "H": h} for b, t, h in product((1, 7, 12), (2, 13), (5, 64))]


def value(expression: int | str, binding: dict[str, int]) -> int:
    return expression if isinstance(expression, int) else int(eval(expression, dict(binding)))


@pytest.mark.parametrize(
    ("terms", "expected"),
    [
        (["9*B", "B", 0], "10*B"),
        ([3, 4], 7),
        ([], 0),
        (["2*B", 5], "2*B+5"),
        (["B", "-B"], 0),
        (["2*B*T", "4*B*T**2", "6*B*T"], "B*T*(4*T+8)"),
        (["B*T*(T+1)", "B*T"], "B*T*(T+2)"),
        (["B*(H//2)", "3*B*(H//2)", "B"], "B*(4*(H//2)+1)"),
        (["B*((H-1)//2+1)", "B*((H-1)//2+1)"], "2*B*((H-1)//2+1)"),
        (["(H//2)**2*B"], "B*(H//2)**2"),
        (["max(B,T)", "max(B,T)"], "2*max(B,T)"),
        (["B*(T-1)", "2*T-B"], "B*T-2*B+2*T"),
    ],
)
def test_sums(terms: list[int | str], expected: int | str) -> None:
    found = add_up(terms)
    assert found == expected
    for binding in BINDINGS:
        assert value(found, binding) == sum(value(term, binding) for term in terms)


@pytest.mark.parametrize("text", ["(B+T+H)**4", "(B+1)*(T+1)*(H//3+2)", "-(B-T)", "B**7", "2**3*B", "B%4*T"])
def test_what_is_taken_apart_is_worth_the_same(text: str) -> None:
    for binding in BINDINGS:
        assert value(str(parse(text)), binding) == value(text, binding)
