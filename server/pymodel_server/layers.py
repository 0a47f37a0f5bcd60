"""What the newest run of each model saw of its layers last: read when a run moves on, not while a person waits."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from pathlib import Path

from pymodel import runs
from pymodel.graph.learned import Learned, match_learned
from pymodel.schema import LayerFinding, LayerRow, MonitoredModel, Run, Trace

RECALLED = 20
"""So many runs of each folder are looked into when the editor starts."""


@dataclass(frozen=True)
class _Seen:
    """By a run that began at `started`."""

    started: float
    row: LayerRow
    findings: tuple[LayerFinding, ...]
    models: tuple[MonitoredModel, ...]


class LastLayers:
    """Of each model that was trained, by its target."""

    def __init__(self) -> None:
        self._newest: dict[str, _Seen] = {}
        self._sizes: dict[Path, int] = {}
        """Of the files that were read, so that one is read again only when there is more in it."""

    def of(self, trace: Trace) -> Learned | None:
        seen = self._newest.get(trace.target)
        return match_learned(trace, seen.row, seen.findings, seen.models) if seen is not None else None

    async def recall(self, folders: tuple[str, ...]) -> None:
        """Take in the runs of earlier sessions."""
        for folder in folders:
            for run_folder, run in (await asyncio.to_thread(runs.list_runs, runs.find_runs_root(folder, folders)))[
                :RECALLED
            ]:
                await self.note(run_folder, run)

    async def note(self, folder: Path, run: Run) -> None:
        """Take in what a run has seen since it was last looked at."""
        if run.kind not in ("train", "script"):
            return
        path = runs.layers_path(folder)
        size = path.stat().st_size if path.exists() else 0
        if size == self._sizes.get(folder, 0):
            return
        self._sizes[folder] = size
        found = await asyncio.to_thread(_read, folder, run)
        if found is None:
            return
        for target in _targets(run, found.models):
            known = self._newest.get(target)
            if known is None or found.started >= known.started:
                self._newest[target] = found


def _targets(run: Run, models: tuple[MonitoredModel, ...]) -> list[str]:
    if run.kind == "train":
        return [run.target]
    return [f"{model.path}::{model.class_name}" for model in models if model.path is not None]


def _read(folder: Path, run: Run) -> _Seen | None:
    sampled = runs.SampledSteps(folder, most=runs.RECENT_BYTES)
    row = sampled.read()
    if row is None:
        return None
    monitored = runs.read_monitored(folder)
    if monitored is not None:
        return _Seen(run.started, row, monitored.findings, monitored.models)
    return _Seen(run.started, row, sampled.find_ailing(), ())
