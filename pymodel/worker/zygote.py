"""The process that keeps torch warm and forks one child for each analysis.

It speaks frames of `schema.analysis` on two descriptors and runs no user code itself. Killing is cancelling: a newer
request for a file kills the older one's child, and so does the deadline, which starts anew with each model.
"""

from __future__ import annotations

import gc
import json
import os
import selectors
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ..schema import Analyse, Cancel, Failed, MalformedMessage, Ready, encode_frame, from_json
from ..schema.codec import LENGTH_BYTES, MAX_FRAME
from .deaths import analysis_seconds, describe_exit, describe_signal, describe_timeout
from .limits import TELL_WHERE, kill, seconds_waited_for_processor

if TYPE_CHECKING:
    from .learning import Learning

AT_ONCE = 2
WORTH_WAITING = 0.1
"""Seconds that a child waited for a processor, from which on its deadline is put off by as much."""


@dataclass
class Child:
    """A running analysis: its process, its pipes, and what it last said."""

    request: Analyse
    pid: int
    result: int
    where: int
    deadline: float
    waited: float = 0.0
    """How long it waited for a processor before `deadline` was set: a busy machine takes nothing from its time."""
    buffer: bytes = b""
    traceback: bytes = b""
    target: str | None = None
    finished: bool = False
    cancelled: bool = False
    timed_out: bool = False


@dataclass
class Zygote:
    """Serves requests from the descriptor `source`, answers on `sink`, until `source` ends."""

    source: int
    sink: int
    children: dict[int, Child] = field(default_factory=dict)
    waiting: list[Analyse] = field(default_factory=list)
    selector: selectors.BaseSelector = field(default_factory=selectors.DefaultSelector)
    incoming: bytes = b""
    error: str | None = None
    """Why nothing can be analysed here, if so."""
    learning: Learning | None = None
    """None where there is no torch to learn from."""

    def serve(self, ready: Ready) -> None:
        self.error = ready.error
        if self.error is None:
            from .learning import Learning  # it needs torch

            self.learning = Learning(self.selector)
        gc.collect()
        gc.freeze()  # or the first collection in a child would copy every page of torch
        self.send(ready)
        self.selector.register(self.source, selectors.EVENT_READ, None)
        while True:
            for key, _ in self.selector.select(self._seconds_to_deadline()):
                if key.data is None:
                    if not self._read_requests():
                        self._end()
                        return
                elif isinstance(key.data, Child):
                    self._read_child(key.data, key.fd)
                else:
                    key.data.read()
            self._enforce_deadlines()
            self._start_waiting()
            if self.learning is not None:
                self.learning.start()

    def send(self, message: Any) -> None:
        self._write(encode_frame(message))

    def _write(self, content: bytes) -> None:
        view = memoryview(content)
        while view:
            view = view[os.write(self.sink, view) :]

    # Requests.

    def _read_requests(self) -> bool:
        data = os.read(self.source, 1 << 20)
        if not data:
            return False
        self.incoming += data
        frames, self.incoming = split_frames(self.incoming)
        for frame, _ in frames:
            self._accept(frame)
        return True

    def _accept(self, frame: dict[str, Any]) -> None:
        try:
            if frame.get("method") == "cancel":
                self._cancel(from_json(Cancel, frame).id)
                return
            request = from_json(Analyse, frame)
        except MalformedMessage as error:
            self.send(Failed(int(frame.get("id") or 0), f"malformed request: {error}", code="crashed"))
            return
        if self.error is not None:
            self.send(Failed(request.id, self.error, code="crashed"))
            return
        for older in [each.request for each in self.children.values()] + self.waiting:
            if request.replaces(older):
                self._cancel(older.id)
        self.waiting.append(request)

    def _cancel(self, number: int) -> None:
        for request in [each for each in self.waiting if each.id == number]:
            self.waiting.remove(request)
            self.send(Failed(number, "cancelled", code="cancelled"))
        for child in self.children.values():
            if child.request.id == number and not child.finished:
                child.cancelled = True
                kill(child.pid)

    # Children.

    def _start_waiting(self) -> None:
        while self.waiting and len(self.children) < AT_ONCE:
            self._fork(self.waiting.pop(0))

    def _fork(self, request: Analyse) -> None:
        result_out, result_in = os.pipe()
        where_out, where_in = os.pipe()
        pid = os.fork()
        if pid == 0:
            try:
                from .child import run_child  # loaded already, unless torch is missing

                run_child(request, result_in, where_in)
            finally:
                os._exit(70)
        os.close(result_in)
        os.close(where_in)
        child = Child(request, pid, result_out, where_out, time.monotonic() + analysis_seconds())
        self.children[pid] = child
        os.set_blocking(where_out, False)
        self.selector.register(result_out, selectors.EVENT_READ, child)

    def _read_child(self, child: Child, descriptor: int) -> None:
        data = os.read(descriptor, 1 << 20)
        if not data:
            self._bury(child)
            return
        child.buffer += data
        try:
            frames, child.buffer = split_frames(child.buffer)
        except (ValueError, RecursionError):  # user code wrote to a descriptor that is not its own
            self._bury(child)
            return
        for frame, content in frames:
            event = frame.get("event")
            if event == "asked":
                if self.learning is not None and not child.cancelled:
                    self.learning.hear(frame.get("questions"))
                continue
            if event == "started":
                child.target = frame.get("target")
                child.deadline = time.monotonic() + analysis_seconds()
                child.waited = seconds_waited_for_processor(child.pid)
            child.finished = child.finished or event in ("finished", "failed")
            if not child.cancelled:
                self._write(content)

    def _bury(self, child: Child) -> None:
        kill(child.pid)  # whatever it may have started in its session goes with it
        _, status = os.waitpid(child.pid, 0)
        self.selector.unregister(child.result)
        child.traceback += _drain(child.where)
        os.close(child.result)
        os.close(child.where)
        del self.children[child.pid]
        if not child.finished or child.cancelled:
            self.send(_describe_death(child, status))

    def _enforce_deadlines(self) -> None:
        now = time.monotonic()
        if self.learning is not None and self.learning.pid and now >= self.learning.deadline:
            self.learning.end()
        for child in list(self.children.values()):
            if now < child.deadline:
                continue
            waited = seconds_waited_for_processor(child.pid)
            if not child.timed_out and waited - child.waited > WORTH_WAITING:
                child.deadline, child.waited = now + waited - child.waited, waited
            elif not child.timed_out:
                child.timed_out = True
                child.deadline = now + 0.2  # time to say where it is
                _signal(child.pid, TELL_WHERE)
            else:
                kill(child.pid)
                child.deadline = now + 60

    def _seconds_to_deadline(self) -> float | None:
        deadlines = [child.deadline for child in self.children.values()]
        if self.learning is not None and self.learning.pid:
            deadlines.append(self.learning.deadline)
        return max(0.0, min(deadlines) - time.monotonic()) if deadlines else None

    def _end(self) -> None:
        for child in self.children.values():
            kill(child.pid)


