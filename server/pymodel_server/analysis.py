"""What is known of each open document, and when it is asked for anew.

A change waits a moment for the next one, then the document is analysed from the editor's text; a newer change kills the
older analysis. What was last known stays, moved along with the text, until a new answer comes; it is marked stale.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass, field

from pymodel.discover.document import Document, parse_document
from pymodel.discover.models import find_models
from pymodel.discover.pins import format_inputs
from pymodel.discover.roots import find_import_roots
from pymodel.discover.steps import MAIN, Script, find_script
from pymodel.schema import (
    Analyse,
    Diagnostic,
    Failed,
    Finished,
    ModelSite,
    Pin,
    Position,
    PyModelError,
    Started,
    Trace,
    Traced,
)

from .shift import map_lines, shift_diagnostics, shift_trace
from .workers import Event, Worker

log = logging.getLogger(__name__)

DEBOUNCE_SECONDS = 0.12


@dataclass
class Answer:
    """A model's trace, and the text and version it was made from."""

    trace: Trace
    lines: list[str]
    version: int
    failure: Diagnostic | None = None
    """Why the newest analysis gave no trace, if it did not."""


@dataclass
class State:
    """All that is known of one open document."""

    uri: str
    path: str
    text: str
    version: int
    document: Document
    models: tuple[ModelSite, ...]
    script: Script | None = None
    """Its training and evaluation code, if it has any."""
    answers: dict[str, Answer] = field(default_factory=dict)
    """By the model's name; the script's by `__main__`."""
    found_inputs: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """By the model's name, what it last ran on, as pins: kept while an edit, half typed, breaks it."""
    file_diagnostics: tuple[Diagnostic, ...] = ()
    file_lines: list[str] = field(default_factory=list)
    running: int | None = None
    running_version: int | None = None
    analysed_version: int | None = None
    pending: asyncio.TimerHandle | None = None
    task: asyncio.Task[None] | None = None

    def trace(self, name: str) -> tuple[Trace, bool] | None:
        """A model's trace, moved to the present text, and whether the text has changed since it was made."""
        answer = self.answers.get(name)
        if answer is None:
            return None
        if answer.version == self.version:
            return answer.trace, False
        lines = self.document.lines
        if answer.lines == lines:
            return answer.trace, False
        return shift_trace(answer.trace, self.path, map_lines(answer.lines, lines)), True

    def traces(self) -> list[tuple[Trace, bool]]:
        """Those of the models, then the script's."""
        names = [*(site.name for site in self.models), *([MAIN] if self.script is not None else [])]
        return [found for name in names if (found := self.trace(name)) is not None]

    def diagnostics(self) -> list[Diagnostic]:
        """Every finding of the document, once."""
        found: list[Diagnostic] = list(self.document.errors)
        found += shift_diagnostics(self.file_diagnostics, self.path, map_lines(self.file_lines, self.document.lines))
        for trace, _ in self.traces():
            found += trace.diagnostics
        seen: dict[tuple[object, ...], Diagnostic] = {}
        for each in found:
            if each.path == self.path:
                seen.setdefault((each.code, each.start, each.end), each)
        return list(seen.values())


