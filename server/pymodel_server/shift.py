"""Moves what was found in an older text to where it stands in a newer one. What stood on a changed line is dropped."""

from __future__ import annotations

import dataclasses
from difflib import SequenceMatcher
from typing import TypeVar

from pymodel.schema import Diagnostic, Operation, Position, Read, SizesAt, Trace, Value

Place = TypeVar("Place", Value, Read, Diagnostic, SizesAt)


def map_lines(old: list[str], new: list[str]) -> dict[int, int]:
    """For each line of the old text that is unchanged, its number in the new one (both from 1)."""
    if old == new:
        return {n: n for n in range(1, len(old) + 1)}
    head = 0
    while head < min(len(old), len(new)) and old[head] == new[head]:
        head += 1
    tail = 0
    while tail < min(len(old), len(new)) - head and old[-1 - tail] == new[-1 - tail]:
        tail += 1
    mapping = {n: n for n in range(1, head + 1)}
    mapping.update({len(old) - n: len(new) - n for n in range(tail)})
    middle_old, middle_new = old[head : len(old) - tail], new[head : len(new) - tail]
    if len(middle_old) * len(middle_new) < 250_000:
        matcher = SequenceMatcher(None, middle_old, middle_new, autojunk=False)
        for block in matcher.get_matching_blocks():
            for n in range(block.size):
                mapping[head + block.a + n + 1] = head + block.b + n + 1
    return mapping


def shift_trace(trace: Trace, path: str, mapping: dict[int, int]) -> Trace:
    """The trace with all that lies in the file at `path` moved along; other files are untouched."""
    return dataclasses.replace(
        trace,
        values=_shift_all(trace.values, path, mapping),
        reads=_shift_all(trace.reads, path, mapping),
        sizes=_shift_all(trace.sizes, path, mapping),
        diagnostics=shift_diagnostics(trace.diagnostics, path, mapping),
        operations=tuple(_shift_operation(each, mapping) if each.path == path else each for each in trace.operations),
    )


def shift_diagnostics(
    diagnostics: tuple[Diagnostic, ...], path: str, mapping: dict[int, int]
) -> tuple[Diagnostic, ...]:
    """What still stands where it stood. Fixes go: they were proven on the text as it was."""
    return tuple(dataclasses.replace(each, fixes=()) for each in _shift_all(diagnostics, path, mapping))


def _shift_all(places: tuple[Place, ...], path: str, mapping: dict[int, int]) -> tuple[Place, ...]:
    moved = []
    for each in places:
        if each.path != path or _stays(each.start.line, each.end.line, mapping):
            moved.append(each)
        elif _is_unchanged(each.start.line, each.end.line, mapping):
            start, end = _move(each.start, mapping), _move(each.end, mapping)
            moved.append(dataclasses.replace(each, start=start, end=end))
    return tuple(moved)


def _shift_operation(operation: Operation, mapping: dict[int, int]) -> Operation:
    """An operation stays in the graph when its line has changed, but leads nowhere."""
    start, end = operation.start, operation.end
    if start is not None and end is not None and _stays(start.line, end.line, mapping):
        return operation
    if start is None or end is None or not _is_unchanged(start.line, end.line, mapping):
        return dataclasses.replace(operation, start=None, end=None)
    return dataclasses.replace(operation, start=_move(start, mapping), end=_move(end, mapping))


def _stays(first: int, last: int, mapping: dict[int, int]) -> bool:
    """Whether lines are where they were: what stands on them need not be made anew."""
    return all(mapping.get(line) == line for line in range(first, last + 1))


def _is_unchanged(first: int, last: int, mapping: dict[int, int]) -> bool:
    """Whether lines stand in the new text as they stood in the old, with nothing between them that is new."""
    offset = mapping.get(first, 0) - first
    return all(mapping.get(line) == line + offset for line in range(first, last + 1))


def _move(position: Position, mapping: dict[int, int]) -> Position:
    return Position(mapping[position.line], position.column)
