"""Patterns that rearrange dimensions, in the notation of einops: `"b (h d) n -> b h n d"`, of which axes have sizes."""

from __future__ import annotations

import re
from math import prod

Shape = tuple[int, ...]
ELLIPSIS = "..."


class PatternError(ValueError):
    """It is no pattern, or does not tell the sizes of what it makes."""


def groups_of(side: str) -> list[list[str]]:
    """The dimensions of one side, each as the axes it is made of: `b (h d) 1` → `[["b"], ["h", "d"], []]`.

    Raises:
        PatternError: brackets that do not close.
    """
    if not re.fullmatch(r"\s*(?:(?:\([^()]*\)|[^\s()]+)\s*)*", side):
        raise PatternError(f"{side!r} is no side of a pattern")
    found = re.findall(r"\(([^()]*)\)|([^\s()]+)", side)
    return [[axis for axis in (inside or outside).split() if axis != "1"] for inside, outside in found]


def shape_of_pattern(pattern: str, source: Shape, sizes: dict[str, int]) -> Shape:
    """What `pattern` means to make of a tensor that does not fit it: axes of given sizes keep them, others take what is
    there.

    Raises:
        PatternError: it is no such pattern, or the size of an axis cannot be told.
    """
    left, arrow, right = pattern.partition("->")
    if not arrow:
        raise PatternError(f"{pattern!r} has no arrow")
    before, after = groups_of(left), groups_of(right)
    known = dict(sizes)
    rest: Shape = ()
    if [ELLIPSIS] in before:
        at = before.index([ELLIPSIS])
        behind = len(before) - at - 1
        rest = source[at : max(at, len(source) - behind)]
        _measure(before[:at], source[:at], known)
        if behind:
            _measure(before[at + 1 :][::-1], source[::-1], known)
    elif len(before) == len(source) or all(len(group) <= 1 for group in before):
        _measure(before, source, known)
    shape: list[int] = []
    for group in after:
        if group == [ELLIPSIS]:
            shape += rest
            continue
        unknown = [axis for axis in group if axis != ELLIPSIS and not axis.isdigit() and axis not in known]
        if unknown:
            raise PatternError(f"the size of {unknown[0]} is not known")
        shape.append(prod(prod(rest) if axis == ELLIPSIS else _size(axis, known) for axis in group))
    return tuple(shape)


def misfit(pattern: str, source: tuple[int | str, ...], sizes: dict[str, int]) -> tuple[int, list[str], int] | None:
    """The first dimension whose size is no multiple of the sizes given for its axes: its place, its axes, and what must
    divide it. None where the trouble is another, as with a different number of dimensions."""
    before = groups_of(pattern.partition("->")[0])
    if [ELLIPSIS] in before:
        at = before.index([ELLIPSIS])
        before[at : at + 1] = [[] for _ in range(len(source) - len(before) + 1)]
    if len(before) != len(source):
        return None
    for place, (group, size) in enumerate(zip(before, source, strict=True)):
        given = prod(sizes.get(axis, 1) for axis in group)
        whole = all(axis in sizes for axis in group)
        if isinstance(size, int) and group and (size % given or (whole and size != given)):
            return place, group, given
    return None


def _measure(groups: list[list[str]], source: Shape, known: dict[str, int]) -> None:
    """Of each dimension the one axis without a size has what is left of it."""
    for group, size in zip(groups, source, strict=False):
        unknown = [axis for axis in group if axis not in known and not axis.isdigit()]
        if len(unknown) == 1:
            known[unknown[0]] = max(1, size // prod(_size(axis, known) for axis in group if axis != unknown[0]))


def _size(axis: str, known: dict[str, int]) -> int:
    return int(axis) if axis.isdigit() else known[axis]
