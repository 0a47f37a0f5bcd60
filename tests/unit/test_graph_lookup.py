"""From a place in the code to the node that stands for it."""

from __future__ import annotations

import pytest

from pymodel.graph.level import UnknownLevel, find_node
from pymodel.schema import Position, Read, Trace

from .graph_traces import FILE, operation, residual_net, trace


@pytest.mark.parametrize(
    ("line", "column", "node"),
    [
        pytest.param(10, 15, "conv1", id="in the call"),
        pytest.param(10, 25, "conv1", id="at the call's end"),
        pytest.param(10, 0, "conv1", id="in the line's indentation"),
        pytest.param(10, 80, "conv1", id="in a comment after it"),
        pytest.param(20, 15, "block", id="in a child's code"),
        pytest.param(21, 0, "block", id="elsewhere on a line of a child's code"),
        pytest.param(12, 20, "#relu", id="on an operation"),
        pytest.param(99, 0, None, id="where nothing ran"),
    ],
)
def test_a_place_lights_the_node_of_the_whole_model(line: int, column: int, node: str | None) -> None:
    assert find_node(residual_net(), "", FILE, Position(line, column)) == node


def test_an_opened_part_has_nodes_for_its_own_code_only() -> None:
    assert find_node(residual_net(), "block", FILE, Position(21, 16)) == "block#add"
    assert find_node(residual_net(), "block", FILE, Position(10, 15)) is None


def test_another_file_lights_nothing() -> None:
    assert find_node(residual_net(), "", "/project/other.py", Position(10, 15)) is None


def test_the_smallest_of_nested_calls_is_meant() -> None:
    nested = trace(
        operation("input:x", "", "t1"),
        operation("conv1", "t1", "t2", at=(5, 19, 32)),
        operation("#relu", "t2", "t3", at=(5, 12, 33)),
    )
    assert find_node(nested, "", FILE, Position(5, 25)) == "conv1"
    assert find_node(nested, "", FILE, Position(5, 14)) == "#relu"
    assert find_node(nested, "", FILE, Position(5, 2)) == "#relu"


def test_the_nearest_of_two_calls_on_a_line_is_meant() -> None:
    both = trace(operation("#sin", "", "t1", at=(3, 8, 14)), operation("#cos", "", "t2", at=(3, 30, 36)))
    assert find_node(both, "", FILE, Position(3, 17)) == "#sin"
    assert find_node(both, "", FILE, Position(3, 28)) == "#cos"


def with_assignment(module: str) -> Trace:
    """The residual net, with `self.….… = …` on line 4 of its `__init__`."""
    net = residual_net()
    read = Read(FILE, Position(4, 8), Position(4, 18), "self.conv1", "module", module=module)
    return trace(*net.operations, reads=(read,))


@pytest.mark.parametrize(
    ("module", "opened", "node"),
    [("conv1", "", "conv1"), ("block.fc", "", "block"), ("block.fc", "block", "block.fc"), ("conv1", "block", None)],
)
def test_an_assignment_in_init_lights_the_call_of_what_it_makes(module: str, opened: str, node: str | None) -> None:
    assert find_node(with_assignment(module), opened, FILE, Position(4, 12)) == node


def test_a_container_that_is_not_called_lights_its_first_part() -> None:
    read = Read(FILE, Position(4, 8), Position(4, 18), "self.layers", "module", module="layers")
    stack = trace(operation("layers.0", "", "t1"), operation("layers.1", "t1", "t2"), reads=(read,))
    assert find_node(stack, "", FILE, Position(4, 10)) == "layers.0"


def test_an_unknown_path_is_said_so() -> None:
    with pytest.raises(UnknownLevel):
        find_node(residual_net(), "gone", FILE, Position(1, 0))
