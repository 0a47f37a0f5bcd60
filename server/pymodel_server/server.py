"""The language server and its wiring: who hears of what. Features register themselves; this knows them by list only."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from lsprotocol import types
from pygls.lsp.server import LanguageServer

from pymodel import __version__, runs
from pymodel.schema import MalformedMessage, Ready, from_json, to_json
from pymodel.schema.protocol import StatusNotification, TraceChangedNotification

from . import features, notebooks
from .analysis import Analyses
from .bases import Bases
from .configuration import Configuration, change_settings, read_configuration
from .convert import Encoding, to_plain, uri_to_path
from .interpreter import NoInterpreter
from .jobs import Jobs
from .l10n import t, use_language
from .pool import WorkerPool
from .state import State
from .watching import Watcher
from .workers import Worker, engine_command

log = logging.getLogger("pymodel_server")

P = TypeVar("P")
PARENT_POLL_SECONDS = 2.0


class PyModelServer(LanguageServer):
    """One editor's session: its settings, open documents, worker and jobs."""

    def __init__(self) -> None:
        super().__init__(
            "pymodel",
            __version__,
            text_document_sync_kind=types.TextDocumentSyncKind.Incremental,
            notebook_document_sync=notebooks.SYNCHRONISED,
        )
        self.configuration = Configuration()
        self.folders: tuple[str, ...] = ()
        self.analyses = Analyses(self._on_change, self._on_progress)
        self.bases = Bases(self.analyses)
        self.notebooks = self.analyses.notebooks
        self.pool = WorkerPool(self._on_ready, lambda worker: self.spawn(self._start_worker(worker)))
        self.jobs = Jobs(self.notify, self.pool.interpreter_of)
        self.watcher = Watcher(self._on_files, self._on_runs, self._on_notice)
        self.device: str | None = None
        self.loop: asyncio.AbstractEventLoop | None = None
        self._tasks: set[asyncio.Task[Any]] = set()

    # What the client can do.

    @property
    def encoding(self) -> Encoding:
        return self.workspace.position_encoding or types.PositionEncodingKind.Utf16

    @property
    def is_vscode(self) -> bool:
        return self.configuration.client == "vscode"

    def lines_of(self, uri: str) -> list[str]:
        state = self.analyses.find(uri)
        return state.document.lines if state is not None else self.workspace.get_text_document(uri).source.splitlines()

    def notify(self, method: str, params: Any) -> None:
        self.protocol.notify(method, to_json(params))

    def spawn(self, work: Any) -> None:
        """Run a coroutine in the background; its failure is logged."""
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._finish)

    def _finish(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and task.exception() is not None:
            log.error("a background task failed", exc_info=task.exception())

    # The session.

    def configure(self, params: types.InitializeParams) -> None:
        use_language(params.locale)
        self.configuration = read_configuration(to_plain(params.initialization_options) or {})
        folders = [uri_to_path(each.uri) for each in params.workspace_folders or ()]
        if not folders and params.root_uri:
            folders = [uri_to_path(params.root_uri)]
        self.folders = self.analyses.folders = tuple(folders)
        self._take_configuration()

    def _take_configuration(self) -> None:
        self.pool.configuration, self.pool.folders = self.configuration, self.folders
        self.analyses.setting_pins = self.configuration.pins

    def reconfigure(self, settings: dict[str, Any]) -> None:
        """Take other settings, without a restart: what rests on them is asked anew."""
        self.configuration = change_settings(self.configuration, settings)
        self._take_configuration()
        self.analyses.request_all()
        for state in list(self.analyses.states.values()):
            self._on_change(state)

    def change_folders(self, added: list[str], removed: list[str]) -> None:
        """Folders come to and leave the workspace of a window that is open."""
        kept = [each for each in self.folders if each not in removed]
        self.folders = self.analyses.folders = tuple(dict.fromkeys([*kept, *added]))
        self._take_configuration()
        self.analyses.request_all()

    def interpreter_of(self, path: str) -> str | None:
        """The Python that a file runs on; None where there is none, or the workspace is not trusted."""
        try:
            return self.pool.interpreter_of(path) if self.configuration.trusted else None
        except NoInterpreter:
            return None

    def begin(self) -> None:
        """Start what the session needs: the worker where the workspace is trusted, the watch, and running jobs."""
        if not self.configuration.trusted:
            words = t("Models are listed; nothing runs until you trust this workspace.")
            self.report_status("restricted", t("PyModel: restricted"), words)
            return
        self.analyses.worker_of = self.pool.worker_of
        try:
            # The one that a file of the first folder would get is made warm before a file asks for it.
            self.pool.worker_of(str(Path(self.folders[0] if self.folders else ".").absolute() / "_"))
        except NoInterpreter as error:
            self.report_status("error", t("PyModel: no Python"), str(error))
        self.analyses.request_all()
        self.spawn(self.jobs.find_again(self.folders))
        if self.configuration.file_events == "server":
            for folder in self.folders:
                self.watcher.watch_runs(runs.find_runs_root(folder, self.folders))

    async def _start_worker(self, worker: Worker) -> None:
        self.report_status("starting", t("PyModel: starting"), t("Importing torch in {0}", worker.interpreter))
        try:
            await worker.start()
        except OSError as error:
            words = t("{0} cannot be started: {1}", worker.interpreter, error)
            self.report_status("error", t("PyModel: no Python"), words)

    def trust(self) -> None:
        """The user has trusted the workspace: begin without a restart."""
        if not self.configuration.trusted:
            self.configuration = Configuration(**{**vars(self.configuration), "trusted": True})
            self.begin()

    async def end(self) -> None:
        self.watcher.stop()
        await self.pool.stop()

    # Reports.

    def report_status(self, state: str, text: str, detail: str) -> None:
        status = from_json(StatusNotification, {"state": state, "text": text, "detail": detail, "device": self.device})
        self.notify("pymodel/status", status)

    def _on_ready(self, worker: Worker, ready: Ready) -> None:
        self._report_ready()
        if ready.error is None and self.device is None:
            self.spawn(self._probe_device(worker.interpreter))

    async def _probe_device(self, interpreter: str) -> None:
        process = await asyncio.create_subprocess_exec(
            *engine_command(interpreter, "probe"),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
        )
        output, _ = await process.communicate()
        try:
            self.device = str(json.loads(output)["device_name"])
        except (ValueError, KeyError, TypeError):
            log.warning("the interpreter's probe said %r", output[:200])
        self._report_ready()

    def _report_ready(self) -> None:
        problems = self.pool.problems()
        if problems:
            self.report_status("error", t("PyModel: no torch"), "\n".join(problems))
            return
        self.report_status("ready", t("PyModel: shapes are live") + self._device_note(), self._interpreters())

    def _interpreters(self) -> str:
        return ", ".join(self.pool.workers)

    def _device_note(self) -> str:
        return " · " + t("trains on {0}", self.device) if self.device else ""

    def _on_progress(self, model: str | None) -> None:
        if model is None:
            self._report_ready()
        else:
            words = t("PyModel: analysing {0}", model) + self._device_note()
            self.report_status("analysing", words, self._interpreters())

    def _on_change(self, state: State) -> None:
        for uri in [cell.uri for cell in self.notebooks.cells(state.uri)] or [state.uri]:
            self.notify("pymodel/traceChanged", TraceChangedNotification(uri, state.version))
        if self.configuration.file_events == "server":
            files = (answer.trace.files for answer in state.answers.values())
            project = self.analyses.project_file(state)
            self.watcher.watch_files({state.path, *state.files, *([project] if project else [])}.union(*files))
        if state.is_of_interest and state.analysed_version != state.version:
            return
        features.diagnostics.publish(self, state)
        capabilities = self.client_capabilities.workspace
        if capabilities is None:
            return
        if capabilities.code_lens and capabilities.code_lens.refresh_support:
            self.workspace_code_lens_refresh(None)
        if capabilities.inlay_hint and capabilities.inlay_hint.refresh_support:
            self.workspace_inlay_hint_refresh(None)

    # What the watcher tells, from a thread of its own.

    def _on_files(self, paths: set[str]) -> None:
        self._soon(self.analyses.changed_on_disk, paths)

    def _on_runs(self, folders: set[Path]) -> None:
        for folder in folders:
            self._soon(lambda each: self.spawn(self.jobs.notice(each)), folder)

    def _on_notice(self, words: str) -> None:
        self._soon(self.window_show_message, types.ShowMessageParams(types.MessageType.Info, words))

    def _soon(self, work: Callable[[Any], object], given: Any) -> None:
        if self.loop is not None:
            self.loop.call_soon_threadsafe(work, given)


def read_params(cls: type[P], params: Any) -> P:
    """Our own messages' parameters, checked.

    Raises:
        ValueError: they do not fit; the text names the field.
    """
    try:
        return from_json(cls, to_plain(params))
    except MalformedMessage as error:
        raise ValueError(str(error)) from None


def create_server() -> PyModelServer:
    server = PyModelServer()

    @server.feature(types.INITIALIZE)
    def initialize(server: PyModelServer, params: types.InitializeParams) -> None:
        server.configure(params)
        if params.process_id is not None:
            server.spawn(_exit_with(params.process_id))

    @server.feature(types.INITIALIZED)
    async def initialized(server: PyModelServer, params: types.InitializedParams) -> None:
        server.loop = asyncio.get_running_loop()
        server.begin()

    @server.feature("pymodel/trustGranted")
    async def trust_granted(server: PyModelServer, params: Any) -> None:
        server.trust()

    @server.feature(types.SHUTDOWN)
    async def shutdown(server: PyModelServer, params: None) -> None:
        await server.end()

    _register_documents(server)
    _register_settings(server)
    notebooks.register(server)
    for feature in features.ALL:
        feature.register(server)
    notebooks.serve_cells(server)
    return server


def _register_settings(server: PyModelServer) -> None:
    @server.feature(types.WORKSPACE_DID_CHANGE_CONFIGURATION)
    async def did_change_configuration(server: PyModelServer, params: types.DidChangeConfigurationParams) -> None:
        settings = to_plain(params.settings)
        own = settings.get("pymodel") if isinstance(settings, dict) else None
        workspace = server.client_capabilities.workspace
        if own is None and workspace is not None and workspace.configuration:
            asked = types.ConfigurationParams([types.ConfigurationItem(section="pymodel")])
            own = to_plain((await server.workspace_configuration_async(asked))[0])
        if isinstance(own, dict):
            server.reconfigure(own)

    @server.feature(types.WORKSPACE_DID_CHANGE_WORKSPACE_FOLDERS)
    async def did_change_folders(server: PyModelServer, params: types.DidChangeWorkspaceFoldersParams) -> None:
        added, removed = params.event.added, params.event.removed
        server.change_folders([uri_to_path(each.uri) for each in added], [uri_to_path(each.uri) for each in removed])


def _register_documents(server: PyModelServer) -> None:
    @server.feature(types.TEXT_DOCUMENT_DID_OPEN)
    async def did_open(server: PyModelServer, params: types.DidOpenTextDocumentParams) -> None:
        document = params.text_document
        if features.recipes.is_recipe(document.uri):
            features.diagnostics.publish_recipe(server, document.uri)
            return
        server.analyses.open(document.uri, uri_to_path(document.uri), document.text, document.version)

    @server.feature(types.TEXT_DOCUMENT_DID_CHANGE)
    async def did_change(server: PyModelServer, params: types.DidChangeTextDocumentParams) -> None:
        uri = params.text_document.uri
        if features.recipes.is_recipe(uri):
            features.diagnostics.publish_recipe(server, uri)
            return
        server.analyses.change(uri, server.workspace.get_text_document(uri).source, params.text_document.version)

    @server.feature(types.TEXT_DOCUMENT_DID_SAVE)
    async def did_save(server: PyModelServer, params: types.DidSaveTextDocumentParams) -> None:
        server.analyses.save(params.text_document.uri)

    @server.feature(types.WORKSPACE_DID_CHANGE_WATCHED_FILES)
    async def did_change_watched_files(server: PyModelServer, params: types.DidChangeWatchedFilesParams) -> None:
        server.analyses.changed_on_disk({uri_to_path(each.uri) for each in params.changes})

    @server.feature(types.TEXT_DOCUMENT_DID_CLOSE)
    async def did_close(server: PyModelServer, params: types.DidCloseTextDocumentParams) -> None:
        server.analyses.close(params.text_document.uri)
        features.diagnostics.clear(server, params.text_document.uri)


async def _exit_with(process: int) -> None:
    """End when the editor is gone: a server that nobody talks to is an orphan."""
    while runs.describe_process(process) is not None:
        await asyncio.sleep(PARENT_POLL_SECONDS)
    os._exit(0)


def run(protocol: int) -> int:
    """Serve on stdin and the descriptor `protocol` until the editor ends the session."""
    logging.basicConfig(stream=sys.stderr, level=logging.INFO, format="%(levelname)s %(name)s: %(message)s")
    logging.getLogger("pygls").setLevel(logging.WARNING)  # it would print every message that it sends
    # A folder that is gone before it is watched, as an unfinished checkpoint's is, is nothing to tell.
    warnings.filterwarnings("ignore", "Callback with id", RuntimeWarning)
    log.info("PyModel %s on Python %s", __version__, sys.version.split()[0])
    create_server().start_io(sys.stdin.buffer, os.fdopen(protocol, "wb"))
    return 0
