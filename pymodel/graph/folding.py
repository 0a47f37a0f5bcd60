"""Keeps a level small enough to read: equal blocks in a row become one node, long levels are cut in groups.

Each step returns its nodes and edges with `stands_for`, which tells where the nodes that are gone went.
"""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass, field, replace

from ..schema import Edge, Node
from .flow import Flow, boundary_node

MAX_NODES = 300
"""A level with more takes seconds to lay out."""

_GROUP = re.compile(r"^(?P<level>.*)~(?P<start>\d+)-(?P<stop>\d+)$", re.DOTALL)
_ROW = re.compile(r"^(?P<first>.*)×(?P<count>\d+)$", re.DOTALL)


@dataclass(frozen=True)
class Drawing:
    """`stands_for`: the node drawn in place of one that is not drawn, by their ids."""

    nodes: tuple[Node, ...]
    edges: tuple[Edge, ...]
    stands_for: dict[str, str] = field(default_factory=dict)

    def drawn(self, id: str) -> str:
        """The id of the node that is drawn for node `id`: often itself."""
        return self.stands_for.get(id, id)


def split_group(path: str) -> tuple[str, tuple[int, int] | None]:
    """A path as `draw_groups` makes them, taken apart: the level, and which of its nodes (start, stop) are meant."""
    match = _GROUP.match(path)
    if match is None:
        return path, None
    return match["level"], (int(match["start"]), int(match["stop"]))


def split_row(path: str) -> tuple[str, int] | None:
    """The path of a row of equal blocks, taken apart: the id of the first, and how many they are."""
    match = _ROW.match(path)
    return (match["first"], int(match["count"])) if match else None


def open_row(drawing: Drawing, path: str, first: str, count: int) -> Drawing:
    """The blocks of a row one by one, out of a level in which none are folded."""
    steps = [node.id for node in drawing.nodes if node.kind not in ("input", "output")]
    start = steps.index(first)
    return open_group(drawing, path, start, start + count)


def fold_equal_blocks(flow: Flow) -> Drawing:
    """Runs of blocks alike in type, shapes and size, each fed by the one before alone, become one with `repeats`."""
    after: dict[str, set[str]] = defaultdict(set)
    before: dict[str, set[str]] = defaultdict(set)
    for edge in flow.edges:
        after[edge.from_].add(edge.to)
        before[edge.to].add(edge.from_)

    def follows(node: Node, last: Node) -> bool:
        return (
            _is_block(node)
            and _is_block(last)
            and _likeness(node) == _likeness(last)
            and after[last.id] == {node.id}
            and last.id in before[node.id]
            and before[node.id] - {last.id} <= before[last.id]
        )

    runs: list[list[Node]] = []
    for node in flow.nodes:
        if runs and follows(node, runs[-1][-1]):
            runs[-1].append(node)
        else:
            runs.append([node])
    stands_for = {node.id: run[0].id for run in runs for node in run[1:]}
    nodes = tuple(_folded(run) if len(run) > 1 else run[0] for run in runs)
    return Drawing(nodes, _redirected(flow.edges, stands_for), stands_for)


def draw_groups(drawing: Drawing, path: str) -> Drawing:
    """Cut a level of more than MAX_NODES nodes in groups of neighbours; each group opens as a level of its own."""
    steps = [node for node in drawing.nodes if node.kind not in ("input", "output")]
    room = MAX_NODES - (len(drawing.nodes) - len(steps))
    if len(drawing.nodes) <= MAX_NODES or room < 2:
        return drawing
    size = -(-len(steps) // room)
    groups = {node.id: index // size for index, node in enumerate(steps)}
    nodes: dict[str, Node] = {}
    stands_for = {}
    for node in drawing.nodes:
        if node.id not in groups:
            nodes[node.id] = node
            continue
        start = groups[node.id] * size
        members = steps[start : start + size]
        group = _group_node(f"{path}~{start}-{start + len(members)}", members)
        nodes[group.id] = group
        stands_for[node.id] = group.id
    edges = _redirected(drawing.edges, stands_for)
    passed_on = {id: stands_for.get(target, target) for id, target in drawing.stands_for.items()}
    return Drawing(tuple(nodes.values()), edges, {**stands_for, **passed_on})


def open_group(drawing: Drawing, path: str, start: int, stop: int) -> Drawing:
    """The nodes of one group, with what enters and leaves it as the level's inputs and outputs."""
    steps = [node for node in drawing.nodes if node.kind not in ("input", "output")]
    names = {node.id: node.name for node in drawing.nodes}
    members = {node.id: node for node in steps[start:stop]}
    inputs: dict[str, Node] = {}
    outputs: dict[str, Node] = {}
    edges = []
    for edge in drawing.edges:
        if edge.to in members and edge.from_ not in members:
            source = boundary_node(f"{path}#input:{edge.from_}", names[edge.from_], "input", edge.dims)
            inputs[source.id] = source
            edges.append(replace(edge, from_=source.id))
        elif edge.from_ in members and edge.to not in members:
            sink = boundary_node(f"{path}#output:{edge.from_}", names[edge.from_], "output", edge.dims)
            outputs[sink.id] = sink
            edges.append(replace(edge, to=sink.id))
        elif edge.to in members:
            edges.append(edge)
    nodes = (*inputs.values(), *members.values(), *outputs.values())
    return Drawing(nodes, tuple(dict.fromkeys(edges)), drawing.stands_for)


def _is_block(node: Node) -> bool:
    return node.kind == "module" and node.children > 0 and node.error is None


def _likeness(node: Node) -> tuple[object, ...]:
    return (
        node.type,
        node.arguments,
        node.inputs,
        node.outputs,
        node.parameters,
        node.flops,
        node.children,
        node.change,
    )


def _folded(run: list[Node]) -> Node:
    return replace(run[0], name=name_of_row(run[0].name, run[-1].name), repeats=len(run))


def name_of_row(first: str, last: str) -> str:
    """`layers.0…11` for what goes from `layers.0` to `layers.11`."""
    stem, dot, _ = first.rpartition(".")
    return f"{first}…{last.removeprefix(stem + dot) if last.startswith(stem + dot) else last}"


def _group_node(id: str, members: list[Node]) -> Node:
    first, last = members[0], members[-1]
    return Node(
        id=id,
        name=name_of_row(first.name, last.name),
        type=f"{len(members)} nodes",
        path=None,
        range=first.range,
        inputs=first.inputs,
        outputs=last.outputs,
        parameters=sum(node.parameters for node in members),
        flops=_add_up([node.flops for node in members]),
        children=len(members),
        kind="group",
        error=next((node.error for node in members if node.error), None),
        activation_bytes=_add_up([node.activation_bytes for node in members]),
        trainable=sum(node.trainable for node in members),
    )


def _add_up(amounts: list[int | str]) -> int | str:
    known = sum(amount for amount in amounts if isinstance(amount, int))
    symbolic = [f"({amount})" for amount in amounts if isinstance(amount, str)]
    return " + ".join([*symbolic, *([str(known)] if known else [])]) if symbolic else known


def _redirected(edges: tuple[Edge, ...], stands_for: dict[str, str]) -> tuple[Edge, ...]:
    """Edges between the nodes that are drawn. Those within one of them are gone, those that became equal are one."""
    result: dict[Edge, None] = {}
    untouched = []
    for edge in edges:
        ends = stands_for.get(edge.from_, edge.from_), stands_for.get(edge.to, edge.to)
        if ends == (edge.from_, edge.to):
            untouched.append(edge)
        elif ends[0] != ends[1]:
            result[replace(edge, from_=ends[0], to=ends[1])] = None
    return (*untouched, *result)
