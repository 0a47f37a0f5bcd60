"""A second look at what was traced, once all of a file is: a backward pass where gradients may be cut, and fixes, each
proven by an analysis of the text as the fix leaves it."""

from __future__ import annotations

import dataclasses
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from ..check.flow import Flow
from ..discover.document import Document, read_document
from ..discover.pins import format_input
from ..fix.evidence import Evidence
from ..fix.proof import Outcome, with_fixes
from ..fix.source import apply
from ..lint.lint import lint
from ..schema import Analyse, Checked, Diagnostic, Finished, Fix, Location, Operation, Pin, Started, Trace, Traced
from ..trace.assemble import Failure

Message = Started | Traced | Checked
Analysis = Callable[[Analyse, Callable[[Message], None]], Finished]
"""An analysis without proofs."""


@dataclass(frozen=True)
class Seen:
    """A target after the first look, and what its fixes can be made from."""

    trace: Trace
    operations: tuple[Operation, ...] = ()
    failures: Mapping[Diagnostic, Failure] = dataclasses.field(default_factory=dict)
    built_at: Mapping[str, Location] = dataclasses.field(default_factory=dict)
    modes_matter: bool = True
    """Of a script: whether one of its models goes other ways in training."""
    look: Callable[[], list[Diagnostic]] = list
    """Finds what only a backward pass shows."""


class SecondLook:
    """Looks again at the targets of one request."""

    def __init__(self, request: Analyse, files: tuple[str, ...], analysis: Analysis | None) -> None:
        self._request = request
        self._files = frozenset(files)
        self._analysis = analysis
        self._documents: dict[str, Document | None] = {}

    def check(self, seen: Seen) -> tuple[Diagnostic, ...]:
        """All diagnostics of a target, with fixes that were proven."""
        trace = seen.trace
        try:
            told = tuple(dict.fromkeys((*trace.diagnostics, *seen.look())))
            return self._with_fixes(told, seen)
        except Exception:  # a fault of ours: what the first look told stands, and the file's other models have theirs
            traceback.print_exc()  # to the log
            return trace.diagnostics

    def check_text(self, told: tuple[Diagnostic, ...], seen: Seen | None) -> tuple[Diagnostic, ...]:
        """The findings of the text alone, with fixes after which its steps run as before."""
        if seen is not None and not seen.modes_matter:
            told = tuple(each for each in told if each.code != "missing-eval")
        return self._with_fixes(told, dataclasses.replace(seen, failures={})) if seen is not None else told

    def _with_fixes(self, told: tuple[Diagnostic, ...], seen: Seen) -> tuple[Diagnostic, ...]:
        if self._analysis is None or not told:
            return told
        evidence = Evidence(Flow(seen.operations or seen.trace.operations), seen.failures, seen.built_at, self._read)
        return with_fixes(_outcome(seen.trace, told), evidence, lambda fix: self._rerun(fix, seen.trace, told))

    def _rerun(self, fix: Fix, trace: Trace, told: tuple[Diagnostic, ...]) -> Outcome | None:
        """What an analysis says of the text with a fix applied. Findings of the text count where `told` are such."""
        assert self._analysis is not None
        documents = dict(self._request.documents)
        for path in {edit.path for edit in fix.edits}:
            before = self._read(path)
            if before is None or path not in self._files:
                return None  # only files of the workspace are edited
            documents[path] = apply(before.text, [edit for edit in fix.edits if edit.path == path])
        pins = (*self._same(trace), *self._request.pins)
        request = dataclasses.replace(self._request, targets=(trace.target,), documents=documents, pins=pins)
        found: list[Message] = []
        self._analysis(request, found.append)
        after = next((each.trace for each in found if isinstance(each, Traced)), None)
        if after is None or after.status == "failed":
            return None
        diagnostics = next((each.diagnostics for each in found if isinstance(each, Checked)), after.diagnostics)
        if any(each in told for each in lint(read_document(self._request.path, self._request.documents))):
            diagnostics = lint(read_document(self._request.path, documents))
        return _outcome(after, diagnostics)

    def _same(self, trace: Trace) -> tuple[Pin, ...]:
        """Pins for the construction and inputs that were found: an analysis looks for no others then."""
        made = trace.construction
        if made is None or not trace.inputs:
            return ()
        expression = made.expression if not made.prelude else None
        return (Pin(trace.target, expression, tuple(format_input(each) for each in trace.inputs), "cli"),)

    def _read(self, path: str) -> Document | None:
        if path not in self._documents:
            try:
                self._documents[path] = read_document(path, self._request.documents)
            except OSError:
                self._documents[path] = None
        return self._documents[path]


def _outcome(trace: Trace, diagnostics: tuple[Diagnostic, ...]) -> Outcome:
    batches = [len(known.probed) for known in trace.symbols.values() if known.meaning == "batch"]
    return Outcome(diagnostics, max(batches, default=0), frozenset(trace.symbols))
