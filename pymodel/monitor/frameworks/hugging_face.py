"""What Hugging Face's Trainer logs, by a callback among its default ones."""

from __future__ import annotations

from types import ModuleType
from typing import Any

from ..recorder import Recorder


def install(module: ModuleType, recorder: Recorder) -> None:
    base = module.TrainerCallback

    def note(logs: Any) -> None:
        for name, value in (logs or {}).items():
            if isinstance(value, (int, float)) and not isinstance(value, bool):
                recorder.on_shown(f"logged/{name}", float(value))

    hook = recorder.guard.wrap("what the Trainer logs", note)

    class MonitorCallback(base):  # type: ignore[misc, valid-type]
        def on_log(self, args: Any, state: Any, control: Any, logs: Any = None, **others: Any) -> None:
            hook(logs)

    module.DEFAULT_CALLBACKS.append(MonitorCallback)
