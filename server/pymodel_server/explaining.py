"""Files of weights, looked into by the engine on the user's interpreter: one process a question, its answer kept while
the file stays as it is. A file that breaks the process breaks nothing else."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path

from pymodel.schema import PyModelError, TensorValues, WeightsReport, from_json
from pymodel.schema.environment import worker_environment

from .l10n import t
from .workers import engine_command

SECONDS = 600
KEPT = 4
"""Files whose statistics are kept."""


class NotExplained(PyModelError):
    """The engine could not look into a file; in its own words where it had some."""


class Explaining:
    """Asks the engine. `interpreter_of` gives the Python for a path."""

    def __init__(self, interpreter_of: Callable[[str], str]) -> None:
        self._interpreter_of = interpreter_of
        self._reports: dict[tuple[object, ...], asyncio.Task[WeightsReport]] = {}

    async def report(self, source: str) -> WeightsReport:
        """The statistics of the weights in a file, or in a run's best checkpoint.

        Raises:
            NotExplained: it holds no plain weights, or the process that looked ended.
        """
        key = (source, *_identify(source))
        if key not in self._reports:
            while len(self._reports) >= KEPT:
                self._reports.pop(next(iter(self._reports)))
            self._reports[key] = asyncio.get_running_loop().create_task(self._read_report(source))
        try:
            return await asyncio.shield(self._reports[key])
        except PyModelError:
            self._reports.pop(key, None)
            raise

    async def values(self, source: str, name: str, start: int, count: int) -> TensorValues:
        """Some values of one tensor.

        Raises:
            NotExplained: as `report`.
        """
        asked = ["--values", name, "--start", str(start), "--count", str(count)]
        return from_json(TensorValues, json.loads(await self._ask(source, *asked, "--json")))

    async def page(self, source: str, against: str | None = None) -> str:
        """The table of all tensors, as a page.

        Raises:
            NotExplained: as `report`.
        """
        return await self._ask(source, *(("--against", against) if against else ()), "--html")

    async def _read_report(self, source: str) -> WeightsReport:
        return from_json(WeightsReport, json.loads(await self._ask(source, "--json")))

    async def _ask(self, source: str, *options: str) -> str:
        place = ("--run", source) if Path(source).is_dir() else ("--", source)
        process = await asyncio.create_subprocess_exec(
            *engine_command(self._interpreter_of(source), "explain", "weights", *options, *place),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=worker_environment(os.environ),
        )
        try:
            output, errors = await asyncio.wait_for(process.communicate(), SECONDS)
        except TimeoutError:
            raise NotExplained(t("{0} took too long to be read.", source)) from None
        finally:
            if process.returncode is None:
                process.kill()
        if process.returncode != 0:
            _, named, words = errors.decode("utf-8", "replace").strip().rpartition("pymodel: ")
            ended = t("{0} could not be read: the process that did ended with {1}.", source, process.returncode)
            raise NotExplained(words if named else ended)
        return output.decode("utf-8")


def _identify(source: str) -> tuple[object, ...]:
    """What changes when a file or a run's checkpoint does."""
    path = Path(source)
    place = path / "checkpoints" if path.is_dir() else path
    try:
        found = place.stat()
    except OSError:
        return ()
    return found.st_mtime_ns, found.st_size, found.st_ino
