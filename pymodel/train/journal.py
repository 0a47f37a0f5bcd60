"""Writes down what a job does: metrics and `run.json`, seldom enough not to slow it and often enough to watch it."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ..runs import MetricWriter, to_number, write_run
from ..schema import Run

UPDATE_SECONDS = 0.25


class Journal:
    """The one writer of a run while its job lives."""

    def __init__(self, folder: Path, run: Run) -> None:
        self.folder = folder
        self.run = run
        self._metrics = MetricWriter(folder)
        self._pending: list[tuple[int, int, Tensor, float]] = []
        self._updated = time.monotonic()

    def note_step(self, step: int, epoch: int, loss: Tensor, learning_rate: float) -> None:
        """One step's loss: kept on its device, fetched with the others twice a second, so that no step waits for it."""
        self._pending.append((step, epoch, loss.detach().clone(), learning_rate))
        self.run = replace(self.run, epoch=epoch, last_step=step)
        if self._metrics.is_due:
            self._fetch()
            self._metrics.flush()
        if time.monotonic() - self._updated >= UPDATE_SECONDS:
            self.update()

    def note(self, step: int, epoch: int, values: Mapping[str, float], *, is_best: bool = False) -> None:
        """Values of an epoch or of the end."""
        self._fetch()
        self._metrics.append(step, epoch, values)
        self._metrics.flush()
        numbers = {name: to_number(value) for name, value in values.items()}
        last = {**self.run.metrics.get("last", {}), **numbers}
        best = {**self.run.metrics.get("best", {}), **numbers} if is_best else self.run.metrics.get("best", {})
        self.update(metrics={"last": last, "best": best})

    def update(self, **changes: Any) -> None:
        """Replace `run.json`, with these fields changed."""
        self.run = replace(self.run, updated=time.time(), **changes)
        write_run(self.folder, self.run)
        self._updated = time.monotonic()

    def flush(self) -> None:
        self._fetch()
        self._metrics.flush()

    def close(self) -> None:
        self._metrics.close()

    def _fetch(self) -> None:
        if not self._pending:
            return
        losses = torch.stack([loss.float() for _, _, loss, _ in self._pending]).tolist()
        for (step, epoch, _, rate), loss in zip(self._pending, losses, strict=True):
            self._metrics.append(step, epoch, {"train/loss": loss, "learning_rate": rate})
        self._pending.clear()
        last = {**self.run.metrics.get("last", {}), "train/loss": to_number(losses[-1]), "learning_rate": rate}
        self.run = replace(self.run, metrics={"last": last, "best": self.run.metrics.get("best", {})})
