"""Inlay hints: the shape of each assigned tensor at the end of its line; never on a line newer than the trace."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from lsprotocol import types

from pymodel.schema import Position, Trace, Value

from ..convert import to_lsp_position

if TYPE_CHECKING:
    from ..server import PyModelServer


def register(server: PyModelServer) -> None:
    @server.feature(types.TEXT_DOCUMENT_INLAY_HINT)
    async def inlay_hints(params: types.InlayHintParams) -> list[types.InlayHint]:
        state = server.analyses.states.get(params.text_document.uri)
        wanted = server.configuration.inlay_hints
        if state is None or wanted == "off":
            return []
        lines = state.document.lines
        hints: dict[int, types.InlayHint] = {}
        for trace, _ in state.traces():
            for line, value in hinted_values(trace, state.path, lines, wanted).items():
                if params.range.start.line <= line - 1 <= params.range.end.line:
                    hints.setdefault(line, _hint(value, lines, server))
        return [hints[line] for line in sorted(hints)]


def hinted_values(trace: Trace, path: str, lines: list[str], wanted: Literal["assigned", "all"]) -> dict[int, Value]:
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


def label(value: Value) -> str:
    """`B×64×10×10`, with a `?` where it is assumed."""
    return ("×".join(map(str, value.dims or ())) or "scalar") + ("?" if value.assumed else "")


def _hint(value: Value, lines: list[str], server: PyModelServer) -> types.InlayHint:
    line = lines[value.end.line - 1] if value.end.line <= len(lines) else ""
    end = Position(value.end.line, len(line.rstrip()))
    tooltip = f"{value.text}: {value.dtype}" + (" (assumed)" if value.assumed else "")
    return types.InlayHint(
        to_lsp_position(end, lines, server.encoding),
        label(value),
        kind=types.InlayHintKind.Type,
        padding_left=True,
        tooltip=tooltip,
    )


def _is_header(value: Value, lines: list[str]) -> bool:
    """Arguments in a `def` line: the lens tells them already."""
    line = lines[value.end.line - 1] if value.end.line <= len(lines) else ""
    return line.lstrip().startswith(("def ", "async def "))
