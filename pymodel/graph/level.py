"""One level of a model's graph, and which of its nodes stands for a place in the code.

A level is named by its path: empty for the whole model, else the id of the node that was opened. It holds what ran
directly in that module, at most about 300 nodes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ..schema import Level, Position, PyModelError, Trace
from .compare import Comparison, merge_flows
from .flow import trace_flow
from .folding import Drawing, draw_groups, fold_equal_blocks, name_of_row, open_group, open_row, split_group, split_row
from .hierarchy import ROOT, Hierarchy, hierarchy_of
from .lookup import find_operation


class UnknownLevel(PyModelError):
    """The path names no module call of this trace: the code has changed since, or it was mistyped."""

    def __init__(self, trace: Trace, path: str) -> None:
        super().__init__(f"{trace.target} has no part {path!r}.", advice="Open the whole model and go down from there.")


@dataclass(frozen=True)
class Place:
    """Where a node is drawn: the path of the level, and the id of the node that is drawn there for it."""

    path: str
    id: str


def build_level(trace: Trace, path: str = "", comparison: Comparison | None = None) -> Level:
    """The level at `path`; with `comparison`, what the other model has there is drawn too.

    Raises:
        UnknownLevel: nothing in the trace has this id.
    """
    drawing = _draw(hierarchy_of(trace), path, comparison)
    return Level(path, drawing.nodes, drawing.edges)


def find_node(trace: Trace, path: str, file: str, position: Position, inner: Sequence[str] = ()) -> str | None:
    """The id of the innermost node that stands for a place in `file`, of those drawn in the level at `path` and in the
    levels opened in it (`inner`).

    Raises:
        UnknownLevel: nothing in the trace has this id.
    """
    hierarchy = hierarchy_of(trace)
    known = [each for each in inner if _is_level(hierarchy, each)]
    for level in (*sorted(known, key=lambda each: -_depth(hierarchy, each)), path):
        found = find_operation(hierarchy, _opened(hierarchy, level), file, position)
        if found is not None:
            drawing = _draw(hierarchy, level)
            id = drawing.drawn(hierarchy.operations[found].id)
            if any(node.id == id for node in drawing.nodes):
                return id
    return None


def locate(trace: Trace, id: str) -> Place:
    """Where to look for the operation `id`.

    Raises:
        UnknownLevel: nothing in the trace has this id.
    """
    hierarchy = hierarchy_of(trace)
    if id not in hierarchy.index:
        raise UnknownLevel(trace, id)
    parent = hierarchy.parents[hierarchy.index[id]]
    path = "" if parent == ROOT else hierarchy.operations[parent].id
    drawn = _draw(hierarchy, path).drawn(id)
    return Place(drawn, id) if split_group(drawn)[1] is not None else Place(path, drawn)


def breadcrumbs(trace: Trace, path: str) -> list[tuple[str, str]]:
    """The way down to the level at `path` as (path, name), the whole model first.

    Raises:
        UnknownLevel: nothing in the trace has this id.
    """
    hierarchy = hierarchy_of(trace)
    opened = _opened(hierarchy, path)
    separator = "::" if "::" in trace.target else ":"
    crumbs = [("", trace.target.rpartition(separator)[2])]
    crumbs += [(hierarchy.operations[i].id, hierarchy.name(i)) for i in hierarchy.ancestors(opened)]
    group, row = split_group(path)[1], split_row(path)
    if group:
        return [*crumbs, (path, f"{group[0] + 1}–{group[1]}")]
    if row:
        drawing = _draw(hierarchy, path)
        blocks = [node.name for node in drawing.nodes if node.kind not in ("input", "output")]
        return [*crumbs, (path, name_of_row(blocks[0], blocks[-1]))]
    return crumbs


def _draw(hierarchy: Hierarchy, path: str, comparison: Comparison | None = None) -> Drawing:
    if comparison is not None:
        return _drawn_anew(hierarchy, path, comparison)
    if path not in hierarchy.drawings:
        hierarchy.drawings[path] = _drawn_anew(hierarchy, path, None)
    return hierarchy.drawings[path]


def _drawn_anew(hierarchy: Hierarchy, path: str, comparison: Comparison | None) -> Drawing:
    opened = _opened(hierarchy, path)
    level, group = split_group(path)
    row = split_row(level)
    flow = trace_flow(hierarchy, opened)
    if comparison is not None:
        flow = merge_flows(comparison, opened, flow)
    if row is not None:
        return open_row(Drawing(flow.nodes, flow.edges), path, *row)
    drawing = fold_equal_blocks(flow)
    return open_group(drawing, path, *group) if group else draw_groups(drawing, level)


def _is_level(hierarchy: Hierarchy, path: str) -> bool:
    level = split_group(path)[0]
    row = split_row(level)
    if row is None:
        return not level or level in hierarchy.index
    first, count = row
    start = hierarchy.index.get(first)
    return start is not None and count <= len(hierarchy.children[hierarchy.parents[start]])


def _opened(hierarchy: Hierarchy, path: str) -> int:
    """The module call whose inside the level is of, or ROOT."""
    if not _is_level(hierarchy, path):
        raise UnknownLevel(hierarchy.trace, path)
    level = split_group(path)[0]
    row = split_row(level)
    if row is not None:
        return hierarchy.parents[hierarchy.index[row[0]]]
    return hierarchy.index[level] if level else ROOT


def _depth(hierarchy: Hierarchy, path: str) -> int:
    return len(hierarchy.ancestors(_opened(hierarchy, path))) + (split_row(path) is not None)
