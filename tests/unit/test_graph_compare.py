"""What differs between two models: matched level by level, marked in one drawing, told in a table."""

from __future__ import annotations

from dataclasses import replace

from pymodel.graph.compare import REMOVED, Comparison, compare_traces
from pymodel.graph.level import build_level
from pymodel.schema import Trace

from .graph_traces import chain_of_blocks, operation, residual_net, trace


def chain(*names: str) -> Trace:
    steps = [operation(f"#{name}", f"t{i}", f"t{i + 1}", type=name) for i, name in enumerate(names)]
    return trace(operation("input:x", "", "t0"), *steps, operation("output:output", f"t{len(names)}", kind="output"))


def marks(before: Trace, after: Trace, path: str = "") -> list[tuple[str, str | None]]:
    level = build_level(after, path, Comparison.of(before, after))
    return [(node.id, node.change) for node in level.nodes]


def test_equal_models_have_no_change() -> None:
    assert compare_traces(residual_net(), residual_net(), "git:HEAD").changes == ()
    assert {change for _, change in marks(residual_net(), residual_net())} == {None}


def test_an_operation_put_in_between_makes_no_other_one_new() -> None:
    found = marks(chain("relu", "mul", "add"), chain("relu", "tanh", "mul", "add"))
    assert found[1:-1] == [("#relu", None), ("#tanh", "added"), ("#mul", None), ("#add", None)]


def test_what_is_gone_is_drawn_where_it_was_with_its_edges() -> None:
    before, after = chain("relu", "mul", "add"), chain("relu", "add")
    level = build_level(after, "", Comparison.of(before, after))
    assert [node.id for node in level.nodes[1:-1]] == ["#relu", f"{REMOVED}#mul", "#add"]
    ends = {(edge.from_, edge.to) for edge in level.edges}
    assert {("#relu", f"{REMOVED}#mul"), (f"{REMOVED}#mul", "#add"), ("#relu", "#add")} <= ends
    (change,) = compare_traces(before, after, "git:HEAD").changes
    assert (change.id, change.change, change.after) == ("#mul", "removed", None)


def test_changed_and_reshaped_are_told_apart_and_a_module_changes_with_what_is_in_it() -> None:
    before = residual_net()
    wider = tuple(
        replace(each, outputs=tuple(replace(t, dims=("B", 128)) for t in each.outputs))
        if each.id == "block#add"
        else each
        for each in before.operations
    )
    assert dict(marks(before, replace(before, operations=wider), "block"))["block#add"] == "reshaped"
    assert dict(marks(before, replace(before, operations=wider)))["block"] == "changed"
    larger = tuple(replace(each, parameters=9) if each.id == "conv1" else each for each in before.operations)
    (change,) = compare_traces(before, replace(before, operations=larger), "git:HEAD").changes
    assert (change.id, change.change) == ("conv1", "changed")
    assert change.before is not None
    assert change.after is not None
    assert (change.before.parameters, change.after.parameters) == (1792, 9)


def test_a_block_more_is_added_whole() -> None:
    changes = compare_traces(chain_of_blocks(3), chain_of_blocks(4), "git:HEAD").changes
    assert [(each.id, each.change) for each in changes] == [("layers.3", "added")]
    found = marks(chain_of_blocks(3), chain_of_blocks(4))
    assert found[1:-1] == [("layers.0", None), ("layers.3", "added")], "the row of old blocks stays folded"
    assert {change for _, change in marks(chain_of_blocks(3), chain_of_blocks(4), "layers.3")} == {"added"}
