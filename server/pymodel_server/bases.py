"""What a model is compared with: its own past in git, the code that a run kept, or another model."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from pymodel.discover.revisions import read_revision
from pymodel.discover.roots import find_import_roots
from pymodel.schema import Analyse, Event, Failed, Finished, PyModelError, Trace, Traced

from .l10n import t

if TYPE_CHECKING:
    from .analysis import Analyses


class CannotCompare(PyModelError):
    """There is nothing to compare with."""


class Bases:
    """Traces that others are compared with, by the model and the name of the base."""

    def __init__(self, analyses: Analyses) -> None:
        self._analyses = analyses
        self._traces: dict[tuple[str, str], Trace] = {}

    def known(self, target: str, base: str | None) -> Trace | None:
        return self._traces.get((target, base)) if base is not None else None

    async def trace(self, target: str, base: str) -> Trace:
        """Trace a base anew, and keep it.

        Raises:
            CannotCompare: it cannot be traced; the words say why.
            NoRevision: git has no such revision.
        """
        kind, _, name = base.partition(":")
        path, _, model = target.rpartition("::")
        documents: dict[str, str] = {}
        if kind == "git":
            documents = await asyncio.to_thread(read_revision, path, name)
        elif kind == "model":
            path, _, model = name.rpartition("::")
            documents = {state.path: state.text for state in self._analyses.states.values()}
        elif kind == "run":
            path = _kept_source(Path(name), path)
        else:
            raise CannotCompare(t("{0} is nothing to compare with.", base), advice=t("Name git:, model: or run:."))
        trace = await self._analyse(path, model, documents, local=kind == "run")
        self._traces[(target, base)] = trace
        return trace

    async def _analyse(self, path: str, model: str, documents: dict[str, str], *, local: bool) -> Trace:
        worker_of = self._analyses.worker_of
        if worker_of is None:
            raise CannotCompare(t("Models cannot be traced yet."), advice=t("See PyModel's status."))
        worker = worker_of(path)
        done: asyncio.Future[Sequence[Event]] = asyncio.get_running_loop().create_future()
        events: list[Event] = []

        def hear(event: Event) -> None:
            events.append(event)
            if isinstance(event, (Finished, Failed)) and not done.done():
                done.set_result(events)

        folders = () if local else self._analyses.folders
        roots = find_import_roots(path, folders)
        request = Analyse(worker.next_number(), path, (f"{path}::{model}",), documents, roots)
        await worker.analyse(request, hear)
        return _trace_of(await done, model)


def _trace_of(events: Sequence[Event], model: str) -> Trace:
    traces = [event.trace for event in events if isinstance(event, Traced) and event.trace.operations]
    if traces:
        return traces[0]
    failed = [event.reason for event in events if isinstance(event, Failed)]
    failed += [
        found.message
        for event in events
        for found in (event.trace.diagnostics if isinstance(event, Traced) else getattr(event, "diagnostics", ()))
        if found.severity == "error"
    ]
    words = failed[0] if failed else t("it is not there.")
    raise CannotCompare(
        t("{0} cannot be traced as it was: {1}", model, words), advice=t("Compare with another version.")
    )


def _kept_source(run: Path, path: str) -> str:
    """The copy of a file that a run has kept: of several with its name, the one whose folders are most alike."""
    parts = Path(path).parts[::-1]

    def likeness(copy: Path) -> int:
        pairs = zip(copy.parts[::-1], parts, strict=False)
        return next((n for n, (a, b) in enumerate(pairs) if a != b), len(parts))

    copies = sorted((run / "source").rglob(Path(path).name), key=likeness)
    if not copies:
        raise CannotCompare(
            t("The run keeps no copy of {0}.", Path(path).name), advice=t("Choose a run of this model.")
        )
    return str(copies[-1])
