"""The training job: a process of its own that turns a queued run into a trained model. `run.json` tells how it went.

Whoever launches it sends its output to `log.txt`. It writes in its run folder, and nowhere else.
"""

from __future__ import annotations

import os
import platform
import signal
import time
import traceback
from dataclasses import replace
from pathlib import Path
from types import FrameType

import torch

from ..runs import describe_process, read_request, read_run
from ..schema import DistributionSettings, RunError, TrainRequest
from .checkpoint import WEIGHTS, CheckpointNotFound, find_checkpoint, load_state, load_weights
from .journal import FolderGone, Journal, LossNotFinite
from .loop import Stopped, Training
from .parallel import Alone, Processes
from .pause import Pause
from .prepare import RequestNotUsable, prepare
from .user_code import describe_error

MAIN = Path(__file__).resolve().parents[1] / "__main__.py"
RECORDED = ("CUDA_VISIBLE_DEVICES", "OMP_NUM_THREADS", "MKL_NUM_THREADS", "VIRTUAL_ENV", "CONDA_PREFIX", "LANG")
"""The environment variables that a run notes; no other, as others hold secrets."""


def run_train_job(folder: Path) -> int:
    """Run the queued training in `folder`. Gives the exit code: 0 completed or stopped, 1 failed.

    Raises:
        RunNotFound: there is no run in `folder`.
    """
    stop = StopSignal()
    settings = _distribution(folder)
    if settings is None:
        pause = Pause()  # its signals would end a process that does not listen yet
        return run_training(take_over(folder), stop, pause=pause)
    from .distributed import Torchrun, launch

    if not Torchrun.is_inside():
        return launch(settings, MAIN, folder)
    processes = Torchrun(settings.strategy)
    try:
        code = run_training(take_over(folder, processes.rank), stop, processes)
    finally:
        processes.end()
    return processes.leave(code)


def _distribution(folder: Path) -> DistributionSettings | None:
    """What the run's recipe says of several processes, if it wants them."""
    request = read_request(read_run(folder))
    wanted = isinstance(request, TrainRequest) and request.recipe.distribution.launcher != "none"
    return request.recipe.distribution if wanted and isinstance(request, TrainRequest) else None


def run_training(
    journal: Journal, stop: StopSignal, processes: Processes | None = None, pause: Pause | None = None
) -> int:
    """Train, and write the run's last word. Gives the exit code."""
    try:
        train(journal, stop, processes or Alone(), pause)
    except (Stopped, KeyboardInterrupt):
        return _end(journal, "stopped")
    except (Exception, SystemExit) as error:
        if stop.received:  # while the user's code was loading, which takes an interrupt for an error of that code
            return _end(journal, "stopped")
        traceback.print_exc()
        return _end(journal, "failed", describe_error(error))
    return _end(journal, "completed")


class StopSignal:
    """Turns SIGINT and SIGTERM into a wish that the loop reads after each step. A second one ends at once."""

    def __init__(self) -> None:
        self.received = False
        self.armed = False
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._receive)

    def __call__(self) -> bool:
        return self.received

    def arm(self) -> None:
        """From now on there are steps, and a checkpoint to save."""
        self.armed = True
        if self.received:
            raise Stopped

    def _receive(self, number: int, frame: FrameType | None) -> None:
        is_urgent = self.received or not self.armed
        self.received = True
        if is_urgent:
            raise KeyboardInterrupt


def take_over(folder: Path, rank: int = 0) -> Journal:
    """Mark a run as running, by this process. One that has run before goes on from its last checkpoint."""
    run = read_run(folder)
    if run.state == "stopped":
        raise SystemExit(0)  # stopped while it waited
    try:
        resumed = find_checkpoint(folder, "last")
    except CheckpointNotFound:
        resumed = None
    environment = {name: os.environ[name] for name in RECORDED if name in os.environ}
    versions = {"python": platform.python_version(), "torch": torch.__version__, "platform": platform.platform()}
    running = replace(run, state="running", process=describe_process(os.getpid()), updated=time.time(), error=None)
    journal = Journal(folder, replace(running, versions=versions, environment=environment), resumed=resumed, rank=rank)
    journal.update(state="running")
    return journal


def train(journal: Journal, stop: StopSignal, processes: Processes, pause: Pause | None) -> None:
    """What the job does, from its request to the test.

    Raises:
        Stopped: it was asked to end.
        Exception: whatever the user's code raises, and PyModelError in words where it cannot be trained.
    """
    request = read_request(journal.run)
    if not isinstance(request, TrainRequest):
        raise RequestNotUsable("This run is no training.", advice="Start a new one.")

    def should_stop() -> bool:
        if pause is not None:
            pause.hold(journal, stop)
        return stop()

    training = prepare(request, journal, should_stop, processes)
    if journal.resumed is not None:
        training.resume(load_weights(journal.resumed / WEIGHTS), load_state(journal.resumed))
    stop.arm()
    try:
        _fit(training, processes)
    except FolderGone:
        rescue(training)
        raise
    if journal.trouble is not None:
        words = f"The run ended, but its last checkpoint could not be written: {journal.trouble.strerror}."
        raise RequestNotUsable(words, path=str(journal.folder), advice="Make room, then resume the run.")


def _fit(training: Training, processes: Processes) -> None:
    """Train; what ends it by surprise leaves a checkpoint."""
    try:
        training.fit()
    except (FolderGone, LossNotFinite, Stopped):
        raise
    except Exception:
        if processes.count == 1:  # between two steps nothing is half done; other processes would be waited for in vain
            training.save("last")
        raise


def rescue(training: Training) -> None:
    """The run's folder is gone: make it again, for what was learned."""
    training.journal.folder.mkdir(parents=True)
    training.save("last")


def _end(journal: Journal, state: str, error: RunError | None = None) -> int:
    """The run's last word."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    try:
        journal.flush()
        journal.close()
    finally:
        journal.update(state=state, error=error)
    return 1 if state == "failed" else 0
