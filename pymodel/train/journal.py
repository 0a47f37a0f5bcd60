"""Writes down what a job does: metrics and `run.json`, seldom enough not to slow it and often enough to watch it.

A disk that refuses loses nothing: rows wait in memory, the trouble is told once, and each later write tries again.
"""

from __future__ import annotations

import math
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ..monitor.sampled_step import Statistics
from ..monitor.scalars import Deferred, Scalar
from ..runs import MetricWriter, to_number, write_run
from ..runs.layers import LayerWriter
from ..schema import PyModelError, Run
from .checkpoint import read_step

UPDATE_SECONDS = 0.4


class LossNotFinite(PyModelError):
    """The loss became NaN or infinite and stayed so."""


class FolderGone(PyModelError):
    """The run's folder was removed while the run went on."""


class Journal:
    """The one writer of a run while its job lives."""

    def __init__(self, folder: Path, run: Run, *, resumed: Path | None = None, rank: int = 0) -> None:
        self.folder = folder
        self.run = run
        self.rank = rank
        """Of several processes the first alone writes `run.json` and the log; each has its own metrics."""
        self.resumed = resumed
        """The checkpoint that the run goes on from."""
        begun = resumed is not None or run.last_step > 0  # one without a checkpoint begins anew
        self.trouble: OSError | None = None
        """Why the last write failed; None while all is well."""
        self._metrics = MetricWriter(
            folder, rank, resumed_at=None if not begun else 0 if resumed is None else read_step(resumed)
        )
        self._pending: list[tuple[int, int, Tensor, float, Tensor | None]] = []
        self._layers: LayerWriter | None = None
        self._deferred = Deferred()
        self._sampled: list[tuple[int, float, Statistics]] = []
        self._examples = 0
        self._fetched = self._updated = time.monotonic()
        self._first_bad: int | None = None

    def note_step(
        self, step: int, epoch: int, loss: Tensor, rate: float, norm: Tensor | None = None, examples: int = 0
    ) -> None:
        """One step: its loss stays on the device and is fetched with others twice a second, so that no step waits.

        Raises:
            LossNotFinite: the loss is, and has been for a while, no number.
        """
        self._pending.append((step, epoch, loss, rate, norm))
        self._examples += examples
        if self._metrics.is_due:
            self.flush()
            if time.monotonic() - self._updated >= UPDATE_SECONDS:
                self.update()

    def note_layers(self, step: int, numbers: list[Scalar], describe: Callable[[list[float]], Statistics]) -> None:
        """What the layers were like in a step. Numbers that are still on the device are fetched without waiting."""
        at = time.time()
        self._deferred.add(numbers, lambda values: self._sampled.append((step, at, describe(values))))

    def note(self, step: int, epoch: int, values: Mapping[str, float], *, is_best: bool = False) -> None:
        """Values of an epoch or of the end."""
        self.flush()
        self._metrics.append(step, epoch, values)
        self._try(self._metrics.flush)
        numbers = {name: to_number(value) for name, value in values.items()}
        last = {**self.run.metrics.get("last", {}), **numbers}
        best = {**self.run.metrics.get("best", {}), **numbers} if is_best else self.run.metrics.get("best", {})
        self.update(metrics={"last": last, "best": best})

    def update(self, **changes: Any) -> None:
        """Replace `run.json`, with these fields changed."""
        self.run = replace(self.run, updated=time.time(), **changes)
        if self.rank == 0:
            self._try(lambda: write_run(self.folder, self.run, durable="state" in changes))
        self._updated = time.monotonic()

    def say(self, words: str) -> None:
        """A line for the log. A log that cannot be written is no reason to end."""
        if self.rank:
            return
        self._try(lambda: print(words, file=sys.stderr, flush=True))  # noqa: T201 - the job's log

    def flush(self) -> None:
        self._fetch()
        self._try(self._metrics.flush)
        self._deferred.send()
        self._deferred.poll()
        self._try(self._write_layers)

    def close(self) -> None:
        self._deferred.poll(at_end=True)
        self._try(self._write_layers)
        self._try(self._metrics.close)

    def _write_layers(self) -> None:
        if not self._sampled:
            return
        if self._layers is None:
            self._layers = LayerWriter(self.folder, self.rank)
        while self._sampled:
            self._layers.append(*self._sampled.pop(0))
        self._layers.flush()

    def attempt(self, write: Callable[[], object]) -> bool:
        """Do a write that may be refused; whether it was done.

        Raises:
            FolderGone: there is no folder to write in.
        """
        return self._try(write)

    def _try(self, write: Callable[[], object]) -> bool:
        try:
            write()
        except OSError as error:
            if not self.folder.is_dir():
                advice = "What it had learned was saved in the same place."
                raise FolderGone(
                    "The run's folder was removed while it went on.", path=str(self.folder), advice=advice
                ) from error
            is_new = self.trouble is None
            self.trouble = error
            if is_new:
                self.say(
                    f"warning: nothing can be written to {self.folder}: {error.strerror or error}. Training goes on."
                )
            return False
        self.trouble = None
        return True

    def _fetch(self) -> None:
        if not self._pending:
            return
        losses = torch.stack([loss.float() for _, _, loss, _, _ in self._pending]).tolist()
        norms = [norm for *_, norm in self._pending if norm is not None]
        norm_values = torch.stack(norms).tolist() if norms else [None] * len(losses)
        now = time.monotonic()
        for (step, epoch, _, rate, _), loss, norm in zip(self._pending, losses, norm_values, strict=True):
            values = {"train/loss": loss, "learning_rate": rate}
            if norm is not None:
                values["gradient_norm"] = norm
            if math.isfinite(loss):
                self._first_bad = None
            elif self._first_bad is None:
                self._first_bad = step
            self._metrics.append(step, epoch, values)
        seconds = now - self._fetched
        if self._examples and seconds > 0:
            self._metrics.append(step, epoch, {"throughput": self._examples / seconds})
        self._pending.clear()
        self._fetched, self._examples = now, 0
        last = {**self.run.metrics.get("last", {}), "train/loss": to_number(losses[-1]), "learning_rate": rate}
        metrics = {"last": last, "best": self.run.metrics.get("best", {})}
        self.run = replace(self.run, epoch=epoch, last_step=step, metrics=metrics)
        if self._first_bad is not None:
            self._try(self._metrics.flush)
            words = f"The loss is {last['train/loss']} since step {self._first_bad}, at a learning rate of {rate:g}."
            advice = "Choose a lower learning rate, clip the gradient (`clip_norm = 1.0`), or look for a division by 0."
            raise LossNotFinite(words, advice=f"{advice} The checkpoint from before is kept.")
