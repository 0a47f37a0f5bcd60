"""Inlay hints: the shape of each assigned tensor at the end of its line; never on a line newer than the trace."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lsprotocol import types

from pymodel.schema import Position, Value

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
            # The leftmost name of a line is what its statement is for: `y` in `y = cat([f(x) for x in xs])`.
            for value in sorted(trace.values, key=lambda each: (each.start.line, each.start.column)):
                shown = value.path == state.path and value.kind == "tensor" and value.phase == "forward"
                if not shown or (wanted == "assigned" and value.name is None) or value.end.line in hints:
                    continue
                visible = params.range.start.line <= value.end.line - 1 <= params.range.end.line
                if visible and not _is_header(value, lines):
                    hints[value.end.line] = _hint(value, lines, server)
        return [hints[line] for line in sorted(hints)]


def _hint(value: Value, lines: list[str], server: PyModelServer) -> types.InlayHint:
    line = lines[value.end.line - 1] if value.end.line <= len(lines) else ""
    end = Position(value.end.line, len(line.rstrip()))
    label = "×".join(map(str, value.dims or ())) or "scalar"
    tooltip = f"{value.text}: {value.dtype}" + (" (assumed)" if value.assumed else "")
    return types.InlayHint(
        to_lsp_position(end, lines, server.encoding),
        label + ("?" if value.assumed else ""),
        kind=types.InlayHintKind.Type,
        padding_left=True,
        tooltip=tooltip,
    )


def _is_header(value: Value, lines: list[str]) -> bool:
    """Arguments in a `def` line: the lens tells them already."""
    line = lines[value.end.line - 1] if value.end.line <= len(lines) else ""
    return line.lstrip().startswith(("def ", "async def "))
