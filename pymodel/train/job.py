"""The training job: a process of its own that turns a queued run into a trained model. `run.json` tells how it went.

Whoever launches it sends its output to `log.txt`. It writes in its run folder, and nowhere else.
"""

from __future__ import annotations

import os
import platform
import random
import shutil
import signal
import sys
import time
import traceback
from dataclasses import replace
from pathlib import Path
from types import FrameType

import torch
from torch import nn

from ..runs import describe_process, read_request, read_run
from ..schema import PyModelError, RunError, TrainRequest
from .batch import split_batch
from .data import Data, load_data
from .journal import Journal
from .loop import Stopped, Training
from .loss import Loss, choose_loss, to_prediction
from .user_code import build_model, describe_error

RECORDED = ("CUDA_VISIBLE_DEVICES", "OMP_NUM_THREADS", "MKL_NUM_THREADS", "VIRTUAL_ENV", "CONDA_PREFIX", "LANG")
"""The environment variables that a run notes; no other, as others hold secrets."""


class RequestNotUsable(PyModelError):
    """The request asks for something that there is not."""


def run_train_job(folder: Path) -> int:
    """Run the queued training in `folder`. Gives the exit code: 0 completed or stopped, 1 failed.

    Raises:
        RunNotFound: there is no run in `folder`.
    """
    stop = StopSignal()
    journal = take_over(folder)
    try:
        train(journal, stop)
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


def take_over(folder: Path) -> Journal:
    """Mark a queued run as running, by this process."""
    run = read_run(folder)
    if run.state == "stopped":
        raise SystemExit(0)  # stopped while it waited
    environment = {name: os.environ[name] for name in RECORDED if name in os.environ}
    versions = {"python": platform.python_version(), "torch": torch.__version__, "platform": platform.platform()}
    running = replace(run, state="running", process=describe_process(os.getpid()), updated=time.time())
    journal = Journal(folder, replace(running, versions=versions, environment=environment))
    journal.update()
    return journal


def train(journal: Journal, stop: StopSignal) -> None:
    """What the job does, from its request to the test.

    Raises:
        Stopped: it was asked to end.
        Exception: whatever the user's code raises, and PyModelError in words where it cannot be trained.
    """
    request = read_request(journal.run)
    if not isinstance(request, TrainRequest):
        raise RequestNotUsable("This run is no training.", advice="Start a new one.")
    if request.epochs < 1 or request.batch_size < 1:
        raise RequestNotUsable("A training takes at least one epoch, and batches of one.", advice="Choose again.")
    device = pick_device()
    seed_everything(request.seed)
    model, model_files = build_model(request.target, request.construction, request.prelude, request.roots)
    data, data_files = load_data(request.data, request.roots, batch_size=request.batch_size, seed=request.seed)
    keep_source(journal.folder, (*model_files, *data_files))
    model.to(device)
    loss = probe_loss(model, data, device, request.loss)
    optimizer = make_optimizer(model, request.optimizer, request.learning_rate)
    journal.update(device=str(device), total_steps=data.steps_per_epoch * request.epochs)
    sys.stderr.write(f"training on {device}, loss {loss.name}, {data.steps_per_epoch} steps an epoch\n")
    stop.arm()
    Training(model, data, loss, optimizer, device, journal, stop).fit(request.epochs)


def pick_device() -> torch.device:
    """The machine's accelerator, else its processor."""
    if torch.accelerator.is_available():
        return torch.accelerator.current_accelerator() or torch.device("cpu")
    return torch.device("cpu")


def seed_everything(seed: int) -> None:
    random.seed(seed)
    torch.manual_seed(seed)
    if "numpy" in sys.modules:
        sys.modules["numpy"].random.seed(seed % 2**32)


@torch.no_grad()
def probe_loss(model: nn.Module, data: Data, device: torch.device, name: str) -> Loss:
    """Choose the loss by one batch. It gives lazy modules their sizes as well, which an optimizer needs."""
    raw = next(iter(data.train), None)
    if raw is None:
        raise RequestNotUsable("The training data give no batch.", advice="Look at their length and the batch size.")
    batch = split_batch(raw, model, device)
    model.eval()
    return choose_loss(to_prediction(model(*batch.inputs, **batch.keywords)), batch.target, name)


def make_optimizer(model: nn.Module, name: str, learning_rate: float) -> torch.optim.Optimizer:
    kind = getattr(torch.optim, name, None)
    if not (isinstance(kind, type) and issubclass(kind, torch.optim.Optimizer)):
        raise RequestNotUsable(f"torch has no optimizer `{name}`.", advice="Choose AdamW, Adam, SGD or another of it.")
    parameters = [parameter for parameter in model.parameters() if parameter.requires_grad]
    if not parameters:
        raise RequestNotUsable("The model has no parameter to train.", advice="Look for requires_grad_(False).")
    return kind(parameters, lr=learning_rate)  # type: ignore[call-arg]


def keep_source(folder: Path, files: tuple[str, ...]) -> None:
    """Copy the user's files that take part into the run, below the folder that they share."""
    paths = sorted({Path(each) for each in files if Path(each).is_file()})
    if not paths:
        return
    shared = os.path.commonpath([path.parent for path in paths])
    for path in paths:
        copy = folder / "source" / path.relative_to(shared)
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, copy)


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
