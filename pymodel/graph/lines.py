"""What of a trace stands at the end of each line: one value a line, the one that the line is for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from ..schema import Trace, Value


def values_at_line_ends(
    trace: Trace, path: str, lines: Sequence[str], wanted: Literal["assigned", "all"]
) -> dict[int, Value]:
    """By line, the value whose shape stands at its end. The leftmost is what a statement is for: `y` in
    `y = cat([f(x) for x in xs])`; of those that begin there, the widest: all of `f(x).mean()`. What is assigned over
    several lines is told at the first."""
    shown = [
        value
        for value in trace.values
        if value.path == path and value.kind == "tensor" and value.phase == "forward" and not _is_header(value, lines)
    ]
    found: dict[int, Value] = {}
    for value in sorted(shown, key=lambda each: (each.start.line, each.start.column, -each.end.line, -each.end.column)):
        first = found.get(value.start.line)
        told = first is not None and first.name is not None and first.dims == value.dims
        if (wanted == "all" and not told) or value.name is not None:
            found.setdefault(value.end.line, value)
    return found


def _is_header(value: Value, lines: Sequence[str]) -> bool:
    """Arguments in a `def` line: the lens tells them already."""
    line = lines[value.end.line - 1] if value.end.line <= len(lines) else ""
    return line.lstrip().startswith(("def ", "async def "))
