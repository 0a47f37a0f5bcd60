"""`pymodel.report`: what a maintainer needs to know of a session, without a word of anybody's code."""

from __future__ import annotations

import logging
import platform
import sys
from collections import deque
from typing import TYPE_CHECKING, Any

from pymodel import __version__

from .commands import as_command

if TYPE_CHECKING:
    from ..server import PyModelServer
    from ..state import State

KEPT_LINES = 200


class LogTail(logging.Handler):
    """The last lines of the log, without tracebacks: these quote source code."""

    def __init__(self) -> None:
        super().__init__(logging.INFO)
        self.lines: deque[str] = deque(maxlen=KEPT_LINES)

    def emit(self, record: logging.LogRecord) -> None:
        error = record.exc_info[1] if record.exc_info else None
        cause = f" ({type(error).__name__})" if error is not None else ""
        self.lines.append(f"{record.levelname} {record.name}: {record.getMessage()}{cause}")


TAIL = LogTail()


def register(server: PyModelServer) -> None:
    logging.getLogger("pymodel_server").addHandler(TAIL)
    as_command(server, *("pymodel.report", report))


async def report(server: PyModelServer, given: dict[str, Any]) -> Any:
    workers = [
        {
            "interpreter": worker.interpreter,
            "mode": worker.mode,
            "torch": worker.ready.torch if worker.ready else None,
            "error": worker.ready.error if worker.ready else "not ready yet",
        }
        for worker in server.pool.workers.values()
    ]
    return {
        "version": __version__,
        "python": sys.version.split()[0],
        "platform": platform.platform(),
        "encoding": str(server.encoding),
        "trusted": server.configuration.trusted,
        "workers": workers,
        "documents": [_document(state) for state in server.analyses.states.values()],
        "log": list(TAIL.lines),
    }


def _document(state: State) -> dict[str, Any]:
    """How far a document is known; neither its name nor its models'."""
    models = [
        {
            "kind": site.kind,
            "status": found[0].status if (found := state.trace(site.name)) else "not traced",
            "source": found[0].inputs[0].source.kind if found and found[0].inputs else None,
            "diagnostics": sorted(each.code for each in found[0].diagnostics) if found else [],
        }
        for site in state.models
    ]
    return {
        "language": "notebook" if state.path.endswith(".ipynb") else "python",
        "on_disk": not state.path.startswith("untitled:"),
        "lines": len(state.document.lines),
        "analysed": state.analysed_version == state.version,
        "problems": sorted(each.code for each in state.file_diagnostics),
        "models": models,
    }
