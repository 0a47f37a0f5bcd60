"""What a run saw of its layers, on the nodes of a trace: names brought together, rows of blocks, what is not finite."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from pymodel.graph.learned import Learned, match_learned
from pymodel.graph.level import build_level
from pymodel.graph.overlays import LEARNED, NothingLearned, UnknownOverlay, read_overlay
from pymodel.schema import LayerFinding, LayerRow, ModuleSummary, MonitoredModel, Number, Trace

from .graph_traces import SHAPE, chain_of_blocks, residual_net


def row(**layers: dict[str, Number]) -> LayerRow:
    return LayerRow(7, 0.0, {path.replace("__", "."): each for path, each in layers.items()})


def with_modules(found: Trace, *paths: str) -> Trace:
    return replace(found, modules=tuple(ModuleSummary(path, "Linear", 1, 1, 0, (SHAPE,)) for path in paths))


def words(name: str, found: Trace, learned: Learned) -> dict[str, str]:
    return {each.id: each.words for each in read_overlay(name, found, build_level(found).nodes, learned).readings}


NET = with_modules(residual_net(), "", "conv1", "block", "block.fc")


@pytest.mark.parametrize("before", ["", "module.", "model.net."])
def test_a_wrapper_around_the_model_is_seen_through(before: str) -> None:
    seen: dict[str, dict[str, Number]] = {f"{before}{path}": {"grad_norm": 2.0} for path in ("conv1", "block.fc")}
    seen["loss_head"] = {"grad_norm": 9.0}
    learned = match_learned(NET, LayerRow(7, 0.0, seen), [LayerFinding(f"{before}conv1", "dead", 5, "…")])
    assert words("grad_norm", NET, learned) == {"conv1": "2", "block": "2"}
    assert words("health", NET, learned) == {"conv1": "dead", "block": "learns"}
    assert learned.step == 7


def test_of_several_models_that_of_the_trace_is_told() -> None:
    models = [MonitoredModel(name, kind, None, None, 1) for name, kind in (("g", "Other"), ("d", "Net"))]
    seen = LayerRow(7, 0.0, {"g.conv1": {"zeros": 0.5}, "d.conv1": {"zeros": 0.25}})
    assert words("zeros", NET, match_learned(NET, seen, [], models)) == {"conv1": "25 %"}


def test_a_module_has_the_gradient_of_all_inside_and_the_largest_update() -> None:
    learned = Learned(1, {"a": {"grad_norm": 3.0, "update_ratio": 0.1}, "a.b": {"grad_norm": 4.0}, "ab": {}}, {})
    assert learned.gradient_norm("a") == learned.gradient_norm("") == 5.0
    assert learned.gradient_norm("ab") is None
    assert learned.update_ratio("a") == 0.1
    assert Learned(1, {"a": {"update_ratio": 0.1}, "a.b": {"update_ratio": math.nan}}, {}).update_ratio("a") is not None
    assert math.isnan(
        Learned(1, {"a": {"update_ratio": 1.0}, "b": {"update_ratio": math.nan}}, {}).update_ratio("") or 0
    )


def test_a_folded_row_of_blocks_gives_both_ends_and_the_worst_state() -> None:
    chain = with_modules(chain_of_blocks(5), *(f"layers.{i}" for i in range(5)))
    seen = LayerRow(7, 0.0, {f"layers.{i}": {"grad_norm": float(i + 1), "std": 2.0} for i in range(5)})
    learned = match_learned(chain, seen, [LayerFinding("layers.3", "vanishing", 6, "…")])
    assert words("grad_norm", chain, learned) == {"layers.0": "1 – 5"}
    assert words("output_std", chain, learned) == {"layers.0": "2"}
    assert words("health", chain, learned) == {"layers.0": "vanishing"}


def test_what_is_not_finite_has_the_strongest_colour_and_says_so() -> None:
    learned = match_learned(NET, row(conv1={"grad_norm": 3.0}, block__fc={"grad_norm": "NaN"}), [])
    readings = read_overlay("grad_norm", NET, build_level(NET).nodes, learned).readings
    assert {each.id: (each.amount, each.words) for each in readings} == {"conv1": (3.0, "3"), "block": (6.0, "NaN")}


@pytest.mark.parametrize("name", LEARNED)
def test_layers_of_another_model_colour_nothing(name: str) -> None:
    overlay = read_overlay(name, NET, build_level(NET).nodes, match_learned(NET, row(other={"std": 1.0}), []))
    assert (overlay.readings, overlay.step) == ((), 7)


@pytest.mark.parametrize("name", LEARNED)
def test_without_a_run_it_is_said_that_one_is_needed(name: str) -> None:
    with pytest.raises(NothingLearned):
        read_overlay(name, NET, ())


def test_the_overlays_of_runs_are_listed_too() -> None:
    with pytest.raises(UnknownOverlay, match="training, grad_norm"):
        read_overlay("colour", NET, ())
