"""The disposable child: forked for one analysis, limited, guarded, and gone when it is done."""

from __future__ import annotations

import faulthandler
import os
import signal
from typing import NoReturn

from ..schema import Analyse, Checked, Started, Traced, encode_frame
from ..trace.memo import shared_memo
from . import guard, limits, seccomp
from .analyse import analyse
from .deaths import describe_error
from .learning import tell_new_questions

leave = os._exit


def run_child(request: Analyse, result: int, where: int) -> NoReturn:
    """Analyse, writing frames to the descriptor `result` and tracebacks of a crash to `where`; never returns."""
    os.setsid()
    limits.die_with_parent()
    limits.silence(keep=(result, where))
    faulthandler.enable(file=where, all_threads=False)
    faulthandler.register(limits.TELL_WHERE, file=where, all_threads=False)
    tell_where_it_exits(where)
    limits.limit_resources()
    limits.name_temporary_folder()
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    seccomp.install_filter()
    guard.arm()
    target: str | None = None

    def emit(message: Started | Traced | Checked) -> None:
        nonlocal target
        if isinstance(message, Started):
            target = message.target
        write_fully(result, encode_frame(message))

    known = len(shared_memo().answers)
    try:
        answer = encode_frame(analyse(request, emit, prove=True))
        write_fully(result, encode_frame({"event": "asked", "questions": tell_new_questions(known)}))
    except BaseException as error:  # the last border: nothing is above it
        answer = encode_frame(describe_error(request, target, error))
    write_fully(result, answer)
    leave(0)


def tell_where_it_exits(where: int) -> None:
    """Have user code that calls `os._exit` say where it does so."""

    def exit_and_tell(status: int) -> NoReturn:
        faulthandler.dump_traceback(file=where, all_threads=False)
        leave(status)

    os._exit = exit_and_tell


def write_fully(descriptor: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]
