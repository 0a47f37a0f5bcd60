"""Training and export: detached processes, one run folder each. They outlive the editor and are found again by it."""

from __future__ import annotations

import asyncio
import logging
import subprocess
from collections.abc import Callable
from pathlib import Path

from pymodel import runs
from pymodel.schema import ExplainRequest, ExportRequest, Run, TrainRequest
from pymodel.schema.protocol import RunChangedNotification

from .interpreter import NoInterpreter
from .workers import engine_command

log = logging.getLogger(__name__)

POLL_SECONDS = 0.25
LIVE = ("queued", "running", "paused")


class Jobs:
    """Starts jobs and tells the client of their progress."""

    def __init__(
        self,
        tell: Callable[[RunChangedNotification], None],
        interpreter: Callable[[str], str],
        folders: Callable[[], tuple[str, ...]],
    ) -> None:
        self._tell = tell
        self._interpreter = interpreter
        self._folders = folders
        """Those of the workspace."""
        self._followed: dict[Path, asyncio.Task[Run]] = {}

    def start(
        self, request: TrainRequest | ExportRequest | ExplainRequest, path: str, *, in_turn: bool = False
    ) -> Path:
        """Create the run folder and start its job, in a session of its own; `in_turn` once no other training takes its
        device."""
        root = runs.find_runs_root(path, self._folders())
        folder = runs.create_run(root, request)
        if in_turn and runs.find_at_work(root, runs.read_run(folder)) is not None:
            runs.let_wait(folder)
            self.follow(folder)
        else:
            self._launch(folder, path)
        return folder

    def resume(self, folder: Path) -> Run:
        """Go on with an ended training, from its last checkpoint.

        Raises:
            RunNotFound: there is no run in `folder`.
            CannotResume: it has not ended, or has nothing left to do.
        """
        runs.queue_again(folder)
        run = runs.read_run(folder)
        self._launch(folder, run.target.rpartition("::")[0])
        return run

    def _launch(self, folder: Path, path: str) -> None:
        working = next((each for each in self._folders() if Path(path).is_relative_to(each)), str(Path(path).parent))
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

    async def find_again(self) -> None:
        """Follow the runs that go on from an earlier session, and start those that waited and need not any more."""
        for folder in self._folders():
            root = runs.find_runs_root(folder, self._folders())
            for run_folder, run in await asyncio.to_thread(runs.list_runs, root):
                if run.state in LIVE:
                    self.follow(run_folder)
            await self._start_waiting(root)

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
            await self._start_waiting(folder.parent)

    async def _start_waiting(self, root: Path) -> None:
        """Start the runs whose turn it is."""
        for folder, run in await asyncio.to_thread(runs.take_next, root):
            try:
                self._launch(folder, run.target.rpartition("::")[0])
            except (NoInterpreter, OSError) as error:
                runs.let_wait(folder)
                log.warning("%s waits on: %s", folder.name, error)

    async def _follow(self, folder: Path) -> Run:
        last: tuple[object, ...] | None = None
        while True:
            run = await asyncio.to_thread(runs.read_run, folder)
            mark = (run.state, run.updated, run.last_step, run.name, run.note)
            if mark != last:
                last = mark
                self._tell(RunChangedNotification(str(folder), run))
            if run.state not in LIVE:
                self._followed.pop(folder, None)
                await self._start_waiting(folder.parent)
                return run
            await asyncio.sleep(POLL_SECONDS)
