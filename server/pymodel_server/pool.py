"""Which worker serves a file: one process an interpreter, started when the first file of its folder needs it."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path

from pymodel.schema import Ready

from .configuration import Configuration
from .interpreter import find_interpreter
from .workers import Worker

log = logging.getLogger(__name__)


class WorkerPool:
    """The workers of a session. What changes in the configuration counts from the next question on."""

    def __init__(self, on_ready: Callable[[Worker, Ready], None], on_start: Callable[[Worker], None]) -> None:
        self.configuration = Configuration()
        self.folders: tuple[str, ...] = ()
        self.workers: dict[str, Worker] = {}
        self._on_ready = on_ready
        self._on_start = on_start

    def interpreter_of(self, path: str) -> str:
        """The Python for a file.

        Raises:
            NoInterpreter: the chosen one is not there, or there is none.
        """
        return find_interpreter(path, self.configuration.chosen_interpreter(path), self.folders)

    def worker_of(self, path: str) -> Worker:
        """The worker for a file, which may be starting still.

        Raises:
            NoInterpreter: there is no Python for it.
        """
        interpreter = self.interpreter_of(path)
        worker = self.workers.get(interpreter)
        if worker is None:
            log.info("files of %s run on %s", Path(path).parent, interpreter)
            mode = self.configuration.worker_mode
            worker = Worker(interpreter, mode, lambda ready: self._on_ready(self.workers[interpreter], ready))
            self.workers[interpreter] = worker
            self._on_start(worker)
        return worker

    def problems(self) -> list[str]:
        """What is wrong with the interpreters in use, each in words with the next step."""
        return [worker.ready.error for worker in self.workers.values() if worker.ready and worker.ready.error]

    async def stop(self) -> None:
        for worker in self.workers.values():
            await worker.stop()
