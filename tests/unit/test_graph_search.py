"""Find: by operation, path, shape or parameter, over all levels."""

from __future__ import annotations

from dataclasses import replace

import pytest

from pymodel.graph.level import breadcrumbs, build_level, find_node, locate
from pymodel.graph.mermaid import to_mermaid
from pymodel.graph.search import find_hits
from pymodel.graph.whole import build_levels
from pymodel.schema import ModuleSummary, Position, Weight, join_dims

from .graph_traces import FILE, SHAPE, chain_of_blocks, chain_of_operations, residual_net


def ids(query: str) -> list[str]:
    weights = (Weight("weight", (64, 768), "float32", True), Weight("bias", (64,), "float32", True))
    fc = ModuleSummary("block.fc", "Linear", 10, 10, 0, (SHAPE,), weights=weights)
    net = residual_net()
    return [hit.id for hit in find_hits(replace(net, modules=(*net.modules, fc)), query)]


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("relu", ["#relu"]),
        ("linear", ["block.fc"]),
        ("block.fc", ["block.fc"]),
        ("fc.weight", ["block.fc"]),
        ("bias", ["block.fc"]),
        ("768", ["block.fc"]),
        ("64×768", ["block.fc"]),
        ("b,3", ["conv1"]),
        ("block 64", ["block", "block.fc", "block#add"]),
        ("76", []),
        ("conv2d 768", []),
        ("  ", []),
    ],
)
def test_what_is_found(query: str, found: list[str]) -> None:
    assert ids(query) == found


def test_a_hit_says_where_it_is_drawn() -> None:
    hit = find_hits(residual_net(), "block.fc")[0]
    assert (hit.level, hit.id, hit.type) == ("block", "block.fc", "Linear")
    assert locate(residual_net(), hit.id).path == "block"


def test_a_node_of_a_folded_row_or_of_a_group_is_found_in_it() -> None:
    assert locate(chain_of_blocks(5), "layers.3") == locate(chain_of_blocks(5), "layers.0")
    place = locate(chain_of_operations(1000), "#add-700")
    assert any(node.id == "#add-700" for node in build_level(chain_of_operations(1000), place.path).nodes)


def test_hits_are_limited() -> None:
    assert len(find_hits(chain_of_operations(1000), "add")) == 50


def test_a_row_opens_as_its_blocks() -> None:
    found = chain_of_blocks(12)
    level = build_level(found, "layers.0×12")
    assert [node.id for node in level.nodes if node.kind == "module"] == [f"layers.{i}" for i in range(12)]
    assert [name for _, name in breadcrumbs(found, "layers.0×12")] == ["Net", "layers.0…11"]


def test_the_cursor_finds_a_node_in_what_is_opened_in_place() -> None:
    inside = Position(20, 15)
    assert find_node(residual_net(), "", FILE, inside) == "block"
    assert find_node(residual_net(), "", FILE, inside, ("block", "gone")) == "block.fc"
    assert find_node(residual_net(), "", FILE, Position(10, 15), ("block",)) == "conv1"


def test_the_whole_graph_has_every_level_once() -> None:
    assert [level.path for level in build_levels(residual_net())] == ["", "block"]


def test_mermaid_takes_names_for_text() -> None:
    net = residual_net()
    hostile = replace(net.operations[1], type='"]; click n1 "javascript:alert(1)"\n<img>')
    text = to_mermaid(build_level(replace(net, operations=(net.operations[0], hostile, *net.operations[2:]))))
    assert "<img" not in text
    assert text.count('"') == 2 * (text.count("\n") - 1)
    assert 'n0 -->|"B×3"| n1' in text


def test_a_sum_among_dimensions_stands_in_parentheses() -> None:
    assert join_dims(("B", 64, "H//2")) == "B×64×H//2"
    assert join_dims(("N+T", 16)) == "(N+T)×16"
    assert join_dims(("N+T",)) == "N+T"
    assert join_dims(()) == ""
