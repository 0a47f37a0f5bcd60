"""What monitored scripts did last, at the lines of their code."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

from pymodel import runs
from pymodel.schema import CodeSite, Run

RECALLED = 20
"""So many runs of each folder are looked into when the editor starts."""


class MonitoredLines:
    """Of each file, the lines that the newest run went through. `on_change` is called when there is news."""

    def __init__(self, on_change: Callable[[], None]) -> None:
        self._on_change = on_change
        self._newest: dict[str, tuple[float, tuple[CodeSite, ...]]] = {}
        """By path: when the run began, and its lines."""

    def at(self, path: str) -> tuple[CodeSite, ...]:
        return self._newest.get(path, (0.0, ()))[1]

    async def recall(self, folders: tuple[str, ...]) -> None:
        """Take in the runs of earlier sessions."""
        for folder in folders:
            found = await asyncio.to_thread(runs.list_runs, runs.find_runs_root(folder, folders))
            scripts = [each for each in found if each[1].kind == "script"]
            for run_folder, run in sorted(scripts, key=lambda each: each[1].started)[-RECALLED:]:
                await self.note(run_folder, run)

    async def note(self, folder: Path, run: Run) -> None:
        """Take in what a run has written since it was last looked at."""
        if run.kind != "script":
            return
        monitored = await asyncio.to_thread(runs.read_monitored, folder)
        if monitored is None:
            return
        by_path: dict[str, list[CodeSite]] = {}
        for site in monitored.sites:
            by_path.setdefault(site.path, []).append(site)
        changed = False
        for path, sites in by_path.items():
            news = run.started, tuple(sites)
            known = self._newest.get(path, (0.0, ()))
            if news[0] >= known[0] and news != known:
                self._newest[path] = news
                changed = True
        if changed:
            self._on_change()
