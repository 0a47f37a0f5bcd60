"""Two models side by side: which node of one is which of the other, and what differs between them.

Nodes are matched level by level, in the order executed, as lines of text are by a diff: an operation that is put in
between makes no other node a new one.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from difflib import SequenceMatcher

from ..schema import Change, Edge, GraphDiff, Node, NodeChange, NodeFacts, Trace
from .flow import Flow, trace_flow
from .hierarchy import ROOT, Hierarchy, module_path

REMOVED = "−"
"""Stands before the id of a node that only the older model has: its newer namesake may be another."""


@dataclass
class Comparison:
    """Operations by index: of the newer model (`after`) those that are new, and for the others the older ones."""

    before: Hierarchy
    after: Hierarchy
    matched: dict[int, int] = field(default_factory=dict)
    """The older operation of a newer one."""
    levels: dict[int, int] = field(default_factory=lambda: {ROOT: ROOT})
    """The older module call of a newer one whose insides were compared."""
    changed: dict[int, Change] = field(default_factory=dict)
    """By the newer operation; a module in which something has changed has changed."""
    removed: dict[int, list[int]] = field(default_factory=dict)
    """Older operations that are gone, by the newer module call they would be in."""

    @classmethod
    def of(cls, before: Trace, after: Trace) -> Comparison:
        comparison = cls(Hierarchy(before), Hierarchy(after))
        comparison._compare_level(ROOT, ROOT)
        return comparison

    def _compare_level(self, older: int, newer: int) -> None:
        self.levels[newer] = older
        olds, news = self.before.children.get(older, []), self.after.children.get(newer, [])
        keys = [_key(self.before, i) for i in olds], [_key(self.after, i) for i in news]
        kept_old = set()
        for block in SequenceMatcher(None, *keys, autojunk=False).get_matching_blocks():
            for offset in range(block.size):
                old, new = olds[block.a + offset], news[block.b + offset]
                kept_old.add(old)
                self.matched[new] = old
                self._compare_pair(old, new)
        self.removed[newer] = [i for i in olds if i not in kept_old]
        for new in news:
            if new not in self.matched:
                self.changed[new] = "added"
        inside = any(new in self.changed for new in news) or bool(self.removed[newer])
        if inside and newer != ROOT and self.after.visible_children(newer):
            self.changed.setdefault(newer, "changed")

    def _compare_pair(self, old: int, new: int) -> None:
        before, after = _facts(self.before, old), _facts(self.after, new)
        shapes_aside = (before.type, before.arguments, before.parameters) == (
            after.type,
            after.arguments,
            after.parameters,
        )
        if before != after:
            self.changed[new] = "reshaped" if shapes_aside else "changed"
        if self.before.operations[old].kind == "module":
            self._compare_level(old, new)


def compare_traces(before: Trace, after: Trace, base: str) -> GraphDiff:
    """What differs, as a table: each node that was added, removed, changed or reshaped by itself."""
    comparison = Comparison.of(before, after)
    changes: list[NodeChange] = []

    def visit(newer: int) -> None:
        older = comparison.before
        for i in comparison.removed.get(newer, []):
            changes.append(NodeChange(older.operations[i].id, "removed", _facts(older, i), None))
        for i in comparison.after.children.get(newer, []):
            change = comparison.changed.get(i)
            operation = comparison.after.operations[i]
            if change is None or operation.kind in ("input", "output"):
                continue
            facts = _facts(comparison.after, i)
            if change == "added":
                changes.append(NodeChange(operation.id, change, None, facts))
                continue
            was = _facts(older, comparison.matched[i])
            if was != facts:
                changes.append(NodeChange(operation.id, change, was, facts))
            if comparison.after.visible_children(i):
                visit(i)

    visit(ROOT)
    return GraphDiff(base, _totals(before), _totals(after), tuple(changes))


def merge_flows(comparison: Comparison, opened: int, flow: Flow) -> Flow:
    """A level of the newer model with the changes marked, and what the older one has besides drawn where it was."""
    older = comparison.levels.get(opened)
    if older is None:
        return Flow(tuple(replace(node, change="added") for node in flow.nodes), flow.edges)
    nodes = [_marked(comparison, node) for node in flow.nodes]
    before = trace_flow(comparison.before, older)
    gone = {comparison.before.operations[i].id for i in comparison.removed.get(opened, [])}
    now = _newer_ids(comparison, before, flow)
    renamed = {node.id: now.get(node.id, REMOVED + node.id if node.id in gone else "") for node in before.nodes}
    for older_node, previous in zip(before.nodes, (None, *before.nodes), strict=False):
        if older_node.id in gone:
            at = next((n for n, node in enumerate(nodes) if previous and node.id == renamed[previous.id]), -1)
            removed = replace(older_node, id=REMOVED + older_node.id, change="removed", children=0, error=None)
            nodes.insert(at + 1, removed)
    edges = dict.fromkeys(flow.edges)
    for edge in before.edges:
        ends = renamed[edge.from_], renamed[edge.to]
        if all(ends) and any(end.startswith(REMOVED) for end in ends):
            edges[Edge(*ends, edge.dims, edge.dtype)] = None
    return Flow(tuple(nodes), tuple(edges))


def _marked(comparison: Comparison, node: Node) -> Node:
    i = comparison.after.index.get(node.id)
    return node if i is None or node.kind in ("input", "output") else replace(node, change=comparison.changed.get(i))


def _newer_ids(comparison: Comparison, before: Flow, flow: Flow) -> dict[str, str]:
    """The ids that nodes of the older level have in the newer one; a level's own inputs and outputs by their place."""
    pairs = {
        comparison.before.operations[old].id: comparison.after.operations[new].id
        for new, old in comparison.matched.items()
    }
    drawn = {node.id for node in flow.nodes}
    for kind in ("input", "output"):
        ends = [[node.id for node in each.nodes if node.kind == kind] for each in (before, flow)]
        pairs.update((old, new) for old, new in zip(*ends, strict=False) if old not in pairs)
    return {old: new for old, new in pairs.items() if new in drawn}


def _key(hierarchy: Hierarchy, i: int) -> tuple[str, str]:
    """What makes an operation the same as one of the other model: a module by its name, an operation by its kind."""
    operation = hierarchy.operations[i]
    return operation.kind, hierarchy.name(i) if operation.kind == "module" else operation.type


def _facts(hierarchy: Hierarchy, i: int) -> NodeFacts:
    operation = hierarchy.operations[i]
    module = hierarchy.modules.get(module_path(operation) or "") if operation.kind == "module" else None
    return NodeFacts(
        operation.type,
        module.arguments if module else "",
        tuple(tensor.dims for tensor in operation.outputs),
        operation.parameters,
        operation.flops,
        operation.activation_bytes,
    )


def _totals(trace: Trace) -> NodeFacts:
    totals = trace.totals
    outputs = next((module.outputs for module in trace.modules if not module.path), ())
    name = trace.target.rpartition("::")[2]
    if totals is None:
        return NodeFacts(name, "", outputs, 0, 0, 0)
    return NodeFacts(name, "", outputs, totals.parameters, totals.flops, totals.activation_bytes)
