"""Equal blocks fold into one node; a long level is cut in groups that open."""

from __future__ import annotations

import pytest

from pymodel.graph.folding import MAX_NODES
from pymodel.graph.level import UnknownLevel, breadcrumbs, build_level, find_node
from pymodel.schema import Position

from .graph_traces import FILE, chain_of_blocks, chain_of_operations, operation, trace


def test_equal_blocks_in_a_row_are_one_node() -> None:
    level = build_level(chain_of_blocks(12))
    assert [node.id for node in level.nodes] == ["input:x", "layers.0", "output:output"]
    folded = level.nodes[1]
    assert (folded.name, folded.repeats, folded.parameters) == ("layers.0…11", 12, 7)
    assert [(edge.from_, edge.to) for edge in level.edges] == [
        ("input:x", "layers.0"),
        ("layers.0", "output:output"),
    ]


def test_a_failing_block_stays_apart() -> None:
    level = build_level(chain_of_blocks(5, failing=2))
    assert [(node.id, node.repeats) for node in level.nodes[1:-1]] == [
        ("layers.0", 2),
        ("layers.2", 1),
        ("layers.3", 2),
    ]


def test_a_block_whose_output_is_used_elsewhere_too_ends_the_run() -> None:
    chain = chain_of_blocks(4)
    skip = operation("#cat", "t4 t8", "t9")
    level = build_level(trace(*chain.operations[:-1], skip))
    assert [(node.id, node.repeats) for node in level.nodes[1:]] == [("layers.0", 2), ("layers.2", 2), ("#cat", 1)]


def test_operations_and_leaf_modules_do_not_fold() -> None:
    linears = [operation(f"fc{i}", f"t{i}", f"t{i + 1}", type="Linear") for i in range(3)]
    level = build_level(trace(operation("input:x", "", "t0"), *linears))
    assert len(level.nodes) == 4


def test_the_code_of_a_folded_block_lights_the_node_that_stands_for_it() -> None:
    assert find_node(chain_of_blocks(12), "", FILE, Position(31, 10)) == "layers.0"


@pytest.mark.parametrize("count", [MAX_NODES - 1, MAX_NODES + 1, 5 * MAX_NODES, 20_000])
def test_no_level_is_larger_than_the_limit(count: int) -> None:
    level = build_level(chain_of_operations(count))
    assert len(level.nodes) <= MAX_NODES
    shown = sum(node.children or 1 for node in level.nodes if node.kind not in ("input", "output"))
    assert shown == count
    assert len(level.edges) == len(level.nodes) - 1


def test_a_group_opens_with_what_enters_and_leaves_it() -> None:
    whole = build_level(chain_of_operations(1000))
    group = whole.nodes[2]
    assert (group.kind, group.type, group.children) == ("group", "4 nodes", 4)
    level = build_level(chain_of_operations(1000), group.id)
    assert [node.kind for node in level.nodes] == ["input", "op", "op", "op", "op", "output"]
    assert len(level.edges) == 5
    assert breadcrumbs(chain_of_operations(1000), group.id)[-1] == (group.id, "5–8")


def test_a_place_in_a_group_lights_the_group_and_within_it_the_operation() -> None:
    long = chain_of_operations(1000)
    assert find_node(long, "", FILE, Position(6, 3)) == "~4-8"
    assert find_node(long, "~4-8", FILE, Position(6, 3)) == "#add-5"
    assert find_node(long, "~4-8", FILE, Position(900, 3)) is None


def test_a_group_of_an_unknown_level_is_said_so() -> None:
    with pytest.raises(UnknownLevel):
        build_level(chain_of_operations(5), "nowhere~0-4")