class Analyses:
    """The documents that are open, and their analyses."""

    def __init__(self, on_change: Callable[[State], None], on_progress: Callable[[str | None], None]) -> None:
        self.states: dict[str, State] = {}
        self.worker: Worker | None = None
        self.problem: str | None = None
        """Why nothing can be analysed, if so."""
        self.folders: tuple[str, ...] = ()
        self.setting_pins: dict[str, str] = {}
        self._on_change = on_change
        self._on_progress = on_progress

    def open(self, uri: str, path: str, text: str, version: int) -> State:
        document = parse_document(path, text)
        state = State(uri, path, text, version, document, find_models(document), find_script(document))
        self.states[uri] = state
        self.request(state, delay=0.0)
        self._on_change(state)
        return state

    def change(self, uri: str, text: str, version: int) -> None:
        state = self.states.get(uri)
        if state is None:
            return
        state.text, state.version = text, version
        state.document = parse_document(state.path, text)
        models = find_models(state.document)
        if models or not state.document.errors:
            state.models = models  # a broken text keeps the models it had
        script = find_script(state.document)
        if script is not None or not state.document.errors:
            state.script = script
        self.request(state)
        self._on_change(state)

    def close(self, uri: str) -> None:
        state = self.states.pop(uri, None)
        if state is not None:
            self._abandon(state)

    def changed_on_disk(self, paths: set[str]) -> None:
        """Trace again what was made from one of these files, or waits for a file to be there."""
        for state in self.states.values():
            files = {file for answer in state.answers.values() for file in answer.trace.files}
            waits = any(each.code in ("missing-import", "import-failed") for each in state.file_diagnostics)
            if waits or (files - {state.path}) & paths:
                self.request(state)

    def request_all(self) -> None:
        for state in self.states.values():
            self.request(state, delay=0.0)

    def give_up(self, problem: str) -> None:
        """Nothing can be analysed: each document with models says why."""
        self.problem = problem
        self.request_all()

    def request(self, state: State, delay: float = DEBOUNCE_SECONDS) -> None:
        """Analyse a document after a moment of quiet."""
        if state.pending is not None:
            state.pending.cancel()
        loop = asyncio.get_running_loop()
        state.pending = loop.call_later(delay, self._start, state)

    def _start(self, state: State) -> None:
        state.pending = None
        if not (state.models or state.script) or state.uri not in self.states:
            return
        if self.worker is None:
            if self.problem is not None:
                self._fail(state, Failed(0, self.problem, code="crashed"), state.document.lines, state.version)
                self._on_change(state)
            return
        state.task = asyncio.get_running_loop().create_task(self._analyse(state, self.worker))

    async def _analyse(self, state: State, worker: Worker) -> None:
        if state.running is not None:
            await worker.cancel(state.running)
        number = worker.next_number()
        state.running, state.running_version = number, state.version
        lines, version = list(state.document.lines), state.version
        documents = {each.path: each.text for each in self.states.values()}
        request = Analyse(
            id=number,
            path=state.path,
            documents=documents,
            roots=find_import_roots(state.path, self.folders),
            pins=self._pins(state),
        )

        def hear(event: Event) -> None:
            if state.running == number:
                self._hear(state, event, lines, version)

        await worker.analyse(request, hear)

    def _pins(self, state: State) -> tuple[Pin, ...]:
        from pymodel.discover.pins import split_pin

        pins = []
        for site in state.models:
            text = self.setting_pins.get(site.target) or self.setting_pins.get(site.name)
            if text:
                try:
                    construction, inputs = split_pin(text)
                    pins.append(Pin(site.target, construction, inputs, "setting"))
                except PyModelError as error:
                    log.warning("%s", error)
            if site.name in state.found_inputs:
                pins.append(Pin(site.target, None, state.found_inputs[site.name], "previous"))
        return tuple(pins)

    def _hear(self, state: State, event: Event, lines: list[str], version: int) -> None:
        if isinstance(event, Started):
            self._on_progress(event.target.rpartition("::")[2])
            return
        if isinstance(event, Traced):
            trace = event.trace
            name = trace.target.rpartition("::")[2]
            state.answers[name] = Answer(trace, lines, version)
            found = trace.inputs and trace.inputs[0].source.kind != "pin"
            if found and (trace.status == "complete" or name not in state.found_inputs):
                state.found_inputs[name] = format_inputs(trace)
        elif isinstance(event, Finished):
            state.running = None
            state.analysed_version = version
            state.file_diagnostics, state.file_lines = event.diagnostics, lines
            self._on_progress(None)
        elif isinstance(event, Failed):
            state.running = None
            self._on_progress(None)
            if event.code == "cancelled":
                return
            self._fail(state, event, lines, version)
        self._on_change(state)

    def _fail(self, state: State, failed: Failed, lines: list[str], version: int) -> None:
        state.analysed_version = version
        state.file_diagnostics, state.file_lines = (self._describe(state, failed),), lines

    def _describe(self, state: State, failed: Failed) -> Diagnostic:
        """Why an analysis died, on the user's line where it is known, else on the model's name."""
        name = (failed.target or "").rpartition("::")[2]
        site = next((site for site in state.models if site.name == name), None) or next(iter(state.models), None)
        if failed.path == state.path and failed.line:
            text = state.document.lines[failed.line - 1] if failed.line <= len(state.document.lines) else ""
            start = Position(failed.line, len(text) - len(text.lstrip()))
            return Diagnostic(
                f"analysis-{failed.code}", "error", failed.reason, state.path, start, Position(failed.line, len(text))
            )
        place = site.name_range if site else None
        start, end = (place.start, place.end) if place else (Position(1, 0), Position(1, 1))
        return Diagnostic(f"analysis-{failed.code}", "error", failed.reason, state.path, start, end)

    def _abandon(self, state: State) -> None:
        if state.pending is not None:
            state.pending.cancel()
        if state.running is not None and self.worker is not None:
            state.task = asyncio.get_running_loop().create_task(self.worker.cancel(state.running))
