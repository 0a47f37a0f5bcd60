"""Statistics of each module of a script's models in a step now and then. What a step costs decides when the next one is
looked at."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from torch import nn
from torch.optim import Optimizer

from .frames import caller
from .sampled_step import SampledStep

if TYPE_CHECKING:
    from .recorder import Recorder

MAX_COST = 0.01
"""Of the time since the last sample."""
MIN_SECONDS = 1.0
FIRST_STEP = 2
"""The first step is like no other."""


class LayerSampler:
    """Samples a step of the optimizer that was the first to step, and of the others between two of its steps."""

    def __init__(self, recorder: Recorder) -> None:
        self._recorder = recorder
        self._leader: int | None = None
        self._due = 0.0
        self._sampled: SampledStep | None = None

    def before_step(self, optimizer: Optimizer) -> None:
        if self._sampled is not None:
            self._sampled.before_update(optimizer)

    def after_step(self, optimizer: Optimizer, step: int) -> None:
        now = time.perf_counter()
        self._find_models(optimizer)
        if self._sampled is not None:
            self._sampled.after_update()
            if id(optimizer) == self._leader:
                self._finish(self._sampled, step)
        elif step >= FIRST_STEP and now >= self._due and self._leader in (None, id(optimizer)):
            self._leader = id(optimizer)
            self._arm()

    def _find_models(self, optimizer: Optimizer) -> None:
        if self._recorder.models.was_asked(optimizer):
            return
        recorder, frame = self._recorder, caller(2)
        several = bool(recorder.optimizers.of(optimizer).shares_run)
        is_new = recorder.models.find(optimizer, several, lambda: recorder.frames.stack(frame))
        if is_new and recorder.forwards is not None and not recorder.models.is_compiled:
            recorder.forwards.watch(recorder.models.found)

    def _arm(self) -> None:
        guard, models = self._recorder.guard, self._recorder.models
        if models.is_compiled:
            guard.note("outputs of layers", "the script compiles, and a hook would compile it anew")
            self._sampled = SampledStep(self._modules, None)
        else:
            self._sampled = SampledStep(self._modules, lambda function: guard.wrap("outputs of layers", function))

    def _modules(self) -> dict[str, nn.Module]:
        return {path: each for model in self._recorder.models.found for path, each in model.modules().items()}

    def _finish(self, sampled: SampledStep, step: int) -> None:
        self._sampled = None
        numbers, describe = sampled.finish()
        self._due = time.perf_counter() + max(MIN_SECONDS, sampled.spent / MAX_COST)
        at = time.time()
        self._recorder.defer(numbers, lambda values: self._recorder.on_layers(step, at, describe(values)))
