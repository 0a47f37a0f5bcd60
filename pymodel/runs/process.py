"""Which process a run belongs to, known again after a reload: pid, start time and boot together name just one.

Read from /proc where there is one; elsewhere from what the system brings along, with nothing to install.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

from ..schema import Process

SAME_START = 1.0
"""Seconds within which two start times are one: `ps` counts in whole seconds."""


def describe_process(pid: int) -> Process | None:
    """The process that has `pid` now, if any. `start_time` is in seconds, from an origin of the system's own."""
    started = _read_start_time(pid)
    return None if started is None else Process(pid, started, _read_boot_id())


def is_alive(process: Process) -> bool:
    """Whether this very process still runs. A zombie does not, and neither does another with the same pid."""
    now = describe_process(process.pid)
    return now is not None and now.boot_id == process.boot_id and abs(now.start_time - process.start_time) <= SAME_START


def _read_start_time(pid: int) -> float | None:
    if sys.platform == "win32":
        return _read_start_time_windows(pid)
    stat = Path(f"/proc/{pid}/stat")
    if not Path("/proc/self/stat").exists():
        return _read_start_time_ps(pid)
    try:
        text = stat.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    state, *fields = text.rpartition(")")[2].split()  # the command before it may hold spaces and brackets
    return None if state in "ZXx" else int(fields[18]) / os.sysconf("SC_CLK_TCK")


def _read_start_time_ps(pid: int) -> float | None:
    command = ["ps", "-o", "state=,lstart=", "-p", str(pid)]
    answer = subprocess.run(command, capture_output=True, text=True, env={**os.environ, "LC_ALL": "C"}, check=False)
    state, _, started = answer.stdout.strip().partition(" ")
    if not state or state.startswith("Z"):
        return None
    return time.mktime(time.strptime(started.strip(), "%a %b %d %H:%M:%S %Y"))


def _read_start_time_windows(pid: int) -> float | None:
    import ctypes

    kernel = getattr(ctypes, "windll").kernel32  # noqa: B009 - the attribute is unknown to type checkers elsewhere
    handle = kernel.OpenProcess(0x1000, False, pid)  # PROCESS_QUERY_LIMITED_INFORMATION
    if not handle:
        return None
    try:
        created, ended, *others = (ctypes.c_ulonglong() for _ in range(4))
        if not kernel.GetProcessTimes(handle, *map(ctypes.byref, (created, ended, *others))) or ended.value:
            return None
        return created.value / 1e7
    finally:
        kernel.CloseHandle(handle)


def _read_boot_id() -> str:
    """The name of this boot. Where start times count from a fixed date they are enough, and it is empty."""
    path = Path("/proc/sys/kernel/random/boot_id")
    return path.read_text().strip() if path.exists() else ""
