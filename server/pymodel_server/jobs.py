"""Training and export: detached processes, one run folder each. They outlive the editor and are found again by it."""

from __future__ import annotations

import asyncio
import subprocess
from collections.abc import Callable
from pathlib import Path

from pymodel import runs
from pymodel.schema import ExplainRequest, ExportRequest, Run, TrainRequest
from pymodel.schema.protocol import RunChangedNotification

from .workers import engine_command

POLL_SECONDS = 0.25
LIVE = ("queued", "running", "paused")


class Jobs:
    """Starts jobs and tells the client of their progress."""

    def __init__(self, tell: Callable[[RunChangedNotification], None], interpreter: Callable[[str], str]) -> None:
        self._tell = tell
        self._interpreter = interpreter
        self._followed: dict[Path, asyncio.Task[Run]] = {}

    def start(
        self, request: TrainRequest | ExportRequest | ExplainRequest, path: str, folders: tuple[str, ...]
    ) -> Path:
        """Create the run folder and start its job, in a session of its own."""
        folder = runs.create_run(runs.find_runs_root(path, folders), request)
        self._launch(folder, path, folders)
        return folder

    def resume(self, folder: Path, folders: tuple[str, ...]) -> Run:
        """Go on with an ended training, from its last checkpoint.

        Raises:
            RunNotFound: there is no run in `folder`.
            CannotResume: it has not ended, or has nothing left to do.
        """
        runs.queue_again(folder)
        run = runs.read_run(folder)
        self._launch(folder, run.target.rpartition("::")[0], folders)
        return run

    def _launch(self, folder: Path, path: str, folders: tuple[str, ...]) -> None:
        working = next((each for each in folders if Path(path).is_relative_to(each)), str(Path(path).parent))
        with open(folder / "log.txt", "ab") as output:
            subprocess.Popen(
                engine_command(self._interpreter(path), "job", str(folder)),
                cwd=working,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        self.follow(folder)

    def follow(self, folder: Path) -> asyncio.Task[Run]:
        """Tell the client of a run until it ends; the task's result is the run as it ended."""
        if folder not in self._followed:
            self._followed[folder] = asyncio.get_running_loop().create_task(self._follow(folder))
        return self._followed[folder]

    async def find_again(self, folders: tuple[str, ...]) -> None:
        """Follow the runs that go on from an earlier session."""
        for folder in folders:
            for run_folder, run in await asyncio.to_thread(runs.list_runs, runs.find_runs_root(folder, folders)):
                if run.state in LIVE:
                    self.follow(run_folder)

    async def notice(self, folder: Path) -> None:
        """A run's file has changed on disk: follow it where it lives, else tell of it once."""
        if folder in self._followed:
            return
        try:
            run = await asyncio.to_thread(runs.read_run, folder)
        except runs.RunNotFound:
            return  # half made or removed: there is nothing to tell
        if run.state in LIVE:
            self.follow(folder)
        else:
            self._tell(RunChangedNotification(str(folder), run))

    async def _follow(self, folder: Path) -> Run:
        last: tuple[object, ...] | None = None
        while True:
            run = await asyncio.to_thread(runs.read_run, folder)
            mark = (run.state, run.updated, run.last_step)
            if mark != last:
                last = mark
                self._tell(RunChangedNotification(str(folder), run))
            if run.state not in LIVE:
                self._followed.pop(folder, None)
                return run
            await asyncio.sleep(POLL_SECONDS)
