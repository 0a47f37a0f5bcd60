"""The training loop: epochs over the data, an evaluation after each, the best and the last checkpoint, then the test.

It knows a model, loaders and a journal, and nothing of processes, requests or files of the user's.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from ..schema import Recipe
from .augment import Augmentation, augment_inputs
from .batch import Batch, batch_size, cut_batch, split_batch
from .checkpoint import (
    WEIGHTS,
    capture_random,
    find_checkpoint,
    keep_checkpoint,
    load_weights,
    restore_random,
    save_checkpoint,
)
from .data import Data, Loader
from .evaluate import Evaluation, Measure
from .journal import Journal
from .loss import Loss
from .memory import describe_memory, is_out_of_memory, release_memory
from .parallel import Alone, Processes
from .parameters import unfreeze
from .pruning import count_weights, prune_model
from .schedule import Schedule

CHECKPOINT_SECONDS = 600.0
"""Within an epoch, how much of the work a killed process may lose."""


class Stopped(Exception):
    """Someone asked the training to end; its last checkpoint is saved."""


@dataclass
class Training:
    """One training under way. `fit` runs it to the end, or until `should_stop` says so after a step."""

    recipe: Recipe
    model: nn.Module
    data: Data
    loss: Loss
    optimizer: torch.optim.Optimizer
    schedule: Schedule
    device: torch.device
    journal: Journal
    should_stop: Callable[[], bool]
    augmentation: Augmentation | None = None
    measures: tuple[Measure, ...] = ()
    frozen: list[str] = field(default_factory=list)
    """Layers that gradual unfreezing has still to free, the last of them first."""
    processes: Processes = field(default_factory=Alone)
    epoch: int = 1
    step: int = 0
    batch: int = 0
    """Batches of the current epoch that are done."""
    best: tuple[float, ...] = (-math.inf,)
    waited: int = 0
    """Epochs since the best one."""

    def __post_init__(self) -> None:
        run, compute, rate = self.recipe.run, self.recipe.compute, self.recipe.regularisation.ema
        self.parameters = [each for each in self.model.parameters() if each.requires_grad or self.frozen]
        self.parts = compute.accumulation
        self.module = self.processes.wrap(self.model)
        self.average: AveragedModel | None = None
        if rate is not None:
            average = get_ema_multi_avg_fn(rate)  # type: ignore[no-untyped-call]
            self.average = AveragedModel(self.model, multi_avg_fn=average)
        self.scaler = torch.amp.GradScaler(self.device.type, enabled=compute.precision == "float16")
        self._autocast: AbstractContextManager[Any] = nullcontext()
        if compute.precision != "float32":
            self._autocast = torch.autocast(self.device.type, getattr(torch, compute.precision))
        self.last_step = run.steps if run.steps is not None else math.inf
        self._total = torch.zeros((), device=self.device)
        self._epoch_start: dict[str, Any] | None = None
        self._resumed: dict[str, Any] | None = None
        self._saved = time.monotonic()

    def fit(self) -> None:
        """Train, then test with the best weights.

        Raises:
            Stopped: `should_stop` said so; the checkpoint `last` holds this very step.
        """
        while self.epoch <= self.recipe.run.epochs:
            self._train_epoch()
            self._finish_epoch()
        self._test()

    def _train_epoch(self) -> None:
        self.module.train()
        for raw in self._batches():
            self._train_step(raw)
            if self.step >= self.last_step:
                break
            if self.processes.any_of(self.should_stop()):
                self.save("last")
                raise Stopped
            if self._is_save_due():
                self.save("last")

    def _is_save_due(self) -> bool:
        """By the clock of one process alone: several would not agree, and save at the ends of epochs."""
        return self.processes.count == 1 and time.monotonic() - self._saved > CHECKPOINT_SECONDS

    def _batches(self) -> Any:
        """The rest of the epoch's batches. Random numbers go on where the stopped run left them: after its loader was
        made, as that draws some."""
        if self._resumed is None:
            self._epoch_start = capture_random(self.data.train)
            self.batch, self._total = 0, torch.zeros((), device=self.device)
            return self.data.batches(self.epoch)
        state, self._resumed = self._resumed, None
        self._epoch_start = state["epoch_start"]
        restore_random(state["epoch_start"], self.data.train)
        batches = self.data.batches(self.epoch, self.batch)
        restore_random(state["random"], None)
        return batches

    def _train_step(self, raw: Any) -> None:
        rate, size = self.schedule.set_rates(self.step), batch_size(raw)
        try:
            loss, norm = self._update(raw, size)
        except (RuntimeError, MemoryError) as error:
            if not is_out_of_memory(error) or not self._take_smaller_parts(raw, error):
                raise
            loss, norm = self._update(raw, size)
        if self.average is not None:
            self.average.update_parameters(self.model)
        self.step += 1
        self.batch += 1
        self._total += loss
        self.journal.note_step(self.step, self.epoch, loss, rate, norm, size)

    def _update(self, raw: Any, size: int) -> tuple[Tensor, Tensor | None]:
        """One step of the optimizer on a batch. Gives its mean loss, and the gradient's norm where that is clipped."""
        if isinstance(self.optimizer, torch.optim.LBFGS):
            losses: list[Tensor] = []

            def evaluate() -> Tensor:
                self.optimizer.zero_grad()
                losses.append(self._backward(raw, size))
                return losses[-1]

            self.optimizer.step(evaluate)  # type: ignore[no-untyped-call]
            return losses[0], None
        self.optimizer.zero_grad()
        loss = self._backward(raw, size)
        norm = self._clip()
        if self.scaler.is_enabled():
            self.scaler.step(self.optimizer)
            self.scaler.update()
        else:
            self.optimizer.step()
        return loss, norm

    def _backward(self, raw: Any, size: int) -> Tensor:
        """Gradients of the batch's mean loss, part by part where it is accumulated."""
        parts = [raw] if self.parts == 1 else cut_batch(raw, self.parts)
        total: Tensor | None = None
        for number, part in enumerate(parts):
            share = batch_size(part) / size if len(parts) > 1 else 1.0
            with self.processes.accumulate(self.module, number < len(parts) - 1):
                batch = split_batch(part, self.model, self.device)
                inputs = augment_inputs(batch.inputs, self.augmentation) if self.augmentation else batch.inputs
                with self._autocast:
                    loss = self.loss.compute(self.module(*inputs, **batch.keywords), batch.target)
                objective = loss + self._penalty() if self.recipe.regularisation.l1 else loss
                objective = objective if share == 1.0 else objective * share
                scaled = self.scaler.scale(objective) if self.scaler.is_enabled() else objective
                scaled.backward()  # type: ignore[no-untyped-call]
            value = loss.detach() if share == 1.0 else loss.detach() * share
            total = value if total is None else total + value
        assert total is not None
        return self.processes.mean(total)

    def _penalty(self) -> Tensor:
        return self.recipe.regularisation.l1 * torch.stack([each.abs().sum() for each in self.parameters]).sum()

    def _clip(self) -> Tensor | None:
        optimizer = self.recipe.optimizer
        if optimizer.clip_norm is None and optimizer.clip_value is None:
            return None
        self.scaler.unscale_(self.optimizer)
        if optimizer.clip_value is not None:
            nn.utils.clip_grad_value_(self.parameters, optimizer.clip_value)
        if optimizer.clip_norm is None:
            return None
        norm = nn.utils.clip_grad_norm_(self.parameters, optimizer.clip_norm)
        return norm.full_tensor() if hasattr(norm, "full_tensor") else norm

    def _take_smaller_parts(self, raw: Any, error: BaseException) -> bool:
        """After a step for which the memory was not enough: once more with half of the batch at a time, said aloud."""
        error.__traceback__ = None  # it holds the tensors of the step
        self.optimizer.zero_grad()
        release_memory()
        size = batch_size(raw)
        self.journal.say(f"out of memory at a batch of {-(-size // self.parts)}. {self.describe_memory(raw)}")
        if not self.recipe.compute.smaller_batches or self.parts >= size:
            return False
        self.parts *= 2
        self.journal.say(f"going on with batches of {-(-size // self.parts)}, {self.parts} of them a step")
        return True

    def describe_memory(self, raw: Any) -> str:
        one = split_batch(cut_batch(raw, batch_size(raw))[0], self.model, self.device)
        size = -(-batch_size(raw) // self.parts)
        return describe_memory(self.model, self.optimizer, lambda: self.model(*one.inputs, **one.keywords), size)

    def find_parts(self, raw: Any) -> None:
        """The fewest parts of a batch that the memory allows, by trying; no weight moves."""
        while True:
            try:
                self._backward(raw, batch_size(raw))
            except (RuntimeError, MemoryError) as error:
                if not is_out_of_memory(error) or not self._take_smaller_parts(raw, error):
                    raise
            else:
                break
        self.optimizer.zero_grad()

    def _finish_epoch(self) -> None:
        metrics = {} if self.data.validation is None else self.evaluate(self.data.validation, "validation")
        mean_loss = float(self._total) / self.batch if self.batch else math.nan
        score = _score(metrics, mean_loss)
        is_best = score > self.best or self.best == (-math.inf,)
        self.best, self.waited = max(self.best, score), 0 if is_best else self.waited + 1
        self.schedule.note_loss(metrics.get("validation/loss", mean_loss))
        if metrics:
            self.journal.note(self.step, self.epoch, metrics, is_best=is_best)
        self.epoch += 1
        patience = self.recipe.regularisation.early_stopping
        if self.step >= self.last_step or (patience is not None and self.waited >= patience):
            why = "its steps are done" if self.step >= self.last_step else f"no improvement in {self.waited} epochs"
            self.journal.say(f"ending after epoch {self.epoch - 1}: {why}")
            self.epoch = self.recipe.run.epochs + 1
        every = self.recipe.fine_tuning.unfreeze_every
        if every is not None and self.frozen and (self.epoch - 1) % every == 0:
            self.journal.say(f"from here on `{self.frozen[0]}` moves, too")
            unfreeze(self.model, self.frozen[:1])
            del self.frozen[0]
        self._epoch_start, self.batch = None, 0
        self.save("last", also="best" if is_best else None)

    def evaluate(self, loader: Loader, name: str) -> dict[str, float]:
        """The mean loss over a loader, the accuracy where labels are classes, and the recipe's own metrics."""
        model = self.module if self.average is None else self.average
        model.eval()
        evaluation, random = Evaluation(self.loss, self.measures), capture_random(None)
        with torch.no_grad():
            for raw in self.data.held_out(loader, self.recipe.run.seed, self.epoch):
                batch: Batch = split_batch(raw, self.model, self.device)
                with self._autocast:
                    evaluation.add(model(*batch.inputs, **batch.keywords), batch)
                if self.processes.any_of(self.should_stop()):
                    if name == "validation":  # at the test, the last checkpoint is written, and the model is the best
                        self.save("last", random=random)
                    raise Stopped
        return evaluation.values(name)

    def _test(self) -> None:
        self.processes.wait()
        self.processes.load(self.model, load_weights(find_checkpoint(self.journal.folder, "best") / WEIGHTS))
        self.average = None
        if self.data.test is not None:
            values = self.evaluate(self.data.test, "test")
            self.journal.note(self.step, self.recipe.run.epochs, values, is_best=True)
        if self.recipe.pruning.amount:
            self._prune()

    def _prune(self) -> None:
        """Cut, test again, and keep the result beside the best, as a checkpoint of its own."""
        prune_model(self.model, self.recipe.pruning)
        total, left = count_weights(self.model)
        loader = self.data.test or self.data.validation
        values = {} if loader is None else self.evaluate(loader, "pruned")
        self.journal.note(self.step, self.recipe.run.epochs, {**values, "pruned/weights": left / total})
        self.journal.say(f"pruned: {left:,} of {total:,} weights are left; {values}")
        self.save("pruned")

    def save(self, name: str, also: str | None = None, random: dict[str, Any] | None = None) -> None:
        """Write a checkpoint, and with `also` its weights under another name; of an average, those. `random` is the
        state of the generators to go on with, where that is not the present one."""
        self.journal.flush()
        weights, optimizer = self.processes.gather(self.model, self.optimizer)
        if not self.processes.is_first:
            return
        place: dict[str, Any] = {
            "epoch": self.epoch,
            "step": self.step,
            "metrics": self.journal.run.metrics.get("last", {}),
        }
        folder, state = self.journal.folder, self._state(optimizer, random)
        done = self.journal.attempt(lambda: save_checkpoint(folder, name, weights, state, **place))
        if also is not None and done:
            done = self.journal.attempt(lambda: self._keep(also, state, place))
        if done:
            self._saved = time.monotonic()

    def _keep(self, name: str, state: dict[str, Any], place: dict[str, Any]) -> None:
        """The checkpoint `last` under another name, too; where weights are averaged, with those."""
        folder = self.journal.folder
        if self.average is None:
            keep_checkpoint(folder / "checkpoints" / "last", name)
        else:
            save_checkpoint(folder, name, self.average.module.state_dict(), state, **place)

    def _state(self, optimizer: dict[str, Any], random: dict[str, Any] | None) -> dict[str, Any]:
        """What going on from here exactly needs beside the weights."""
        return {
            "epoch": self.epoch,
            "step": self.step,
            "batch": self.batch,
            "best": self.best,
            "waited": self.waited,
            "parts": self.parts,
            "frozen": list(self.frozen),
            "total": self._total,
            "optimizer": optimizer,
            "schedule": self.schedule.state(),
            "scaler": self.scaler.state_dict(),
            "average": None if self.average is None else self.average.state_dict(),
            "random": random or capture_random(None),
            "epoch_start": self._epoch_start,
            "processes": self.processes.count,
        }

    def resume(self, weights: dict[str, Tensor], state: dict[str, Any]) -> None:
        """Go on where a checkpoint was saved, bit for bit."""
        unfreeze(self.model, [layer for layer in self.frozen if layer not in state["frozen"]])
        self.processes.load(self.model, weights, self.optimizer, state["optimizer"])
        for name in ("epoch", "step", "batch", "waited", "parts", "frozen"):
            setattr(self, name, state[name])
        self.best = tuple(state["best"])
        self._total = state["total"].to(self.device)
        self.schedule.restore(state["schedule"])
        self.scaler.load_state_dict(state["scaler"])
        if self.average is not None:
            self.average.load_state_dict(state["average"])
        if state["epoch_start"] is None:
            restore_random(state["random"], None)
        else:
            self._resumed = state


def _score(metrics: dict[str, float], train_loss: float) -> tuple[float, ...]:
    """What makes an epoch the best, more being better: accuracy, then a low loss."""
    loss = metrics.get("validation/loss", train_loss)
    return (metrics.get("validation/accuracy", 0.0), -loss if math.isfinite(loss) else -math.inf)
