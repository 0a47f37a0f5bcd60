"""Inlay hints: the shape of each assigned tensor at the end of its line; never on a line newer than the trace."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lsprotocol import types

from pymodel.graph.lines import values_at_line_ends
from pymodel.schema import Position, Trace, Value

from ..convert import to_lsp_position
from .hover.values import summarise_tensor

if TYPE_CHECKING:
    from ..server import PyModelServer


def register(server: PyModelServer) -> None:
    @server.feature(types.TEXT_DOCUMENT_INLAY_HINT)
    async def inlay_hints(params: types.InlayHintParams) -> list[types.InlayHint]:
        state = server.analyses.find(params.text_document.uri)
        wanted = server.configuration.inlay_hints
        if state is None or wanted == "off":
            return []
        lines = state.document.lines
        hints: dict[int, types.InlayHint] = {}
        server.analyses.look_at(state.uri, visible=(params.range.start.line + 1, params.range.end.line + 1))
        for view in state.views():
            for line, value in values_at_line_ends(view.trace, state.path, lines, wanted).items():
                if params.range.start.line <= line - 1 <= params.range.end.line:
                    hints.setdefault(line, _hint(value, view.trace, lines, server))
        return [hints[line] for line in sorted(hints)]


def label(value: Value) -> str:
    """`B×64×10×10`, with a `?` where it is assumed."""
    return ("×".join(map(str, value.dims or ())) or "scalar") + ("?" if value.assumed else "")


def _hint(value: Value, trace: Trace, lines: list[str], server: PyModelServer) -> types.InlayHint:
    line = lines[value.end.line - 1] if value.end.line <= len(lines) else ""
    end = Position(value.end.line, len(line.rstrip()))
    return types.InlayHint(
        to_lsp_position(end, lines, server.encoding),
        label(value),
        kind=types.InlayHintKind.Type,
        padding_left=True,
        tooltip=types.MarkupContent(types.MarkupKind.Markdown, summarise_tensor(value, trace)),
    )
