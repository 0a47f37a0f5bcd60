"""Statistics of each layer in a step now and then, by hooks on the optimizer: the loop itself does nothing for them. No
random number is drawn, and nothing waits for a device."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from torch import nn
from torch.optim import Optimizer

from ..monitor.sampled_step import SampledStep
from .journal import Journal

MAX_COST = 0.003
"""Of the time since the last sample."""
MIN_SECONDS = 1.0


class LayerStatistics:
    """Samples steps of one training; `next_step` is the number of the one under way. A `compiled` model is not looked
    into: a hook would compile it anew."""

    def __init__(
        self, model: nn.Module, optimizer: Optimizer, next_step: Callable[[], int], journal: Journal, *, compiled: bool
    ) -> None:
        self._next_step = next_step
        self._modules = {path: each for path, each in model.named_modules() if path}
        self._journal = journal
        self._compiled = compiled
        self._due = 0.0
        self._sampled: SampledStep | None = None
        optimizer.register_step_pre_hook(self._before_step)
        optimizer.register_step_post_hook(self._after_step)

    def _before_step(self, optimizer: Optimizer, arguments: Any, keywords: Any) -> None:
        if self._sampled is not None:
            self._sampled.before_update(optimizer)

    def _after_step(self, optimizer: Optimizer, arguments: Any, keywords: Any) -> None:
        now = time.perf_counter()
        if self._sampled is not None:
            self._sampled.after_update()
            self._journal.note_layers(self._next_step(), *self._sampled.finish())
            self._due = now + max(MIN_SECONDS, self._sampled.spent / MAX_COST)
            self._sampled = None
        elif now >= self._due:
            self._sampled = SampledStep(lambda: self._modules, None if self._compiled else lambda function: function)
