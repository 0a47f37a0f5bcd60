"""What is known of one open document: its text, its models, and their last traces, moved along with the text."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from functools import cached_property

from pymodel.discover.document import Document, parse_document
from pymodel.discover.models import find_models
from pymodel.discover.steps import MAIN, Script, find_script
from pymodel.lint.lint import lint
from pymodel.schema import Diagnostic, ModelSite, Read, Trace, Value

from .shift import map_lines, shift_diagnostics, shift_trace
from .workers import Worker


@dataclass(frozen=True)
class View:
    """A trace as it stands in the present text of a document. `stale`: the text has changed since it was made."""

    trace: Trace
    path: str
    stale: bool

    @cached_property
    def by_line(self) -> dict[int, list[Value | Read]]:
        """What the trace knows of the document, by each line that it touches."""
        index: dict[int, list[Value | Read]] = defaultdict(list)
        everything: tuple[Value | Read, ...] = (*self.trace.values, *self.trace.reads)
        for each in everything:
            if each.path == self.path:
                for line in range(each.start.line, each.end.line + 1):
                    index[line].append(each)
        return index


@dataclass
class Answer:
    """A model's trace, and the text and version it was made from."""

    trace: Trace
    lines: list[str]
    version: int
    _view: tuple[int, View] | None = None

    def view(self, document: Document, version: int) -> View:
        """The trace, moved to the document's text at `version`: worked out once a version."""
        if self._view is None or self._view[0] != version:
            if self.version == version or self.lines == document.lines:
                view = View(self.trace, document.path, False)
            else:
                moved = shift_trace(self.trace, document.path, map_lines(self.lines, document.lines))
                view = View(moved, document.path, True)
            self._view = version, view
        return self._view[1]


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
    files: frozenset[str] = frozenset()
    """What the last analysis imported from the workspace."""
    pin_faults: tuple[Diagnostic, ...] = ()
    """What is wrong with pins about it that stand elsewhere."""
    pin_lines: list[str] = field(default_factory=list)
    export_faults: tuple[Diagnostic, ...] = ()
    """Where the last export failed, in the text of `export_lines`."""
    export_lines: list[str] = field(default_factory=list)
    running: int | None = None
    worker: Worker | None = None
    """What runs on it."""
    analysed_version: int | None = None
    is_typed_in: bool = False
    """It was changed since it was opened or saved, by itself or in what it rests on: inputs that ran are kept."""
    is_settled: bool = False
    """The last answers rest on the text alone, as those of a cold start do, and on no earlier text's input."""
    looked_at: float = 0.0
    """When somebody last edited it, or asked about it."""
    cursor_line: int | None = None
    visible_lines: tuple[int, int] | None = None

    @classmethod
    def read(cls, uri: str, path: str, text: str, version: int) -> State:
        document = parse_document(path, text)
        return cls(uri, path, text, version, document, find_models(document), find_script(document))

    def change(self, text: str, version: int) -> None:
        before = self.document.lines
        self.text, self.version = text, version
        self.document = parse_document(self.path, text)
        self.cursor_line = _first_difference(before, self.document.lines) or self.cursor_line
        models = find_models(self.document)
        if models or not self.document.errors:
            self.models = models  # a broken text keeps the models it had
        script = find_script(self.document)
        if script is not None or not self.document.errors:
            self.script = script

    def take_as_it_is(self) -> None:
        """From here on the text alone counts: a broken one has only the models that can still be read in it."""
        self.is_typed_in, self.is_settled = False, False
        self.models, self.script = find_models(self.document), find_script(self.document)

    def forget_answers(self) -> None:
        """There is nothing to analyse any more."""
        self.answers, self.files = {}, frozenset()
        self.file_diagnostics, self.file_lines = (), []
        self.analysed_version, self.is_settled = self.version, not self.is_typed_in

    @property
    def is_of_interest(self) -> bool:
        return bool(self.models or self.script)

    def view(self, name: str) -> View | None:
        """A model's trace as it stands in the present text."""
        answer = self.answers.get(name)
        return None if answer is None else answer.view(self.document, self.version)

    def views(self) -> list[View]:
        """Those of the models, then the script's."""
        names = [*(site.name for site in self.models), *([MAIN] if self.script is not None else [])]
        return [found for name in names if (found := self.view(name)) is not None]

    def trace(self, name: str) -> tuple[Trace, bool] | None:
        """A model's trace, moved to the present text, and whether the text has changed since it was made."""
        found = self.view(name)
        return None if found is None else (found.trace, found.stale)

    def diagnostics(self) -> list[Diagnostic]:
        """Every finding of the document, once."""
        found: list[Diagnostic] = list(self.document.errors)
        if self.file_lines == self.document.lines:
            found += self.file_diagnostics
        else:
            moved = map_lines(self.file_lines, self.document.lines)
            found += shift_diagnostics(self.file_diagnostics, self.path, moved)
        if self.pin_faults:
            found += shift_diagnostics(self.pin_faults, self.path, map_lines(self.pin_lines, self.document.lines))
        if self.export_faults:  # gone with its line, once that is changed
            found += shift_diagnostics(self.export_faults, self.path, map_lines(self.export_lines, self.document.lines))
        for view in self.views():
            found += view.trace.diagnostics
        found += lint(self.document)
        seen: dict[tuple[object, ...], Diagnostic] = {}
        for each in found:
            if each.path == self.path:
                seen.setdefault((each.code, each.start, each.end), each)
        return list(seen.values())

    def first_names(self) -> tuple[str, ...]:
        """The models in the order in which they are wanted: the cursor's, then those on the screen."""
        cursor = self.cursor_line or 0
        first, last = self.visible_lines or (0, 0)

        def distance(site: ModelSite) -> int:
            start, end = site.range.start.line, site.range.end.line
            return 0 if start <= cursor <= end else 1 if start <= last and end >= first else 2

        return tuple(site.name for site in sorted(self.models, key=distance))

    def rests_on(self, paths: frozenset[str]) -> bool:
        """Whether one of these other files was imported, or named a construction or an input, for what is known."""
        others = paths - {self.path}
        return bool(self._sources() & others)

    def _sources(self) -> set[str]:
        found = set(self.files)
        for answer in self.answers.values():
            trace = answer.trace
            found.update(trace.files)
            sources = [each.source for each in trace.inputs]
            if trace.construction is not None:
                sources.append(trace.construction.source)
            found.update(each.path for each in sources if each.path is not None)
        return found

    def is_named_in(self, text: str) -> bool:
        """Whether a text could say how one of the models is made or fed."""
        return any(site.name in text for site in self.models)


def _first_difference(before: list[str], after: list[str]) -> int | None:
    """The number of the first line that differs."""
    for number, (old, new) in enumerate(zip(before, after, strict=False), 1):
        if old != new:
            return number
    return None if len(before) == len(after) else min(len(before), len(after))
