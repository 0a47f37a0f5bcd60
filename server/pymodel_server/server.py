"""The language server as pygls needs it to answer `initialize`. What answers anything else comes with the session."""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import sys
import warnings
from functools import cached_property
from typing import TYPE_CHECKING, Any

from lsprotocol import types
from pygls.lsp.server import LanguageServer

from pymodel import __version__

from .announced import COMMANDS, METHODS, NOTEBOOKS

if TYPE_CHECKING:
    from .analysis import Analyses
    from .bases import Bases
    from .configuration import Configuration
    from .explaining import Explaining
    from .jobs import Jobs
    from .notebooks import Notebooks
    from .pool import WorkerPool
    from .session import Session

log = logging.getLogger("pymodel_server")


class PyModelServer(LanguageServer):
    """One editor's server: what it says that it can do, and the session, which does it."""

    def __init__(self) -> None:
        super().__init__(
            "pymodel",
            __version__,
            text_document_sync_kind=types.TextDocumentSyncKind.Incremental,
            notebook_document_sync=NOTEBOOKS,
        )
        self.asked: types.InitializeParams | None = None
        self._tasks: set[asyncio.Task[Any]] = set()

    @cached_property
    def session(self) -> Session:
        """Imported, connected and put in the place of what was announced, when it is first needed."""
        from .serving import serve
        from .session import Session

        if self.asked is None:
            raise RuntimeError("there is no session before `initialize`")
        serve(self)
        return Session(self, self.asked)

    @property
    def configuration(self) -> Configuration:
        return self.session.configuration

    @property
    def folders(self) -> tuple[str, ...]:
        return self.session.folders

    @property
    def analyses(self) -> Analyses:
        return self.session.analyses

    @property
    def notebooks(self) -> Notebooks:
        return self.session.analyses.notebooks

    @property
    def bases(self) -> Bases:
        return self.session.bases

    @property
    def pool(self) -> WorkerPool:
        return self.session.pool

    @property
    def explaining(self) -> Explaining:
        return self.session.explaining

    @property
    def jobs(self) -> Jobs:
        return self.session.jobs

    # What the client can do.

    @property
    def encoding(self) -> types.PositionEncodingKind | str:
        return self.workspace.position_encoding or types.PositionEncodingKind.Utf16

    @property
    def is_vscode(self) -> bool:
        return self.configuration.client == "vscode"

    def lines_of(self, uri: str) -> list[str]:
        state = self.analyses.find(uri)
        return state.document.lines if state is not None else self.workspace.get_text_document(uri).source.splitlines()

    # Work in the background.

    def spawn(self, work: Any) -> None:
        """Run a coroutine in the background; its failure is logged."""
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._finish)

    def _finish(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and task.exception() is not None:
            log.error("a background task failed", exc_info=task.exception())


def create_server() -> PyModelServer:
    server = PyModelServer()

    @server.feature(types.INITIALIZE)
    def initialize(params: types.InitializeParams) -> None:
        server.asked = params

    @server.feature(types.INITIALIZED)
    def initialized(params: types.InitializedParams) -> None:
        server.session.begin()
        gc.collect()
        gc.freeze()  # what is there now stays: a collection while somebody types need not look at it

    @server.feature(types.SHUTDOWN)
    async def shutdown(params: None) -> None:
        if server.asked is not None:
            await server.session.end()

    for method, options in METHODS.items():
        _announce(server, method, options)
    for name in COMMANDS:
        _announce_command(server, name)
    return server


def _announce(server: PyModelServer, method: str, options: Any) -> None:
    @server.feature(method, options)
    async def answer(params: Any) -> Any:
        """A client that asks before it says `initialized` is answered all the same."""
        _ = server.session
        return await server.protocol.fm.features[method](params)


def _announce_command(server: PyModelServer, name: str) -> None:
    @server.command(name)
    async def run(argument: Any = None) -> Any:
        _ = server.session
        return await server.protocol.fm.commands[name](argument)


def run(protocol: int) -> int:
    """Serve on stdin and the descriptor `protocol` until the editor ends the session."""
    logging.basicConfig(stream=sys.stderr, level=logging.INFO, format="%(levelname)s %(name)s: %(message)s")
    logging.getLogger("pygls").setLevel(logging.WARNING)  # it would print every message that it sends
    # A folder that is gone before it is watched, as an unfinished checkpoint's is, is nothing to tell.
    warnings.filterwarnings("ignore", "Callback with id", RuntimeWarning)
    log.info("PyModel %s on Python %s", __version__, sys.version.split()[0])
    create_server().start_io(sys.stdin.buffer, os.fdopen(protocol, "wb"))
    return 0
