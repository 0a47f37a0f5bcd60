"""Overlays: one number a node, in words too; amounts out of expressions."""

from __future__ import annotations

from dataclasses import replace

import pytest

from pymodel.graph.amounts import evaluate, show_amount
from pymodel.graph.level import build_level
from pymodel.graph.overlays import OVERLAYS, UnknownOverlay, read_overlay
from pymodel.schema import ModuleSummary, Symbol, Totals, Trace

from .graph_traces import SHAPE, chain_of_blocks, operation, trace


def costly() -> Trace:
    """A frozen layer, a trainable one, and an operation; FLOPs over a batch of 2."""
    modules = (
        ModuleSummary("a", "Linear", 30, 0, "10*B", (SHAPE,)),
        ModuleSummary("b", "Linear", 10, 10, "30*B", (SHAPE,)),
    )
    found = trace(
        operation("input:x", "", "t0"),
        replace(operation("a", "t0", "t1", type="Linear", parameters=30), flops="10*B", activation_bytes="4*B"),
        replace(operation("b", "t1", "t2", type="Linear", parameters=10), flops="30*B"),
        replace(operation("#mul", "t2", "t3"), flops="u0"),
        operation("output:output", "t3", kind="output"),
        modules=modules,
    )
    return replace(found, symbols={"B": Symbol("batch", (2, 3))}, totals=Totals(40, 10, "40*B", "4*B"))


def words(name: str, found: Trace) -> dict[str, str]:
    return {each.id: each.words for each in read_overlay(name, found, build_level(found).nodes).readings}


def test_amounts_are_shares_of_the_whole() -> None:
    assert words("parameters", costly()) == {"a": "30 · 75 %", "b": "10 · 25 %"}
    assert words("flops", costly()) == {"a": "20 · 25 %", "b": "60 · 75 %"}
    assert read_overlay("flops", costly(), ()).note == "B = 2"
    assert read_overlay("parameters", costly(), ()).note == ""


def test_categories_are_told_in_words() -> None:
    assert words("training", costly()) == {"a": "frozen", "b": "trainable"}
    assert set(words("dtype", costly()).values()) == {"float32"}


def test_a_folded_row_counts_all_its_blocks() -> None:
    assert words("parameters", chain_of_blocks(5)) == {"layers.0": "35"}


@pytest.mark.parametrize("name", OVERLAYS)
def test_every_overlay_reads_a_model_that_nothing_is_known_of(name: str) -> None:
    bare = trace(operation("input:x", "", "t0"), operation("#mul", "t0", ""))
    assert read_overlay(name, bare, build_level(bare).nodes).readings == ()


def test_an_unknown_overlay_is_said_so() -> None:
    with pytest.raises(UnknownOverlay, match="parameters, flops"):
        read_overlay("colour", costly(), ())


@pytest.mark.parametrize(
    ("expression", "amount"),
    [(7, 7), ("3*B", 6), ("(B-1)//2+1", 1), ("B**2 % 3", 1), ("max(B, 5)", 5), ("-B", -2), ("B*u0", None)],
)
def test_expressions_are_worked_out(expression: int | str, amount: int | None) -> None:
    assert evaluate(expression, {"B": 2}) == amount


@pytest.mark.parametrize("text", ["__import__('os')", "B.real", "9**9**9", "B/0", "'a'*9", "(", "B//0", "f(B)"])
def test_nothing_but_arithmetic_is_worked_out(text: str) -> None:
    assert evaluate(text, {"B": 2}) is None


def test_amounts_have_letters() -> None:
    shown = [show_amount(amount) for amount in (0, 12, 345_600, 13_107_200, 7.1e12)]
    assert shown == ["0", "12", "346k", "13.1M", "7.1T"]
