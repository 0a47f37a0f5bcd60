"""When what is known of each open document is asked for anew.

A change waits a moment for the next one, then the document is analysed from the editor's text; a newer analysis kills
the older one. What was last known stays, moved along with the text, until a new answer comes; it is marked stale. The
documents that rest on a changed one follow it.

While somebody types, a model keeps the input that it last ran on. A save asks anew from the text alone, so that what is
shown in the end never depends on how the text came to be.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from pymodel.discover.document import split_lines
from pymodel.discover.pin_tables import PROJECT_FILE, PinTable, find_project_table, find_table_faults, find_table_pins
from pymodel.discover.pins import format_inputs
from pymodel.discover.roots import find_import_roots
from pymodel.schema import (
    Analyse,
    Checked,
    Diagnostic,
    Event,
    Failed,
    Finished,
    Pin,
    Position,
    Started,
    Trace,
    Traced,
)

from .interpreter import NoInterpreter
from .notebooks import Notebooks
from .schedule import Scheduler
from .state import Answer, State
from .workers import Worker

log = logging.getLogger(__name__)

DEBOUNCE_SECONDS = 0.1
MAX_READ = 50
"""So many files that change on disk at once are read for models' names; more are taken to hold them."""


@dataclass(frozen=True)
class Running:
    """An analysis under way: the text that it reads, and the models it has told of."""

    number: int
    lines: list[str]
    version: int
    from_text_alone: bool
    traced: set[str] = field(default_factory=set)


