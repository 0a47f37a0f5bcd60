"""The training loop: epochs over the data, an evaluation after each, the best and the last checkpoint, then the test.

It knows a model, loaders and a journal, and nothing of processes, requests or files of the user's.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from .batch import split_batch
from .checkpoint import WEIGHTS, find_checkpoint, keep_checkpoint, load_weights, random_state, save_checkpoint
from .data import Data, Loader
from .journal import Journal
from .loss import Loss, to_prediction


class Stopped(Exception):
    """Someone asked the training to end; its last checkpoint is saved."""


@dataclass
class Training:
    """One training under way. `fit` runs it to the end, or until `should_stop` says so after a step."""

    model: nn.Module
    data: Data
    loss: Loss
    optimizer: torch.optim.Optimizer
    device: torch.device
    journal: Journal
    should_stop: Callable[[], bool]
    epoch: int = 0
    step: int = 0
    batch: int = 0
    """Batches of the current epoch that are done."""
    best: tuple[float, ...] = (-math.inf,)

    def fit(self, epochs: int) -> None:
        """Train, then test with the best weights.

        Raises:
            Stopped: `should_stop` said so; the checkpoint `last` holds this very step.
        """
        for self.epoch in range(1, epochs + 1):
            mean_loss = self._train_epoch()
            self._finish_epoch(mean_loss)
        if self.data.test is not None:
            weights = find_checkpoint(self.journal.folder, "best") / WEIGHTS
            self.model.load_state_dict(load_weights(weights))
            self.journal.note(self.step, self.epoch, self._evaluate(self.data.test, "test"), is_best=True)

    def _train_epoch(self) -> float:
        self.model.train()
        self.batch = 0
        total: Tensor | None = None
        for raw in self.data.train:
            batch = split_batch(raw, self.model, self.device)
            self.optimizer.zero_grad()
            output = to_prediction(self.model(*batch.inputs, **batch.keywords))
            loss = self.loss.compute(output, batch.target)
            loss.backward()  # type: ignore[no-untyped-call]
            self.optimizer.step()
            self.step += 1
            self.batch += 1
            total = loss.detach() if total is None else total + loss.detach()
            self.journal.note_step(self.step, self.epoch, loss, float(self.optimizer.param_groups[0]["lr"]))
            self._stop_if_asked()
        return math.nan if total is None else float(total) / self.batch

    def _finish_epoch(self, mean_loss: float) -> None:
        metrics = {} if self.data.validation is None else self._evaluate(self.data.validation, "validation")
        score = _score(metrics, mean_loss)
        is_best = score > self.best or self.epoch == 1
        self.best = max(self.best, score)
        if metrics:
            self.journal.note(self.step, self.epoch, metrics, is_best=is_best)
        path = self._save("last")
        if is_best:
            keep_checkpoint(path, "best")

    @torch.no_grad()
    def _evaluate(self, loader: Loader, name: str) -> dict[str, float]:
        """The mean loss over a loader, and the accuracy where labels are classes."""
        self.model.eval()
        losses: list[Tensor] = []
        sizes: list[int] = []
        corrects: list[Tensor] = []
        answers = 0
        for raw in loader:
            batch = split_batch(raw, self.model, self.device)
            output = to_prediction(self.model(*batch.inputs, **batch.keywords))
            losses.append(self.loss.compute(output, batch.target))
            sizes.append(batch.size)
            if self.loss.count_correct is not None:
                correct, count = self.loss.count_correct(output, batch.target)
                corrects.append(correct)
                answers += count
            self._stop_if_asked()
        if not losses:
            return {}
        weights = torch.tensor(sizes, dtype=torch.float32, device=losses[0].device)
        values = {f"{name}/loss": float((torch.stack(losses).float() * weights).sum() / weights.sum())}
        if answers:
            values[f"{name}/accuracy"] = int(torch.stack(corrects).sum()) / answers
        return values

    def _stop_if_asked(self) -> None:
        if self.should_stop():
            self._save("last")
            raise Stopped

    def _save(self, name: str) -> Path:
        self.journal.flush()
        metrics = self.journal.run.metrics.get("last", {})
        weights = self.model.state_dict()
        place = {"epoch": self.epoch, "step": self.step, "metrics": metrics}
        return save_checkpoint(self.journal.folder, name, weights, self._state(), **place)  # type: ignore[arg-type]

    def _state(self) -> dict[str, Any]:
        """What going on from here exactly needs beside the weights."""
        return {
            "epoch": self.epoch,
            "step": self.step,
            "batch": self.batch,
            "best": self.best,
            "optimizer": self.optimizer.state_dict(),
            "random": random_state(),
            "order": self.data.generator.get_state(),
        }


def _score(metrics: dict[str, float], train_loss: float) -> tuple[float, ...]:
    """What makes an epoch the best, more being better: accuracy, then a low loss."""
    loss = metrics.get("validation/loss", train_loss)
    return (metrics.get("validation/accuracy", 0.0), -loss if math.isfinite(loss) else -math.inf)
