"""Code lenses over each model: the input that was found, its size, and what can be done with it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lsprotocol import types

from pymodel.discover.training import find_training_start
from pymodel.schema import ModelSite, Trace

from ..convert import range_to_lsp
from ..l10n import t
from .hover.words import show_flops, show_input

if TYPE_CHECKING:
    from ..server import PyModelServer
    from ..state import State

SERVER_COMMANDS = {
    "pymodel.showGraph": "pymodel.graph",
    "pymodel.trainModel": "pymodel.train",
    "pymodel.exportModel": "pymodel.export",
    "pymodel.checkModel": "pymodel.check",
    "pymodel.setExampleInput": "pymodel.why",
    "pymodel.whyNoShapes": "pymodel.why",
    "pymodel.manageTrust": "pymodel.models",
}


def register(server: PyModelServer) -> None:
    @server.feature(types.TEXT_DOCUMENT_CODE_LENS)
    async def code_lens(params: types.CodeLensParams) -> list[types.CodeLens]:
        state = server.analyses.find(params.text_document.uri)
        if state is None:
            return []
        return [*(lens for site in state.models for lens in _lenses(server, state, site)), *_run_lenses(server, state)]


def _run_lenses(server: PyModelServer, state: State) -> list[types.CodeLens]:
    """Over where a script starts to train. It runs in a terminal of the editor, which is VS Code's to open."""
    start = find_training_start(state.document, state.script)
    if start is None or not server.is_vscode or not server.configuration.trusted:
        return []
    command = types.Command(t("Run with Monitor"), "pymodel.runScript", arguments=[state.uri])
    return [types.CodeLens(range_to_lsp(start, state.document.lines, server.encoding), command)]


def _lenses(server: PyModelServer, state: State, site: ModelSite) -> list[types.CodeLens]:
    place = range_to_lsp(site.name_range, state.document.lines, server.encoding)

    def lens(title: str, command: str) -> types.CodeLens:
        if server.is_vscode:
            return types.CodeLens(place, types.Command(title, command, arguments=[state.uri, site.target]))
        argument: dict[str, Any] = {"uri": state.uri, "target": site.target}
        return types.CodeLens(place, types.Command(title, SERVER_COMMANDS[command], arguments=[argument]))

    if not server.configuration.trusted:
        return [lens(t("Restricted: why no shapes?"), "pymodel.manageTrust")]
    found = state.trace(site.name)
    if found is None:
        if state.analysed_version is None:
            return [lens(t("analysing…"), "pymodel.whyNoShapes")]
        return [lens(t("Why no shapes here?"), "pymodel.whyNoShapes")]
    trace, _ = found
    if trace.status == "failed":
        return [lens(t("Why no shapes here?"), "pymodel.whyNoShapes")]
    return [
        lens(_describe(trace), "pymodel.setExampleInput"),
        lens(t("Graph"), "pymodel.showGraph"),
        lens(t("Train"), "pymodel.trainModel"),
        lens(t("Export"), "pymodel.exportModel"),
        lens(t("Check"), "pymodel.checkModel"),
    ]


def _describe(trace: Trace) -> str:
    parameters = t("{0} parameters", f"{trace.totals.parameters:,}") if trace.totals else ""
    flops = show_flops(trace.totals.flops, trace) if trace.totals else ""
    return " · ".join(part for part in (show_input(trace), parameters, flops) if part)
