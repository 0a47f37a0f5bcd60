"""Speed as ratios within one run, with room for a busy machine; `make bench` prints the figures themselves."""

from __future__ import annotations

import pytest

from ..bench import editing
from ..bench.cases import case_of
from ..bench.tracing import measure


@pytest.mark.parametrize(("name", "warm", "misses"), [("resnet50", 0.5, 60), ("vit_l", 0.4, 40), ("gpt_48", 0.4, 40)])
def test_a_trace_takes_a_fraction_of_a_bare_forward_on_meta(name: str, warm: float, misses: int) -> None:
    found = measure(case_of(name), repeat=2)
    assert found["misses"] <= misses
    assert found["hits"] > 2 * found["misses"]
    assert found["warm"] <= warm * found["bare"]
    assert found["cold"] <= 1.3 * found["bare"]


def test_edits_without_a_pause_are_learned_from_too() -> None:
    found = editing.measure(case_of("cnn"))
    assert found["edit"] < 0.85 * found["first"]
