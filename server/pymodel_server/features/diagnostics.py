"""Diagnostics, pulled by clients that can, pushed to those that cannot. Each answer is for one version of the text."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from lsprotocol import types

from ..convert import to_lsp_diagnostic
from . import recipes

if TYPE_CHECKING:
    from ..server import PyModelServer
    from ..state import State


def register(server: PyModelServer) -> None:
    @server.feature(types.TEXT_DOCUMENT_DIAGNOSTIC)
    async def pull(params: types.DocumentDiagnosticParams) -> types.RelatedFullDocumentDiagnosticReport:
        if recipes.is_recipe(params.text_document.uri):
            return types.RelatedFullDocumentDiagnosticReport(recipes.diagnostics(server, params.text_document.uri))
        state = server.analyses.find(params.text_document.uri)
        return types.RelatedFullDocumentDiagnosticReport(items=build(server, state) if state else [])


def build(server: PyModelServer, state: State) -> list[types.Diagnostic]:
    lines_of = cache(server.analyses.lines_of)  # a file that is not open is read from disk
    return [to_lsp_diagnostic(each, lines_of, server.encoding) for each in state.diagnostics()]


def publish(server: PyModelServer, state: State) -> None:
    """Tell the client that a document's diagnostics have changed, the way it understands."""
    if _asks_itself(server):
        server.workspace_diagnostic_refresh(None)
    else:
        found = build(server, state)
        for cell in server.notebooks.cells(state.uri):
            _push(server, cell.uri, server.notebooks.diagnostics(cell, found), None)  # a cell has a version of its own
        if not server.notebooks.cells(state.uri):
            _push(server, state.uri, found, state.version)


def publish_recipe(server: PyModelServer, uri: str) -> None:
    """Push a recipe's faults to a client that does not ask for them; one that does asks after each change."""
    if not _asks_itself(server):
        version = server.workspace.get_text_document(uri).version
        _push(server, uri, recipes.diagnostics(server, uri), version)


def clear(server: PyModelServer, uri: str) -> None:
    """A document was closed: what was pushed for it goes."""
    if not _asks_itself(server):
        _push(server, uri, [], None)


def _asks_itself(server: PyModelServer) -> bool:
    """Whether the client pulls, and can be told to pull again."""
    text, workspace = server.client_capabilities.text_document, server.client_capabilities.workspace
    refreshes = workspace.diagnostics if workspace else None
    return bool(text and text.diagnostic and refreshes and refreshes.refresh_support)


def _push(server: PyModelServer, uri: str, found: list[types.Diagnostic], version: int | None) -> None:
    server.text_document_publish_diagnostics(types.PublishDiagnosticsParams(uri, found, version))
