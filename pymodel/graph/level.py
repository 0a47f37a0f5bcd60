"""One level of a model's graph, and which of its nodes stands for a place in the code.

A level is named by its path: empty for the whole model, else the id of the node that was opened. It holds what ran
directly in that module, at most about 300 nodes.
"""

from __future__ import annotations

from ..schema import Level, Position, PyModelError, Trace
from .flow import trace_flow
from .folding import Drawing, draw_groups, fold_equal_blocks, open_group, split_group
from .hierarchy import ROOT, Hierarchy
from .lookup import find_operation


class UnknownLevel(PyModelError):
    """The path names no module call of this trace: the code has changed since, or it was mistyped."""

    def __init__(self, trace: Trace, path: str) -> None:
        super().__init__(f"{trace.target} has no part {path!r}.", advice="Open the whole model and go down from there.")


def build_level(trace: Trace, path: str = "") -> Level:
    """The level at `path`.

    Raises:
        UnknownLevel: nothing in the trace has this id.
    """
    drawing = _draw(Hierarchy(trace), path)
    return Level(path, drawing.nodes, drawing.edges)


def find_node(trace: Trace, path: str, file: str, position: Position) -> str | None:
    """The id of the innermost node of the level at `path` that stands for a place in `file`.

    Raises:
        UnknownLevel: nothing in the trace has this id.
    """
    hierarchy = Hierarchy(trace)
    drawing = _draw(hierarchy, path)
    found = find_operation(hierarchy, _opened(hierarchy, path), file, position)
    if found is None:
        return None
    id = drawing.drawn(hierarchy.operations[found].id)
    return id if any(node.id == id for node in drawing.nodes) else None


def breadcrumbs(trace: Trace, path: str) -> list[tuple[str, str]]:
    """The way down to the level at `path` as (path, name), the whole model first.

    Raises:
        UnknownLevel: nothing in the trace has this id.
    """
    hierarchy = Hierarchy(trace)
    opened = _opened(hierarchy, path)
    separator = "::" if "::" in trace.target else ":"
    crumbs = [("", trace.target.rpartition(separator)[2])]
    crumbs += [(hierarchy.operations[i].id, hierarchy.name(i)) for i in hierarchy.ancestors(opened)]
    group = split_group(path)[1]
    return [*crumbs, (path, f"{group[0] + 1}–{group[1]}")] if group else crumbs


def _draw(hierarchy: Hierarchy, path: str) -> Drawing:
    opened = _opened(hierarchy, path)
    level, group = split_group(path)
    drawing = fold_equal_blocks(trace_flow(hierarchy, opened))
    return open_group(drawing, path, *group) if group else draw_groups(drawing, level)


def _opened(hierarchy: Hierarchy, path: str) -> int:
    level = split_group(path)[0]
    if level and level not in hierarchy.index:
        raise UnknownLevel(hierarchy.trace, path)
    return hierarchy.index[level] if level else ROOT
