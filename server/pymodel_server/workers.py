"""The server's side of the worker: a process on the user's interpreter that may die at any time.

Requests go out and events come in as frames; when the process dies, what it was working on fails in words and a new one
is started with the next request. After three deaths in a minute the server stops trying until it is asked again.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import logging
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from pymodel.schema import (
    EVENTS,
    Analyse,
    Cancel,
    Event,
    Failed,
    Finished,
    MalformedMessage,
    Ready,
    encode_frame,
    from_json,
)
from pymodel.schema.codec import LENGTH_BYTES, MAX_FRAME
from pymodel.schema.environment import worker_environment

from .l10n import t

log = logging.getLogger(__name__)

ROOT = Path(__file__).resolve().parent.parent.parent
FRAMES: dict[str, type[Ready | Event]] = {"ready": Ready, **EVENTS}
LARGE_FRAME = 30_000
DEATHS, DEATH_SECONDS = 3, 60.0


def engine_command(interpreter: str, *arguments: str) -> list[str]:
    """What runs a command of the engine on the user's interpreter."""
    main = ROOT / "pymodel" / "__main__.py"
    if not main.is_file():  # installed as a package: the engine lies elsewhere
        import pymodel

        main = Path(str(pymodel.__file__)).with_name("__main__.py")
    return [interpreter, "-P", str(main), *arguments]


class Worker:
    """One worker process at a time, started when it is first needed."""

    def __init__(self, interpreter: str, mode: str | None, on_ready: Callable[[Ready], None]) -> None:
        self.interpreter = interpreter
        self.mode = mode or ("fork" if sys.platform == "linux" else "persistent")
        self.ready: Ready | None = None
        """What the process said of itself; None until it has."""
        self._on_ready = on_ready
        self._process: asyncio.subprocess.Process | None = None
        self._listeners: dict[int, Callable[[Event], None]] = {}
        self._numbers = itertools.count(1)
        self._deaths: list[float] = []
        self._starting = asyncio.Lock()
        self._reader: asyncio.Task[None] | None = None

    def next_number(self) -> int:
        return next(self._numbers)

    async def analyse(self, request: Analyse, listener: Callable[[Event], None]) -> None:
        """Send a request; `listener` hears its events. The last is `Finished` or `Failed`, always."""
        self._listeners[request.id] = listener
        try:
            await self._send(request)
        except OSError as error:
            self._listeners.pop(request.id, None)
            listener(Failed(request.id, t("the analysis process could not be started: {0}", error), code="crashed"))

    async def cancel(self, number: int) -> None:
        if self._process is not None and number in self._listeners:
            await self._send(Cancel(number))

    async def start(self) -> None:
        async with self._starting:
            if self._process is not None and self._process.returncode is None:
                return
            now = time.monotonic()
            self._deaths = [each for each in self._deaths if now - each < DEATH_SECONDS]
            if len(self._deaths) >= DEATHS:
                raise OSError("it ended three times within a minute. Use 'PyModel: Restart Server' to try again.")
            self._process = await asyncio.create_subprocess_exec(
                *engine_command(self.interpreter, "worker", "--mode", self.mode),
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                env=worker_environment(os.environ),
            )
            self._reader = asyncio.create_task(self._read(self._process))

    async def stop(self) -> None:
        if self._process is not None and self._process.returncode is None:
            self._process.kill()
            await self._process.wait()
        if self._reader is not None:
            await self._reader

    async def _send(self, message: Any) -> None:
        await self.start()
        assert self._process is not None
        assert self._process.stdin is not None
        self._process.stdin.write(encode_frame(message))
        await self._process.stdin.drain()

    async def _read(self, process: asyncio.subprocess.Process) -> None:
        assert process.stdout is not None
        try:
            while True:
                length = int.from_bytes(await process.stdout.readexactly(LENGTH_BYTES), "big")
                if length > MAX_FRAME:
                    process.kill()
                    break
                self._hear(await _parse(await process.stdout.readexactly(length)))
        except asyncio.IncompleteReadError:
            log.info("the worker's pipe has ended")
        except (MalformedMessage, ValueError):
            log.exception("the worker said what is no frame of ours")
            process.kill()
        await process.wait()
        self._deaths.append(time.monotonic())
        listeners, self._listeners = self._listeners, {}
        for number, listener in listeners.items():
            words = t(
                "the analysis process ended (code {0}). It starts again with the next change.", process.returncode
            )
            _tell(listener, Failed(number, words, code="crashed"))

    def _hear(self, event: Ready | Event) -> None:
        if isinstance(event, Ready):
            self.ready = event
            self._on_ready(event)
            return
        listener = self._listeners.get(event.id)
        if isinstance(event, (Finished, Failed)):
            self._listeners.pop(event.id, None)
        if listener is not None:
            _tell(listener, event)


def _tell(listener: Callable[[Event], None], event: Event) -> None:
    """One event whose listener fails must not end the reading of all the others."""
    try:
        listener(event)
    except Exception:
        log.exception("the event %s of request %d was not taken in", type(event).__name__, event.id)


async def _parse(body: bytes) -> Ready | Event:
    if len(body) < LARGE_FRAME:
        return _decode(body)
    return await asyncio.to_thread(_decode, body)  # seconds of work for a large model: off the loop


def _decode(body: bytes) -> Ready | Event:
    frame = json.loads(body)
    kind = frame.get("event") if isinstance(frame, dict) else None
    if kind not in FRAMES:
        raise MalformedMessage(f"a frame of the kind {kind!r}")
    event: Ready | Event = from_json(FRAMES[kind], frame)
    return event
