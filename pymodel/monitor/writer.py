"""Writes what was recorded, on a thread of its own, twice a second: rows, statistics, `monitor.<rank>.json`, `run.json`
and the log. What the disk refuses waits; a folder that is gone ends the recording, and never the script."""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from ..runs import MetricWriter, to_number, write_run
from ..runs.layer_findings import LayerHistory
from ..runs.layers import LayerWriter
from ..runs.lines import FLUSH_SECONDS
from ..runs.monitored import write_monitored
from ..schema import Monitored, Number, Run, ScriptRequest
from .memory import read_memory
from .printed import LogText
from .provenance import copy_sources, read_commit, write_diff
from .recorder import Noted, Recorder
from .rows import Row, RowMaker
from .sitemap import SiteMap

SILENT_SECONDS = 60.0
"""After which a script that has imported torch and has not stepped is told of."""
MAX_LOG = 1 << 26


class Writer(threading.Thread):
    """The one writer of a run's folder, for its rank."""

    def __init__(self, folder: Path, run: Run, request: ScriptRequest, recorder: Recorder, log: LogText) -> None:
        super().__init__(name="pymodel-monitor", daemon=True)
        self.folder = folder
        self.run_state = run
        self._request = request
        self._recorder = recorder
        self._log = log
        self._ended = threading.Event()
        self._lock = threading.Lock()
        self._pid = os.getpid()
        self._began = time.monotonic()
        self._metrics = MetricWriter(folder, recorder.rank)
        self._layers: LayerWriter | None = None
        self._log_size = 0
        self._rows = RowMaker()
        self._sites = SiteMap(recorder)
        self._history = LayerHistory()
        self._commit: str | None = None
        self._has_sources = False
        self._written: tuple[Any, ...] = ()

    def run(self) -> None:
        if self._recorder.rank == 0:
            self._attempt("the revision", self._note_revision)
        while not self._ended.wait(FLUSH_SECONDS):
            self.write()

    def close(self, **last_words: Any) -> bool:
        """The script has ended: write the rest, and the run's last word. False in a forked copy of the script, which
        has nothing to write."""
        if os.getpid() != self._pid:
            return False
        self._ended.set()
        self.join(timeout=5)
        self.write(at_end=True)
        self._attempt("the run's state", lambda: self._write_run(durable=True, **last_words))
        return True

    def write(self, *, at_end: bool = False) -> None:
        """Write what has come since the last time."""
        with self._lock:
            if not self.folder.is_dir():
                self._recorder.guard.stop()
                return
            self._attempt("some rows", lambda: self._write_rows(at_end))
            self._attempt("the log", self._write_log)
            self._attempt("the code as it was", self._write_sources)
            self._attempt("the run's state", self._write_state)

    def _attempt(self, what: str, part: Callable[[], object]) -> None:
        guard = self._recorder.guard
        try:
            part()
        except OSError as error:
            guard.note(what, f"it could not be written: {error.strerror or error}")
        except Exception as error:
            guard.note_fault(what, error)

    def _write_rows(self, at_end: bool) -> None:
        recorder = self._recorder
        recorder.poll(at_end=at_end)
        if recorder.forwards is not None:
            recorder.forwards.collect(at_end=at_end)
        rows: list[Row] = []
        while recorder.queue:
            event = recorder.queue.popleft()
            row = self._rows.make(event)
            if rows and isinstance(event, Noted) and self._rows.can_join(rows[-1], row):
                rows[-1].values.update(row.values)
            else:
                rows.append(row)
        self._sites.note(rows)
        if rows:
            rows[-1].values.update(read_memory(has_torch=recorder.imported_torch))
        for row in rows:
            self._metrics.append(row.step, row.epoch, row.values, row.time)
        while recorder.layer_queue:
            sample = recorder.layer_queue.popleft()
            self._history.add(sample.step, sample.layers)
            if self._layers is None:
                self._layers = LayerWriter(self.folder, recorder.rank)
            self._layers.append(sample.step, sample.time, sample.layers)
        self._metrics.flush()
        if self._layers is not None:
            self._layers.flush()

    def _write_log(self) -> None:
        text = self._log.take()
        if not text or self._recorder.rank or self._log_size > MAX_LOG or self._is_our_output():
            return
        content = text.encode("utf-8", "replace")
        self._log_size += len(content)
        descriptor = os.open(self.folder / "log.txt", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            os.write(descriptor, content)
        finally:
            os.close(descriptor)

    def _is_our_output(self) -> bool:
        """Whether the launcher sends all output to the log by itself."""
        try:
            return os.path.samestat(os.fstat(1), (self.folder / "log.txt").stat())
        except OSError:
            return False

    def _note_revision(self) -> None:
        folder = Path(self._request.script).parent if self._request.script else Path(self._request.folder)
        self._commit = read_commit(folder)
        if self._commit is not None:
            write_diff(folder, self.folder / "source" / "changes.diff")

    def _write_sources(self) -> None:
        if self._has_sources or self._recorder.rank or not (self._recorder.step or self._ended.is_set()):
            return
        self._has_sources = True
        script = self._request.script
        root = Path(script).parent if script else Path(self._request.folder)
        copy_sources(root, script, self.folder / "source", self._recorder.frames)

    def _write_state(self) -> None:
        recorder, guard = self._recorder, self._recorder.guard
        silent = time.monotonic() - self._began > SILENT_SECONDS or self._ended.is_set()
        if recorder.imported_torch and silent and not self._rows.has_steps:
            guard.note("steps", "no optimizer of torch has stepped; what is printed is recorded")
        elif self._rows.has_steps and not self._rows.has_losses:
            guard.note("the loss", "no backward pass was seen before a step: gradients come from elsewhere")
        if not recorder.imported_torch and self._ended.is_set():
            guard.note("steps", "the script has not imported torch")
        found = recorder.forwards.found if recorder.forwards is not None else None
        if found is not None and not found.recent:
            before = tuple(each for each in self._rows.recent if each.step <= found.step)
            found = replace(found, recent=before, layers=_numbers(self._history.last))
            assert recorder.forwards is not None
            recorder.forwards.found = found
        monitored = Monitored(
            step=self._rows.step,
            updated=time.time(),
            sites=self._sites.sites(),
            meanings=self._rows.meanings,
            models=tuple(each.described for each in recorder.models.found) if recorder.layers is not None else (),
            findings=self._history.findings,
            nonfinite=found,
            gaps=guard.gaps,
            commit=self._commit,
        )
        mark = (replace(monitored, updated=0.0),)
        if mark != self._written:
            self._written = mark
            write_monitored(self.folder, monitored, recorder.rank)
            self._write_run()

    def _write_run(self, *, durable: bool = False, **changes: Any) -> None:
        if self._recorder.rank:
            return
        rows = self._rows
        self.run_state = replace(
            self.run_state,
            updated=time.time(),
            epoch=rows.epoch,
            last_step=rows.step,
            epochs=self._sites.epochs or self.run_state.epochs,
            total_steps=self._sites.total_steps(rows.step) or self.run_state.total_steps,
            metrics={"last": dict(rows.last), "best": dict(rows.best)},
            device=self._recorder.device,
            versions=self.run_state.versions | _torch_version(),
            **changes,
        )
        if self.folder.is_dir():
            write_run(self.folder, self.run_state, durable=durable)


def _numbers(layers: dict[str, dict[str, float]]) -> dict[str, dict[str, Number]]:
    return {path: {name: to_number(value) for name, value in each.items()} for path, each in layers.items()}


def _torch_version() -> dict[str, str]:
    torch = sys.modules.get("torch")
    version = getattr(torch, "__version__", None)
    return {} if version is None else {"torch": str(version)}
