"""Limits and identity of a child process. Memory limits are relative to the zygote's own size."""

from __future__ import annotations

import ctypes
import os
import signal
import sys
import tempfile
from pathlib import Path

EXTRA_MEMORY = 4 << 30
CPU_SECONDS = 600
"""Far beyond any file's analysis: the zygote's clock is what ends one; this is for a child that lost its zygote."""
PR_SET_PDEATHSIG = 1
TELL_WHERE: int = getattr(signal, "SIGUSR1", 0)
"""The zygote sends this before it kills for time: the child then writes its traceback to a pipe."""


def die_with_parent() -> None:
    """Have the kernel kill this process when its parent dies (Linux)."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def limit_resources(memory: int = EXTRA_MEMORY) -> None:
    """Bound what this process may use from now on: `memory` more bytes of address space, processor time, and no file
    written, core or not."""
    import resource

    size = current_size() + memory
    limits = (
        (resource.RLIMIT_AS, size),
        (resource.RLIMIT_CPU, CPU_SECONDS),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_FSIZE, 0),
    )
    for kind, most in limits:
        hard = resource.getrlimit(kind)[1]
        most = most if hard == resource.RLIM_INFINITY else min(most, hard)
        resource.setrlimit(kind, (most, most))


def name_temporary_folder() -> None:
    """Say where temporary files would lie: Python finds that out by writing one, which fails in a child, and with it
    the import of packages that only ask."""
    named = (os.environ.get(name) for name in ("TMPDIR", "TEMP", "TMP"))
    folders = (*named, "/tmp", "/var/tmp", "/usr/tmp", str(Path.cwd()))
    tempfile.tempdir = next((folder for folder in folders if folder and Path(folder).is_dir()), None)


def seconds_waited_for_processor(pid: int) -> float:
    """The time that a process could have run but had no processor, in seconds; 0 where the kernel does not tell."""
    try:
        _, waited, _ = Path(f"/proc/{pid}/schedstat").read_text(encoding="ascii").split()
    except (OSError, ValueError):
        return 0.0
    return int(waited) / 1e9


def kill(pid: int) -> None:
    """Kill a child and its whole session."""
    for send in (os.killpg, os.kill):
        try:
            send(pid, signal.SIGKILL)
        except ProcessLookupError:
            continue


def current_size() -> int:
    """Address space of this process, in bytes."""
    with open("/proc/self/statm") as statm:
        return int(statm.read().split()[0]) * os.sysconf("SC_PAGE_SIZE")


def silence(*, keep: tuple[int, ...]) -> None:
    """Point stdin, stdout and stderr at nothing, and close every other descriptor but those in `keep`."""
    nothing = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1, 2):
        os.dup2(nothing, descriptor)
    start = 3
    for descriptor in sorted(keep):
        os.closerange(start, descriptor)
        start = descriptor + 1
    os.closerange(start, 4096)
