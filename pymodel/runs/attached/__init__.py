"""Runs that other tools write into a folder: TensorBoard, Lightning's CSV logger, the Trainer of transformers. They are
only ever read. What such a folder holds is found by looking at it, each time anew."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from ...schema import MetricRow, Run
from . import lightning, tensorboard, trainer_state
from .points import Log

Reader = Callable[[Sequence[Path]], Log | None]
TOOLS: tuple[tuple[str, Callable[[Path], list[Path]], Reader], ...] = (
    ("Transformers", trainer_state.find, trainer_state.read),
    ("Lightning", lightning.find, lightning.read),
    ("TensorBoard", tensorboard.find, tensorboard.read),
)
"""The name of each, the files of its log in a folder, and what reads them."""
ONLY_READ = "PyModel only reads this log: whatever writes it is not its own."
STILL_SECONDS = 120.0
"""Nobody says when a log is complete: it counts as running while it was written to so lately."""
DEEPEST = 4


FileStates = tuple[tuple[Path, int, int], ...]
"""Each file with when it was changed, in nanoseconds, and its bytes."""


@dataclass(frozen=True)
class Attached:
    """What was read: as a run, and its rows, one a step."""

    run: Run
    rows: tuple[MetricRow, ...]


def read_attached(folder: Path) -> Attached | None:
    """What another tool has written into `folder` itself; None where there is nothing that is known."""
    for writer, find, read in TOOLS:
        try:
            log = _read_once(read, _state_of(find(folder)))
        except OSError:  # it has just gone, or may not be read
            continue
        if log is not None:
            return _as_run(folder, writer, log)
    return None


def _state_of(paths: Sequence[Path]) -> FileStates:
    stats = [(path, path.stat()) for path in paths]
    return tuple((path, stat.st_mtime_ns, stat.st_size) for path, stat in stats)


@lru_cache(maxsize=4)
def _read_once(read: Reader, files: FileStates) -> Log | None:
    """A log is asked for by its run, its rows and its curves, and while it is shown every few seconds: it is read again
    only where its files have changed. None where there is no file."""
    return read([path for path, *_ in files]) if files else None


def find_attached(folder: Path) -> list[Path]:
    """The folders with a log of another tool's, from `folder` down, those that changed last first."""
    return sorted(_find(folder, DEEPEST), key=lambda each: each.stat().st_mtime, reverse=True)


def _find(folder: Path, depth: int) -> Iterator[Path]:
    """What lies within a log is part of it: a checkpoint holds a history of its own."""
    if read_attached(folder) is not None:
        yield folder
        return
    for each in sorted(folder.iterdir()) if depth else ():
        if each.is_dir() and not each.is_symlink() and not each.name.startswith("."):
            yield from _find(each, depth - 1)


def _as_run(folder: Path, writer: str, log: Log) -> Attached:
    rows = log.rows()
    last = {name: value for row in rows for name, value in row.values.items()}
    started = min((row.time for row in rows), default=log.changed)
    state = "running" if time.time() - log.changed < STILL_SECONDS else "completed"
    run = Run(
        id=folder.name,
        kind="attached",
        target=str(folder),
        state=state,  # type: ignore[arg-type]
        started=started,
        updated=log.changed,
        request={"writer": writer},
        epoch=rows[-1].epoch if rows else 0,
        epochs=log.epochs,
        last_step=rows[-1].step if rows else 0,
        total_steps=log.steps,
        metrics={"last": last},
    )
    return Attached(run, rows)
