"""The disposable child: forked for one analysis, limited, guarded, and gone when it is done."""

from __future__ import annotations

import faulthandler
import os
import signal
from typing import NoReturn

from ..schema import Analyse, encode_frame
from . import guard, limits, seccomp
from .analyse import analyse


def run_child(request: Analyse, result: int, where: int) -> NoReturn:
    """Analyse, writing frames to the descriptor `result` and tracebacks of a crash to `where`; never returns."""
    os.setsid()
    limits.die_with_parent()
    where_kept = os.dup2(where, 90, inheritable=False)
    result_kept = os.dup2(result, 91, inheritable=False)
    limits.silence(keep=(where_kept, result_kept))
    faulthandler.enable(file=where_kept, all_threads=False)
    faulthandler.register(limits.TELL_WHERE, file=where_kept, all_threads=False)
    limits.limit_memory()
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    seccomp.install_filter()
    guard.arm()

    def emit(message: object) -> None:
        _write(result_kept, encode_frame(message))

    _write(result_kept, encode_frame(analyse(request, emit)))
    os._exit(0)


def _write(descriptor: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]