class Analyses:
    """The documents that are open, and their analyses."""

    def __init__(self, on_change: Callable[[State], None], on_progress: Callable[[str | None], None]) -> None:
        self.states: dict[str, State] = {}
        self.worker_of: Callable[[str], Worker] | None = None
        """The worker for a file; None before there may be one. Raises `NoInterpreter`."""
        self.notebooks = Notebooks()
        self.folders: tuple[str, ...] = ()
        self.setting_pins: dict[str, str] = {}
        self._on_change = on_change
        self._on_progress = on_progress
        self._scheduler = Scheduler(self._begin, self._stop, lambda uri: self.states[uri].looked_at)
        self._tasks: set[asyncio.Task[None]] = set()

    # What happens to documents.

    def find(self, uri: str) -> State | None:
        """An open document, or the notebook of an open cell."""
        return self.states.get(self.notebooks.of_cell(uri) or uri)

    def open(self, uri: str, path: str, text: str, version: int) -> State:
        state = State.read(uri, path, text, version)
        self.states[uri] = state
        state.looked_at = time.monotonic()
        self.request(state, delay=0.0)
        if text != _read(path):
            self._follow(state, text, while_typing=False)
        self._on_change(state)
        return state

    def change(self, uri: str, text: str, version: int) -> None:
        state = self.states.get(uri)
        if state is None:
            return
        before = state.text
        state.change(text, version)
        state.looked_at = time.monotonic()
        state.is_typed_in, state.is_settled = True, False
        self.request(state)
        self._follow(state, before + text, while_typing=True)
        self._on_change(state)

    def save(self, uri: str) -> None:
        """What is saved is meant: all that rests on it is asked for from the text alone."""
        saved = self.states.get(uri)
        if saved is None:
            return
        for state in self.states.values():
            if not state.is_settled and (state is saved or _follows(state, saved, saved.text)):
                state.take_as_it_is()
                self.request(state, delay=0.0, urgent=state is saved)

    def close(self, uri: str) -> None:
        state = self.states.get(uri)
        if state is None:
            return
        self._scheduler.forget(uri)
        del self.states[uri]
        on_disk = _read(state.path)
        if state.text != on_disk:
            self._follow(state, state.text + (on_disk or ""), while_typing=False)

    def changed_on_disk(self, paths: set[str]) -> None:
        """Trace again what was made from one of these files, or waits for a file to be there."""
        changed = frozenset(paths - {state.path for state in self.states.values()})
        texts = [_read(path) or "" for path in changed] if len(changed) <= MAX_READ else None
        for state in self.states.values():
            waits = any(each.code in ("missing-import", "import-failed") for each in state.file_diagnostics)
            named = texts is None or any(state.is_named_in(text) for text in texts)
            around = Path(state.path).parents
            pinned = any(Path(path).name == PROJECT_FILE and Path(path).parent in around for path in changed)
            if changed and (waits or named or pinned or state.rests_on(changed)):
                self._ask_again(state, while_typing=False)

    def look_at(self, uri: str, *, cursor: int | None = None, visible: tuple[int, int] | None = None) -> None:
        """Where the user is, and what is on the screen: what is seen is analysed first. Lines count from 1."""
        state = self.states.get(uri)
        if state is not None:
            state.looked_at = time.monotonic()
            state.cursor_line = cursor or state.cursor_line
            state.visible_lines = visible or state.visible_lines

    def request_all(self) -> None:
        for state in self.states.values():
            state.take_as_it_is()
            self.request(state, delay=0.0, urgent=False)

    def lines_of(self, path: str) -> list[str]:
        """The lines of a file: the editor's where it is open; none where it cannot be read."""
        state = next((each for each in self.states.values() if each.path == path), None)
        if state is not None:
            return state.document.lines
        return split_lines(_read(path) or "")

    def request(self, state: State, delay: float = DEBOUNCE_SECONDS, *, urgent: bool = True) -> None:
        """Analyse a document after a moment of quiet."""
        self._scheduler.ask(state.uri, urgent=urgent, delay=delay)

    def _follow(self, changed: State, texts: str, *, while_typing: bool) -> None:
        """Ask again for the open documents that rest on one whose text has changed; `texts` are its old and its new."""
        for state in self.states.values():
            if state is not changed and _follows(state, changed, texts):
                self._ask_again(state, while_typing=while_typing)

    def _ask_again(self, state: State, *, while_typing: bool) -> None:
        if while_typing:
            state.is_typed_in, state.is_settled = True, False
        else:
            state.take_as_it_is()
        self.request(state, urgent=False)

    # One analysis.

    def _begin(self, uri: str) -> None:
        state = self.states[uri]
        worker = self._find_worker(state) if state.is_of_interest else None
        if worker is None:
            if not state.is_of_interest:
                state.forget_answers()
                self._on_change(state)
            asyncio.get_running_loop().call_soon(self._scheduler.done, uri)
            return
        state.worker = worker
        number = state.running = worker.next_number()
        run = Running(number, state.document.lines, state.version, from_text_alone=not state.is_typed_in)
        tables = self._pin_tables(state)
        state.pin_faults = tuple(find_table_faults(state.document, state.models, tables))
        state.pin_lines = run.lines
        pins = self._pins(state, tables, with_previous=not run.from_text_alone)
        request = self._question(state, number, first=state.first_names(), pins=pins)

        def hear(event: Event) -> None:
            if state.running == number:
                self._hear(state, event, run)

        self._spawn(worker.analyse(request, hear))

    def _stop(self, uri: str) -> None:
        state = self.states.get(uri)
        if state is not None and state.running is not None and state.worker is not None:
            self._spawn(state.worker.cancel(state.running))
            state.running = None

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _find_worker(self, state: State) -> Worker | None:
        """The worker for a document; where there is no Python for it, the document says why."""
        if self.worker_of is None:
            return None
        try:
            return self.worker_of(state.path)
        except NoInterpreter as error:
            self._fail(state, Failed(0, str(error), code="crashed"), state.document.lines, state.version)
            self._on_change(state)
            return None

    async def ask(self, state: State, hear: Callable[[Event], None], **options: Any) -> bool:
        """Analyse a document on the side, with other options than usual; False where there is no worker for it."""
        worker = self._find_worker(state)
        if worker is None:
            return False
        pins = self._pins(state, self._pin_tables(state), with_previous=state.is_typed_in)
        await worker.analyse(self._question(state, worker.next_number(), pins=pins, **options), hear)
        return True

    def _question(self, state: State, number: int, **options: Any) -> Analyse:
        documents = {each.path: each.text for each in self.states.values()}
        roots = find_import_roots(state.path, self.folders)
        return Analyse(number, state.path, documents=documents, roots=roots, **options)

    # Pins.

    def project_file(self, state: State) -> str | None:
        """The pyproject.toml whose pins count for a document."""
        table = find_project_table(state.path, self._folder_of(state.path))
        return table.path if table else None

    def _folder_of(self, path: str) -> str | None:
        """The innermost workspace folder around a file."""
        around = [folder for folder in self.folders if Path(path).is_relative_to(folder)]
        return max(around, key=len, default=None)

    def _pin_tables(self, state: State) -> tuple[PinTable, ...]:
        folder = self._folder_of(state.path)
        settings = PinTable("setting", folder or str(Path(state.path).parent), self.setting_pins)
        project = find_project_table(state.path, folder)
        return (settings, project) if project else (settings,)

    def _pins(self, state: State, tables: tuple[PinTable, ...], *, with_previous: bool) -> tuple[Pin, ...]:
        pins = list(find_table_pins(state.models, tables))
        for site in state.models:
            if site.name in state.found_inputs and with_previous:
                pins.append(Pin(site.target, None, state.found_inputs[site.name], "previous"))
        return tuple(pins)

    # What the worker says.

    def _hear(self, state: State, event: Event, run: Running) -> None:
        if isinstance(event, Started):
            self._on_progress(event.target.rpartition("::")[2])
            return
        if isinstance(event, Traced):
            self._keep(state, event.trace, run)
        elif isinstance(event, Checked):
            answer = state.answers.get(event.target.rpartition("::")[2])
            if answer is not None and answer.version == run.version:
                state.answers[event.target.rpartition("::")[2]] = replace(
                    answer, trace=replace(answer.trace, diagnostics=event.diagnostics), _view=None
                )
        else:
            self._end(state, event, run)
        self._on_change(state)

    def _end(self, state: State, event: Finished | Failed, run: Running) -> None:
        state.running = None
        if isinstance(event, Finished):
            state.files = frozenset(event.files)
            state.file_diagnostics, state.file_lines = event.diagnostics, run.lines
            state.analysed_version = run.version
        else:
            self._fail(state, event, run.lines, run.version)
        if run.from_text_alone:
            state.answers = {name: each for name, each in state.answers.items() if name in run.traced}
            state.is_settled = True
        self._on_progress(None)
        self._scheduler.done(state.uri)

    def _keep(self, state: State, trace: Trace, run: Running) -> None:
        name = trace.target.rpartition("::")[2]
        run.traced.add(name)
        state.answers[name] = Answer(trace, run.lines, run.version)
        found = trace.inputs and trace.inputs[0].source.kind != "pin"
        if found and trace.status == "complete":
            state.found_inputs[name] = format_inputs(trace)
        elif run.from_text_alone:
            state.found_inputs.pop(name, None)

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


def _follows(state: State, changed: State, texts: str) -> bool:
    """Whether what is known of a document may rest on another: it was imported, or says how a model is made or fed."""
    return state.rests_on(frozenset((changed.path,))) or state.is_named_in(texts)


def _read(path: str) -> str | None:
    """A file's text as an editor would give it; None where there is none."""
    try:
        with open(path, encoding="utf-8", errors="replace", newline="") as file:
            return file.read()
    except OSError:
        return None
