"""Finds the operation of a level that stands for a place in the code: what moving the cursor lights up."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import chain

from ..schema import Operation, Position, Range
from .hierarchy import ROOT, Hierarchy, module_path

NEVER = Position(0, 0)


def find_operation(hierarchy: Hierarchy, opened: int, file: str, position: Position) -> int | None:
    """The operation directly in `opened` that is at `position`, or encloses what is, or is made by the line there.

    Between operations of one line the nearest is meant, so that the cursor may stand anywhere on it.
    """
    here = hierarchy.lines.get((file, position.line), [])
    members = [i for i in here if hierarchy.parents[i] == opened]
    found = _smallest_containing(hierarchy, members, file, position)
    if found is not None:
        return found
    deeper = [i for i in here if _is_deep_inside(hierarchy, i, opened)]
    found = _smallest_containing(hierarchy, deeper, file, position)
    if found is not None:
        return hierarchy.representative(found, opened)
    named = _named_module(hierarchy, opened, file, position)
    if named is not None:
        return named
    for candidates in (members, deeper):
        found = _nearest_on_line(hierarchy, candidates, file, position)
        if found is not None:
            return hierarchy.representative(found, opened)
    return None


def _is_deep_inside(hierarchy: Hierarchy, i: int, opened: int) -> bool:
    return hierarchy.parents[i] != opened and hierarchy.representative(i, opened) is not None


def _smallest_containing(hierarchy: Hierarchy, candidates: Iterable[int], file: str, position: Position) -> int | None:
    around = [i for i in candidates if _range_in(hierarchy.operations[i], file).contains(position)]
    return min(around, key=lambda i: _size(_range_in(hierarchy.operations[i], file)), default=None)


def _nearest_on_line(hierarchy: Hierarchy, candidates: Iterable[int], file: str, position: Position) -> int | None:
    """Of operations that all stand on the position's line."""

    def distance(i: int) -> tuple[int, int]:
        place = _range_in(hierarchy.operations[i], file)
        from_start = place.start.column - position.column if place.start.line == position.line else 0
        from_end = position.column - place.end.column if place.end.line == position.line else 0
        return max(from_start, from_end, 0), -i

    return min(candidates, key=distance, default=None)


def _named_module(hierarchy: Hierarchy, opened: int, file: str, position: Position) -> int | None:
    """The module that an expression at `position` names, such as the `self.conv1` that `__init__` assigns."""
    for read in hierarchy.trace.reads:
        if read.module and read.path == file and Range(read.start, read.end).contains(position):
            found = _enclosing(hierarchy, opened, read.module)
            if found is not None:
                return found
    prefix = "" if opened == ROOT else f"{module_path(hierarchy.operations[opened])}."
    for value in hierarchy.trace.values:
        named = value.phase == "init" and value.path == file and value.start.line <= position.line <= value.end.line
        attribute = (value.name or value.text).removeprefix("self.")
        if named and attribute.isidentifier():
            found = _enclosing(hierarchy, opened, prefix + attribute)
            if found is not None:
                return found
    return None


def _enclosing(hierarchy: Hierarchy, opened: int, module: str) -> int | None:
    """The call directly in `opened` of a module, or of one that holds it; of a container, the first that it holds."""
    paths = {i: module_path(hierarchy.operations[i]) for i in hierarchy.children.get(opened, [])}
    calls = {i: path for i, path in paths.items() if path is not None}
    outward = (i for i, path in calls.items() if f"{module}.".startswith(f"{path}."))
    inward = (i for i, path in calls.items() if path.startswith(f"{module}."))
    return next(chain(outward, inward), None)


def _range_in(operation: Operation, file: str) -> Range:
    """Where the operation stands in `file`; a range that holds nothing if it does not."""
    if operation.path != file or operation.start is None or operation.end is None:
        return Range(NEVER, NEVER)
    return Range(operation.start, operation.end)


def _size(place: Range) -> tuple[int, int]:
    lines = place.end.line - place.start.line
    return lines, place.end.column - (place.start.column if lines == 0 else 0)
