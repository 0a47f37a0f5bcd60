"""Fitting sizes to expressions: each form, and the refusal to claim what does not hold."""

from __future__ import annotations

import pytest

from pymodel.trace.symbols import evaluate, fit

BASE = {"B": 7, "T": 13}
BINDINGS = [BASE, {"B": 11, "T": 13}, {"B": 13, "T": 13}, {"B": 7, "T": 17}, {"B": 7, "T": 19}, {"B": 17, "T": 14}]


@pytest.mark.parametrize(
    "expression",
    [
        *("B", "T", "9*B", "T+1", "2*T-3", "B*T", "12*B*T", "T**2", "5*B*T**2", "B*(T+1)", "B+T", "3*B+2*T+4"),
        "B*T**2+3*B*T",
    ],
)
def test_known_forms_are_found(expression: str) -> None:
    samples = [(binding, evaluate(expression, binding)) for binding in BINDINGS]
    found = fit(samples)
    assert found is not None
    for further in ({"B": 3, "T": 29}, {"B": 23, "T": 8}):
        assert evaluate(found, further) == evaluate(expression, further)


def test_a_floor_is_found_where_the_sizes_leave_no_doubt() -> None:
    for expression in ("(T-1)//2+1", "T//4"):
        samples = [({"T": size}, evaluate(expression, {"T": size})) for size in range(5, 24)]
        assert fit(samples) == expression


def test_a_floor_that_could_be_another_is_not_claimed() -> None:
    sizes = (13, 17, 19, 14)  # T//4 and (T-1)//4 agree at all of these
    assert fit([({"T": size}, size // 4) for size in sizes]) is None


def test_a_constant_stays_a_number() -> None:
    assert fit([(binding, 64) for binding in BINDINGS]) == 64


def test_what_does_not_hold_at_the_verifying_size_is_not_claimed() -> None:
    samples = [(binding, binding["B"]) for binding in BINDINGS]
    samples[-1] = (BINDINGS[-1], 999)
    assert fit(samples) is None
