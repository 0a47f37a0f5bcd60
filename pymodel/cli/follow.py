"""Runs a job in a process of its own and shows how far it is: by rich where that is installed, else on one line."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

from .. import runs
from ..schema import Run
from ..worker.client import MAIN
from .output import FAILED, FINE, FOUND, print_json

POLL_SECONDS = 0.2


class Display(Protocol):
    def show(self, run: Run) -> None: ...


def run_job(folder: Path) -> Run:
    """Start the job of a queued run and follow it. Ctrl-C stops it with a checkpoint."""
    with open(folder / "log.txt", "ab") as log:
        process = subprocess.Popen(
            [sys.executable, "-P", str(MAIN), "job", str(folder)],
            stdout=log,
            stderr=log,
            stdin=subprocess.DEVNULL,
            start_new_session=True,
        )
    run = runs.read_run(folder)
    with _display() as display:
        try:
            while process.poll() is None:
                run = _read(folder, run)
                display.show(run)
                time.sleep(POLL_SECONDS)
        except KeyboardInterrupt:
            runs.stop_run(folder)
            process.wait()
        run = _read(folder, run)
        display.show(run)
    if run.error is not None:
        place = f"{run.error.path}:{run.error.line}: " if run.error.path else ""
        print(f"pymodel: {place}{run.error.message}", file=sys.stderr)
    return run


def report_training(folder: Path, run: Run, *, as_json: bool) -> int:
    """Print how a training ended; the exit code that says it."""
    if as_json:
        print_json({"run": str(folder), "state": run.state, "metrics": run.metrics})
    else:
        print(f"{run.state}: {folder}")
    return FINE if run.state == "completed" else FOUND if run.state == "stopped" else FAILED


def _read(folder: Path, last: Run) -> Run:
    """The run as it is now; as it was last where its folder is, for a moment, gone."""
    try:
        return runs.read_run(folder)
    except runs.RunNotFound:
        return last


@contextmanager
def _display() -> Iterator[Display]:
    """Progress on a terminal; nothing elsewhere, where the log has it."""
    if not sys.stderr.isatty():
        yield _Silent()
        return
    try:
        from rich.console import Console
        from rich.progress import (
            BarColumn,
            MofNCompleteColumn,
            Progress,
            TextColumn,
            TimeElapsedColumn,
            TimeRemainingColumn,
        )
    except ImportError:
        yield _Line()
        print(file=sys.stderr)
        return
    columns = (
        TextColumn("[bold]{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[values]}"),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True)) as progress:
        task = progress.add_task("queued", total=None, values="")

        class Bar:
            def show(self, run: Run) -> None:
                words = f"{run.state}: epoch {run.epoch}/{run.epochs}" if run.epochs else run.state
                total = run.total_steps or None
                progress.update(task, description=words, completed=run.last_step, total=total, values=_values(run))

        yield Bar()


class _Silent:
    def show(self, run: Run) -> None:
        return


class _Line:
    """One line, replaced in place."""

    def show(self, run: Run) -> None:
        line = f"{run.state}: epoch {run.epoch}/{run.epochs}  step {run.last_step}  {_values(run)}"
        print(f"\r{line}\x1b[K", end="", file=sys.stderr)


def _values(run: Run) -> str:
    shown = {name: value for name, value in run.metrics.get("last", {}).items() if isinstance(value, (int, float))}
    return "  ".join(f"{name} {value:.4g}" for name, value in shown.items())
