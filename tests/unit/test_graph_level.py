"""Levels of the graph: which nodes and edges a hand-made trace gives."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from pymodel.graph.level import UnknownLevel, breadcrumbs, build_level
from pymodel.schema import Diagnostic, Level, Position, Trace, dumps, from_json, to_json

from .graph_traces import FILE, chain_of_blocks, operation, residual_net, trace


def names(level: Level) -> list[str]:
    return [node.id for node in level.nodes]


def arrows(level: Level) -> set[tuple[str, str]]:
    return {(edge.from_, edge.to) for edge in level.edges}


def test_the_whole_model_shows_what_ran_in_its_own_forward() -> None:
    level = build_level(residual_net())
    assert names(level) == ["input:x", "conv1", "block", "#relu", "output:output"]
    assert arrows(level) == {
        ("input:x", "conv1"),
        ("conv1", "block"),
        ("block", "#relu"),
        ("#relu", "output:output"),
    }


def test_a_node_tells_shapes_parameters_arguments_and_place() -> None:
    conv = build_level(residual_net()).nodes[1]
    assert (conv.type, conv.path, conv.parameters) == ("Conv2d", "conv1", 1792)
    assert (conv.inputs, conv.outputs) == ((("B", 3),), (("B", 64),))
    assert conv.arguments == "3, 64, kernel_size=(3, 3)"
    assert conv.range is not None
    assert (conv.range.start.line, conv.range.start.column) == (10, 12)


def test_edges_carry_the_tensors_symbolic_shape() -> None:
    first = build_level(residual_net()).edges[0]
    assert (first.dims, first.dtype) == (("B", 3), "float32")


def test_an_opened_module_shows_its_own_inputs_and_outputs() -> None:
    level = build_level(residual_net(), "block")
    assert names(level) == ["block#input1", "block.fc", "block#add", "block#output1"]
    assert arrows(level) == {
        ("block#input1", "block.fc"),
        ("block#input1", "block#add"),
        ("block.fc", "block#add"),
        ("block#add", "block#output1"),
    }


def test_a_leaf_module_of_a_library_has_nothing_to_open() -> None:
    level = build_level(residual_net())
    assert {node.id: node.children for node in level.nodes} == {
        "input:x": 0,
        "conv1": 0,
        "block": 2,
        "#relu": 0,
        "output:output": 0,
    }


def test_a_tensor_that_leaves_or_enters_a_module_by_an_attribute_is_an_edge() -> None:
    shared = trace(
        operation("input:x", "", "t1"),
        operation("encoder", "t1", "t3"),
        operation("encoder#tanh", "t1", "t2", parent="encoder"),
        operation("encoder#exp", "t2", "t3", parent="encoder"),
        operation("decoder", "t3", "t5"),
        operation("decoder#add", "t3 t2", "t5", parent="decoder"),
    )
    assert ("encoder", "decoder") in arrows(build_level(shared))
    assert len([edge for edge in build_level(shared).edges if edge.to == "decoder"]) == 2
    inside = build_level(shared, "decoder")
    assert names(inside) == ["decoder#input1", "decoder#input2", "decoder#add", "decoder#output1"]
    assert [node.name for node in inside.nodes[:2]] == ["input 1", "input 2"]


def test_a_module_that_gives_back_its_input_stays_in_the_line() -> None:
    passed_on = trace(operation("input:x", "", "t1"), operation("identity", "t1", "t1"), operation("#relu", "t1", "t2"))
    assert arrows(build_level(passed_on)) == {("input:x", "identity"), ("identity", "#relu")}


def test_each_call_of_a_shared_module_is_a_node_of_its_own() -> None:
    twice = trace(
        operation("input:x", "", "t1"),
        operation("block", "t1", "t2"),
        operation("block#relu", "t1", "t2", parent="block", at=(5, 0, 9)),
        operation("block@2", "t2", "t3"),
        operation("block@2#relu", "t2", "t3", parent="block@2", at=(5, 0, 9)),
    )
    level = build_level(twice)
    assert [(node.id, node.path) for node in level.nodes[1:]] == [("block", "block"), ("block@2", "block")]
    assert names(build_level(twice, "block@2"))[1] == "block@2#relu"


def test_parameters_and_constants_are_not_nodes() -> None:
    level = build_level(trace(operation("#add", "weight bias", "t1")))
    assert names(level) == ["#add"]
    assert level.nodes[0].inputs == ()


def test_an_error_is_on_its_node_and_on_the_modules_around_it() -> None:
    broken = trace(operation("input:x", "", "t1"), operation("fc", "t1", "", error="mat1 and mat2 shapes do not fit"))
    assert build_level(broken).nodes[1].error == "mat1 and mat2 shapes do not fit"


def test_a_fault_is_explained_in_the_words_of_its_diagnostic() -> None:
    raw = "mat1 and mat2 shapes cannot be multiplied"
    broken = trace(
        operation("input:x", "", "t1"),
        operation("layers.0", "t1", "t2", error=raw, at=(9, 8, 16)),
        operation("layers.0.fc", "t1", "t2", parent="layers.0", error=raw, at=(5, 8, 20)),
        operation("layers.0.fc#linear", "t1", "t2", parent="layers.0.fc", error=raw, at=(5, 8, 20)),
        operation("layers.1", "t2", "t3", error=raw, at=(9, 8, 16)),
        operation("layers.1.fc", "t2", "t3", parent="layers.1", error=raw, at=(5, 8, 20)),
        operation("layers.1.fc#linear", "t2", "t3", parent="layers.1.fc", error=raw, at=(5, 8, 20)),
        operation("#cat", "t3", "", error="no diagnostic tells more", at=(11, 8, 16)),
    )
    messages = [f"`layers.{i}.fc` takes 32 features, but is given 48." for i in range(2)]
    place = (FILE, Position(5, 8), Position(5, 20))
    found = tuple(Diagnostic("shape-mismatch", "error", message, *place) for message in messages)
    level = build_level(replace(broken, diagnostics=found))
    assert [node.error for node in level.nodes] == [None, *messages, "no diagnostic tells more"]


def test_a_trace_without_operations_is_an_empty_level() -> None:
    assert build_level(trace()) == Level("", (), ())


@pytest.mark.parametrize("path", ["blok", "layers.9", "#input1", "~3-4x"])
def test_an_unknown_path_is_said_so(path: str) -> None:
    with pytest.raises(UnknownLevel, match="has no part"):
        build_level(residual_net(), path)


def test_breadcrumbs_lead_from_the_model_to_the_opened_part() -> None:
    assert breadcrumbs(residual_net(), "") == [("", "Net")]
    assert breadcrumbs(residual_net(), "block.fc") == [("", "Net"), ("block", "block"), ("block.fc", "fc")]


@pytest.mark.parametrize("made", [residual_net(), chain_of_blocks(5)])
def test_a_level_survives_json_with_the_contracts_keys(made: Trace) -> None:
    level = build_level(made)
    document = json.loads(dumps(level))
    assert set(document) == {"path", "nodes", "edges"}
    assert set(document["edges"][0]) == {"from", "to", "dims", "dtype"}
    assert {"id", "name", "type", "path", "range", "inputs", "outputs", "parameters", "flops", "children"} <= set(
        document["nodes"][0]
    )
    assert from_json(Level, to_json(level)) == level
