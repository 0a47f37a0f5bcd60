"""Runs a piece of work in a forked child, with a limit on its time and its memory."""

from __future__ import annotations

import json
import os
import select
import signal
import time
from collections.abc import Callable
from typing import Any

from pymodel.worker.limits import EXTRA_MEMORY, die_with_parent, limit_resources, name_temporary_folder, silence

from .cases import Tell

PATIENCE = 5
"""So much longer than its processor time may a piece of work take on a busy machine."""


def run_apart(
    work: Callable[[Tell], None], seconds: float, memory: int = EXTRA_MEMORY
) -> tuple[list[dict[str, Any]], str | None]:
    """The items that `work` tells, each a JSON object, and what ended it early (None: nothing did).

    `seconds` of processor time are given for each item, and `PATIENCE` times as much on the clock; a child that needs
    more is killed.
    """
    out, into = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            die_with_parent()
            limit_resources(memory)
            name_temporary_folder()
            silence(keep=(into,))

            def tell(item: dict[str, Any]) -> None:
                os.write(into, json.dumps(item).encode() + b"\n")

            try:
                work(tell)
            except Exception as error:
                tell({"ended": f"{type(error).__name__}: {error}"[:300]})
            os._exit(0)
        finally:
            os._exit(70)
    os.close(into)
    buffer, end = b"", time.monotonic() + PATIENCE * seconds
    until = seconds
    timed_out = False
    while True:
        ready, _, _ = select.select([out], [], [], 1.0)
        if not ready and (_processor_time(pid) > until or time.monotonic() > end):
            timed_out = True
            os.kill(pid, signal.SIGKILL)
            break
        if ready:
            data = os.read(out, 1 << 16)
            if not data:
                break
            buffer += data
            until, end = _processor_time(pid) + seconds, time.monotonic() + PATIENCE * seconds
    os.close(out)
    _, status = os.waitpid(pid, 0)
    items = [json.loads(line) for line in buffer.splitlines(keepends=True) if line.endswith(b"\n")]
    if items and "ended" in items[-1]:
        return items[:-1], items[-1]["ended"]
    if timed_out:
        return items, f"took longer than {seconds:.0f} s"
    return items, None if status == 0 else _describe(status)


def _processor_time(pid: int) -> float:
    """Seconds that a child has run for."""
    with open(f"/proc/{pid}/stat") as stat:
        fields = stat.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _describe(status: int) -> str:
    if os.WIFSIGNALED(status):
        return f"killed by {signal.Signals(os.WTERMSIG(status)).name}"
    return f"ended with exit code {os.waitstatus_to_exitcode(status)}"
