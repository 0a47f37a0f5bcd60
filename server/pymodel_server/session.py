"""The session of an editor: its settings, open documents, workers and jobs, and who hears of what changes."""

from __future__ import annotations

import asyncio
import json
import logging
import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lsprotocol import types

from pymodel import runs
from pymodel.schema import Ready, from_json, to_json
from pymodel.schema.protocol import RunChangedNotification, StatusNotification, TraceChangedNotification

from .analysis import Analyses
from .bases import Bases
from .configuration import Configuration, change_settings, read_configuration
from .convert import to_plain, uri_to_path
from .explaining import Explaining
from .features import diagnostics
from .interpreter import NoInterpreter
from .jobs import Jobs
from .l10n import t, use_language
from .layers import LastLayers
from .monitored import MonitoredLines
from .pool import WorkerPool
from .state import State
from .watching import Watcher
from .workers import Worker, engine_command

if TYPE_CHECKING:
    from .server import PyModelServer

log = logging.getLogger(__name__)

PARENT_POLL_SECONDS = 2.0


class Session:
    """What an editor's server knows and runs, from the moment that `initialize` has been answered."""

    def __init__(self, server: PyModelServer, asked: types.InitializeParams) -> None:
        self.server = server
        self.configuration = Configuration()
        self.folders: tuple[str, ...] = ()
        self.analyses = Analyses(self._on_change, self._on_progress)
        self.bases = Bases(self.analyses)
        self.pool = WorkerPool(self._on_ready, lambda worker: server.spawn(self._start_worker(worker)))
        self.monitored = MonitoredLines(self._refresh_hints)
        self.layers = LastLayers()
        self.jobs = Jobs(self._on_run, self.pool.interpreter_of, lambda: self.folders)
        self.explaining = Explaining(self.pool.interpreter_of)
        self.watcher = Watcher(self._on_files, self._on_runs, self._on_notice)
        self.device: str | None = None
        self.loop = asyncio.get_running_loop()
        self._configure(asked)
        if asked.process_id is not None:
            server.spawn(_exit_with(asked.process_id))

    def notify(self, method: str, params: Any) -> None:
        self.server.protocol.notify(method, to_json(params))

    # Settings.

    def _configure(self, params: types.InitializeParams) -> None:
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
        self.server.spawn(self.jobs.find_again())
        self.server.spawn(self.monitored.recall(self.folders))
        self.server.spawn(self.layers.recall(self.folders))
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
            self.server.spawn(self._probe_device(worker.interpreter))

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
        for uri in [cell.uri for cell in self.analyses.notebooks.cells(state.uri)] or [state.uri]:
            self.notify("pymodel/traceChanged", TraceChangedNotification(uri, state.version))
        if self.configuration.file_events == "server":
            files = (answer.trace.files for answer in state.answers.values())
            project = self.analyses.project_file(state)
            self.watcher.watch_files({state.path, *state.files, *([project] if project else [])}.union(*files))
        if state.is_of_interest and state.analysed_version != state.version:
            return
        diagnostics.publish(self.server, state)
        capabilities = self.server.client_capabilities.workspace
        if capabilities is None:
            return
        if capabilities.code_lens and capabilities.code_lens.refresh_support:
            self.server.workspace_code_lens_refresh(None)
        self._refresh_hints()

    def _on_run(self, change: RunChangedNotification) -> None:
        self.notify("pymodel/runChanged", change)
        self.server.spawn(self.monitored.note(Path(change.folder), change.run))
        self.server.spawn(self.layers.note(Path(change.folder), change.run))

    def _refresh_hints(self) -> None:
        capabilities = self.server.client_capabilities.workspace
        if capabilities and capabilities.inlay_hint and capabilities.inlay_hint.refresh_support:
            self.server.workspace_inlay_hint_refresh(None)

    # What the watcher tells, from a thread of its own.

    def _on_files(self, paths: set[str]) -> None:
        self._soon(self.analyses.changed_on_disk, paths)

    def _on_runs(self, folders: set[Path]) -> None:
        for folder in folders:
            self._soon(lambda each: self.server.spawn(self.jobs.notice(each)), folder)

    def _on_notice(self, words: str) -> None:
        self._soon(self.server.window_show_message, types.ShowMessageParams(types.MessageType.Info, words))

    def _soon(self, work: Callable[[Any], object], given: Any) -> None:
        self.loop.call_soon_threadsafe(work, given)


async def _exit_with(process: int) -> None:
    """End when the editor is gone: a server that nobody talks to is an orphan."""
    while runs.describe_process(process) is not None:
        await asyncio.sleep(PARENT_POLL_SECONDS)
    os._exit(0)
