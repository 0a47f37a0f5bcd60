"""Code actions: the proven fixes of diagnostics, pinning the input that was found, and writing shapes down."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from lsprotocol import types

from pymodel.discover.pins import format_inputs
from pymodel.rewrite.annotations import annotate_forward
from pymodel.rewrite.shape_test import test_path, write_shape_test
from pymodel.schema import Diagnostic, Edit, ModelSite, Trace

from ..convert import path_to_uri, to_lsp_diagnostic, to_lsp_range
from ..l10n import t
from .pins import pin_edit

if TYPE_CHECKING:
    from ..server import PyModelServer
    from ..state import State


def register(server: PyModelServer) -> None:
    @server.feature(types.TEXT_DOCUMENT_CODE_ACTION)
    async def code_action(params: types.CodeActionParams) -> list[types.CodeAction]:
        state = server.analyses.find(params.text_document.uri)
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
                actions += _choose_input(server, state, site)
                if not traced[1]:
                    actions += _write_down(server, state, site, traced[0])
        return actions


def _fixes(server: PyModelServer, state: State, found: Diagnostic) -> list[types.CodeAction]:
    """The proven fixes of a finding; the first one is what an editor applies when it is asked to mend it."""
    diagnostic = to_lsp_diagnostic(found, server.analyses.lines_of, server.encoding)
    return [
        types.CodeAction(
            fix.title,
            types.CodeActionKind.QuickFix,
            diagnostics=[diagnostic],
            is_preferred=number == 0,
            edit=_workspace_edit(server, fix.edits),
        )
        for number, fix in enumerate(found.fixes)
    ]


def _workspace_edit(server: PyModelServer, edits: Iterable[Edit]) -> types.WorkspaceEdit:
    changes: dict[str, list[types.TextEdit]] = {}
    for edit in edits:
        place = to_lsp_range(edit.start, edit.end, server.analyses.lines_of(edit.path), server.encoding)
        changes.setdefault(path_to_uri(edit.path), []).append(types.TextEdit(place, edit.text))
    return types.WorkspaceEdit(changes)


def _write_down(server: PyModelServer, state: State, site: ModelSite, trace: Trace) -> list[types.CodeAction]:
    """Annotations and a test of the shapes that were found."""
    actions = []
    edits = annotate_forward(state.document, site.name, trace)
    if edits:
        title = t("Write the shapes of {0} as jaxtyping annotations", site.name)
        edit = _workspace_edit(server, edits)
        actions.append(types.CodeAction(title, types.CodeActionKind.RefactorRewrite, edit=edit))
    text = write_shape_test(state.path, site.name, trace)
    path = test_path(state.path, site.name)
    if text is not None and not Path(path).exists():
        uri, start = path_to_uri(path), types.Position(0, 0)
        document = types.OptionalVersionedTextDocumentIdentifier(uri)
        changes: list[types.TextDocumentEdit | types.CreateFile | types.RenameFile | types.DeleteFile] = [
            types.CreateFile(uri),
            types.TextDocumentEdit(document, [types.TextEdit(types.Range(start, start), text)]),
        ]
        title = t("Write a test of the shapes of {0}", site.name)
        edit = types.WorkspaceEdit(document_changes=changes)
        actions.append(types.CodeAction(title, types.CodeActionKind.RefactorRewrite, edit=edit))
    return actions


def _choose_input(server: PyModelServer, state: State, site: ModelSite) -> list[types.CodeAction]:
    """Another input, from those that were found: the choice is a dialogue of the editor's."""
    if not server.is_vscode:
        return []
    title = t("Change the input of {0}…", site.name)
    command = types.Command(title, "pymodel.setExampleInput", arguments=[state.uri, site.target])
    return [types.CodeAction(title, types.CodeActionKind.QuickFix, command=command)]


def _pin(server: PyModelServer, state: State, site: ModelSite, trace: Trace) -> list[types.CodeAction]:
    """Write the construction and the inputs that were found as a comment on the class line."""
    line = state.document.lines[site.line - 1]
    if trace.construction is None or not trace.inputs or "# pymodel:" in line:
        return []
    pin = ", ".join([trace.construction.expression, *format_inputs(trace)])
    edit = types.WorkspaceEdit({state.uri: [pin_edit(server, state, site, pin)]})
    return [types.CodeAction(t("Pin the input of {0}", site.name), types.CodeActionKind.QuickFix, edit=edit)]
