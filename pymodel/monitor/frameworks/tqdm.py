"""Values that a script sets on a tqdm bar."""

from __future__ import annotations

import functools
import time
from types import ModuleType
from typing import Any

from ..recorder import SAMPLE_SECONDS, Recorder


def install(module: ModuleType, recorder: Recorder) -> None:
    bar = module.tqdm
    set_postfix = bar.set_postfix
    told: dict[str, float] = {}

    def note(values: Any) -> None:
        now = time.perf_counter()
        for name, value in values.items():
            if isinstance(value, (int, float)) and now - told.get(name, 0.0) >= SAMPLE_SECONDS:
                told[name] = now
                recorder.on_shown(f"printed/{name}", float(value))

    hook = recorder.guard.wrap("values on tqdm bars", note)

    @functools.wraps(set_postfix)
    def set_postfix_and_tell(self: Any, ordered_dict: Any = None, refresh: bool = True, **values: Any) -> Any:
        hook({**(ordered_dict or {}), **values})
        return set_postfix(self, ordered_dict, refresh, **values)

    bar.set_postfix = set_postfix_and_tell
