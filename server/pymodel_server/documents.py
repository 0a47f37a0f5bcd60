"""What the editor tells of: documents that open, change and close, its settings and its folders."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lsprotocol import types

from .convert import to_plain, uri_to_path
from .features import diagnostics, recipes

if TYPE_CHECKING:
    from .server import PyModelServer


def register(server: PyModelServer) -> None:
    _register_documents(server)
    _register_settings(server)

    @server.feature("pymodel/trustGranted")
    async def trust_granted(params: Any) -> None:
        server.session.trust()


def _register_documents(server: PyModelServer) -> None:
    @server.feature(types.TEXT_DOCUMENT_DID_OPEN)
    async def did_open(params: types.DidOpenTextDocumentParams) -> None:
        document = params.text_document
        if recipes.is_recipe(document.uri):
            diagnostics.publish_recipe(server, document.uri)
            return
        server.analyses.open(document.uri, uri_to_path(document.uri), document.text, document.version)

    @server.feature(types.TEXT_DOCUMENT_DID_CHANGE)
    async def did_change(params: types.DidChangeTextDocumentParams) -> None:
        uri = params.text_document.uri
        if recipes.is_recipe(uri):
            diagnostics.publish_recipe(server, uri)
            return
        server.analyses.change(uri, server.workspace.get_text_document(uri).source, params.text_document.version)

    @server.feature(types.TEXT_DOCUMENT_DID_SAVE)
    async def did_save(params: types.DidSaveTextDocumentParams) -> None:
        server.analyses.save(params.text_document.uri)

    @server.feature(types.WORKSPACE_DID_CHANGE_WATCHED_FILES)
    async def did_change_watched_files(params: types.DidChangeWatchedFilesParams) -> None:
        server.analyses.changed_on_disk({uri_to_path(each.uri) for each in params.changes})

    @server.feature(types.TEXT_DOCUMENT_DID_CLOSE)
    async def did_close(params: types.DidCloseTextDocumentParams) -> None:
        server.analyses.close(params.text_document.uri)
        diagnostics.clear(server, params.text_document.uri)


def _register_settings(server: PyModelServer) -> None:
    @server.feature(types.WORKSPACE_DID_CHANGE_CONFIGURATION)
    async def did_change_configuration(params: types.DidChangeConfigurationParams) -> None:
        settings = to_plain(params.settings)
        own = settings.get("pymodel") if isinstance(settings, dict) else None
        workspace = server.client_capabilities.workspace
        if own is None and workspace is not None and workspace.configuration:
            asked = types.ConfigurationParams([types.ConfigurationItem(section="pymodel")])
            own = to_plain((await server.workspace_configuration_async(asked))[0])
        if isinstance(own, dict):
            server.session.reconfigure(own)

    @server.feature(types.WORKSPACE_DID_CHANGE_WORKSPACE_FOLDERS)
    async def did_change_folders(params: types.DidChangeWorkspaceFoldersParams) -> None:
        added, removed = params.event.added, params.event.removed
        server.session.change_folders(
            [uri_to_path(each.uri) for each in added], [uri_to_path(each.uri) for each in removed]
        )
