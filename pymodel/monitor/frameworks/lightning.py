"""What a LightningModule logs, by a callback of its Trainer."""

from __future__ import annotations

import functools
from types import ModuleType
from typing import Any

from ..recorder import Recorder


def install(module: ModuleType, recorder: Recorder) -> None:
    trainer = module.Trainer
    package = module.__name__.removesuffix(".trainer.trainer")
    initialise = trainer.__init__
    guard = recorder.guard

    def note(metrics: Any, step: int) -> None:
        for name, value in metrics.items():
            if hasattr(value, "device") and value.device.type != "cpu":
                continue  # to read it would wait for the device
            recorder.on_shown(f"logged/{name}", float(value))

    hook = guard.wrap("what Lightning logs", note)

    def add_callback(self: Any) -> None:
        import sys

        base = sys.modules[f"{package}.callbacks"].Callback

        class MonitorCallback(base):  # type: ignore[misc, valid-type]
            def on_train_epoch_end(self, trainer: Any, module: Any) -> None:
                hook(trainer.callback_metrics, trainer.global_step)

            def on_validation_end(self, trainer: Any, module: Any) -> None:
                if not trainer.sanity_checking:
                    hook(trainer.callback_metrics, trainer.global_step)

        self.callbacks.append(MonitorCallback())

    added = guard.wrap("what Lightning logs", add_callback)

    @functools.wraps(initialise)
    def initialise_and_add(self: Any, *arguments: Any, **keywords: Any) -> None:
        initialise(self, *arguments, **keywords)
        added(self)

    trainer.__init__ = initialise_and_add
