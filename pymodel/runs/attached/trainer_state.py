"""The `Trainer` of transformers: `trainer_state.json`, whose history is whole in the newest checkpoint."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from .points import Log

FILE = "trainer_state.json"


def find(folder: Path) -> list[Path]:
    return [path for path in (folder / FILE, *folder.glob(f"checkpoint-*/{FILE}")) if path.is_file()]


def read(paths: Sequence[Path]) -> Log | None:
    for path in sorted(paths, key=lambda each: each.stat().st_mtime, reverse=True):
        try:
            state, changed = json.loads(path.read_bytes()), path.stat().st_mtime
        except ValueError:  # it is being written: the one before is whole
            continue
        if isinstance(state, dict) and isinstance(state.get("log_history"), list):
            return _read_state(state, changed)
    return None


def _read_state(state: dict[str, object], changed: float) -> Log:
    log = Log(changed, epochs=_whole(state.get("num_train_epochs")), steps=_whole(state.get("max_steps")))
    history = state["log_history"]
    for entry in history if isinstance(history, list) else ():
        if not isinstance(entry, dict) or not isinstance(entry.get("step"), int):
            continue
        for name, value in entry.items():
            if name not in ("step", "epoch") and isinstance(value, (int, float)) and not isinstance(value, bool):
                log.add(entry["step"], name, float(value), time=changed, epoch=_whole(entry.get("epoch")))
    return log


def _whole(value: object) -> int:
    return max(0, int(value)) if isinstance(value, (int, float)) else 0