def split_frames(data: bytes) -> tuple[list[tuple[dict[str, Any], bytes]], bytes]:
    """The whole frames at the start of `data`, each with its own bytes, and the rest. Raises ValueError for what cannot
    be a frame."""
    frames = []
    while len(data) >= LENGTH_BYTES:
        length = int.from_bytes(data[:LENGTH_BYTES], "big")
        if length > MAX_FRAME:
            raise MalformedMessage(f"a frame of {length} bytes is over the limit of {MAX_FRAME}")
        end = LENGTH_BYTES + length
        if len(data) < end:
            break
        content, data = data[:end], data[end:]
        frame = json.loads(content[LENGTH_BYTES:].decode("utf-8", "surrogatepass"))
        if not isinstance(frame, dict):
            raise MalformedMessage("a frame is no object")
        frames.append((frame, content))
    return frames, data


def _signal(pid: int, number: int) -> None:
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return


def _drain(descriptor: int) -> bytes:
    try:
        return os.read(descriptor, 1 << 16)
    except BlockingIOError:
        return b""


def _describe_death(child: Child, status: int) -> Failed:
    request, target, traceback = child.request, child.target, child.traceback.decode(errors="replace")
    if child.cancelled:
        return Failed(request.id, "cancelled", target, "cancelled")
    if child.timed_out:
        return describe_timeout(request, target, traceback)
    if os.WIFSIGNALED(status):
        return describe_signal(request, target, os.WTERMSIG(status), traceback)
    return describe_exit(request, target, os.WEXITSTATUS(status), traceback)
