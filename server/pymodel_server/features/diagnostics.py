"""Diagnostics, pulled by clients that can, pushed to those that cannot. Each answer is for one version of the text."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lsprotocol import types

from ..convert import to_lsp_diagnostic

if TYPE_CHECKING:
    from ..analysis import State
    from ..server import PyModelServer


def register(server: PyModelServer) -> None:
    options = types.DiagnosticOptions(inter_file_dependencies=True, workspace_diagnostics=False, identifier="pymodel")

    @server.feature(types.TEXT_DOCUMENT_DIAGNOSTIC, options)
    async def pull(params: types.DocumentDiagnosticParams) -> types.RelatedFullDocumentDiagnosticReport:
        state = server.analyses.states.get(params.text_document.uri)
        return types.RelatedFullDocumentDiagnosticReport(items=build(server, state) if state else [])


def build(server: PyModelServer, state: State) -> list[types.Diagnostic]:
    return [to_lsp_diagnostic(each, state.document.lines, server.encoding) for each in state.diagnostics()]


def publish(server: PyModelServer, state: State) -> None:
    """Tell the client that a document's diagnostics have changed, the way it understands."""
    capabilities = server.client_capabilities
    pulls = capabilities.text_document is not None and capabilities.text_document.diagnostic is not None
    workspace = capabilities.workspace.diagnostics if capabilities.workspace else None
    if pulls and workspace is not None and workspace.refresh_support:
        server.workspace_diagnostic_refresh(None)
    else:
        server.text_document_publish_diagnostics(
            types.PublishDiagnosticsParams(state.uri, build(server, state), state.version)
        )
