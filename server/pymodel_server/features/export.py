"""Export: what may stop it, told before anything runs; the job; and a failure on the line that caused it."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from pymodel.discover.pins import format_input
from pymodel.discover.roots import find_import_roots
from pymodel.graph.outputs import find_output_dims
from pymodel.lint.preflight import find_hindrances, read_text
from pymodel.schema import Diagnostic, ExportRequest, Position, Run

from ..convert import path_to_uri
from ..l10n import t
from . import diagnostics
from .commands import as_command, find_trace, require_trust

if TYPE_CHECKING:
    from ..server import PyModelServer
    from ..state import State

FAILED = "export-failed"


def register(server: PyModelServer) -> None:
    for name, handler in (("pymodel.preflight", preflight), ("pymodel.export", export)):
        as_command(server, name, handler)


async def preflight(server: PyModelServer, given: dict[str, Any]) -> Any:
    """What an exporter may not take, and the sizes that the file will let vary. Nothing runs."""
    _, trace = find_trace(server, given)

    def text_of(path: str) -> str | None:
        state = server.analyses.find(path_to_uri(path))
        return read_text(path) if state is None else state.document.text

    used = {name for each in trace.inputs for dim in each.dims or () for name in _names(dim)}
    return {
        "hindrances": await asyncio.to_thread(find_hindrances, trace, text_of),
        "inputs": tuple(map(format_input, trace.inputs)),
        "symbols": {name: symbol for name, symbol in trace.symbols.items() if name in used},
    }


def _names(dim: int | str) -> set[str]:
    words = "".join(each if each.isalnum() or each == "_" else " " for each in str(dim)).split()
    return {word for word in words if not word.isdigit()}


async def export(server: PyModelServer, given: dict[str, Any]) -> Any:
    """Export and wait for it; the answer is what `pymodel export --json` prints, and the error of one that failed."""
    require_trust(server)
    state, trace = find_trace(server, given)
    forget_failure(server, state)
    request = ExportRequest(
        target=trace.target,
        format=given.get("format") or "onnx",
        run=given.get("run"),
        weights=given.get("weights"),
        output=given.get("output"),
        construction=trace.construction.expression if trace.construction else None,
        prelude=trace.construction.prelude if trace.construction else (),
        inputs=tuple(map(format_input, trace.inputs)),
        roots=find_import_roots(state.path, server.folders),
        symbols=trace.symbols,
        outputs=find_output_dims(trace),
        opset=given.get("opset"),
        simplify=bool(given.get("simplify")),
        quantise=bool(given.get("quantise")),
    )
    folder = server.jobs.start(request, state.path)
    run = await asyncio.shield(server.jobs.follow(folder))
    if run.error is not None:
        show_failure(server, run)
    if run.result is None and run.error is None:
        raise ValueError(t("the export ended as {0}", run.state))
    return {"verified": False, **(run.result or {}), "error": run.error}


def show_failure(server: PyModelServer, run: Run) -> None:
    """Put a failure on its line, where the file is open."""
    error = run.error
    state = server.analyses.find(path_to_uri(error.path)) if error is not None and error.path is not None else None
    if error is None or state is None or error.line is None or error.line > len(state.document.lines):
        return
    text = state.document.lines[error.line - 1]
    start, end = Position(error.line, len(text) - len(text.lstrip())), Position(error.line, len(text.rstrip()))
    state.export_faults = (Diagnostic(FAILED, "error", error.message, state.path, start, end),)
    state.export_lines = list(state.document.lines)
    diagnostics.publish(server, state)


def forget_failure(server: PyModelServer, state: State) -> None:
    """A new export begins: what the last one failed at may be mended."""
    if state.export_faults:
        state.export_faults = ()
        diagnostics.publish(server, state)
