"""Code actions: the proven fixes of diagnostics, and pinning the input that was found."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lsprotocol import types

from pymodel.schema import Diagnostic, ModelSite, Trace

from ..convert import path_to_uri, to_lsp_diagnostic, to_lsp_range
from ..l10n import t

if TYPE_CHECKING:
    from ..server import PyModelServer
    from ..state import State


def register(server: PyModelServer) -> None:
    options = types.CodeActionOptions(code_action_kinds=[types.CodeActionKind.QuickFix])

    @server.feature(types.TEXT_DOCUMENT_CODE_ACTION, options)
    async def code_action(params: types.CodeActionParams) -> list[types.CodeAction]:
        state = server.analyses.states.get(params.text_document.uri)
        if state is None:
            return []
        first, last = params.range.start.line + 1, params.range.end.line + 1
        actions = [
            action
            for found in state.diagnostics()
            if found.start.line <= last and found.end.line >= first
            for action in _fixes(server, state, found)
        ]
        for site in state.models:
            traced = state.trace(site.name)
            if traced is not None and first <= site.line <= last:
                actions += _pin(server, state, site, traced[0])
        return actions


def _fixes(server: PyModelServer, state: State, found: Diagnostic) -> list[types.CodeAction]:
    lines = state.document.lines
    return [
        types.CodeAction(
            fix.title,
            types.CodeActionKind.QuickFix,
            diagnostics=[to_lsp_diagnostic(found, lines, server.encoding)],
            edit=types.WorkspaceEdit(
                {
                    path_to_uri(edit.path): [
                        types.TextEdit(to_lsp_range(edit.start, edit.end, lines, server.encoding), edit.text)
                    ]
                    for edit in fix.edits
                }
            ),
        )
        for fix in found.fixes
    ]


def _pin(server: PyModelServer, state: State, site: ModelSite, trace: Trace) -> list[types.CodeAction]:
    """Write the construction and the inputs that were found as a comment on the class line."""
    from pymodel.discover.pins import format_inputs
    from pymodel.schema import Position

    line = state.document.lines[site.line - 1]
    if trace.construction is None or not trace.inputs or "# pymodel:" in line:
        return []
    pin = ", ".join([trace.construction.expression, *format_inputs(trace)])
    end = Position(site.line, len(line))
    edit = types.TextEdit(to_lsp_range(end, end, state.document.lines, server.encoding), f"  # pymodel: {pin}")
    workspace_edit = types.WorkspaceEdit({state.uri: [edit]})
    return [types.CodeAction(t("Pin the input of {0}", site.name), types.CodeActionKind.QuickFix, edit=workspace_edit)]
