"""Runs a script or a module as `python script.py` or `python -m module` does: `__main__`, `sys.argv`, `sys.path`,
tracebacks and exit code are what they would be."""

from __future__ import annotations

import os
import runpy
import sys
from collections.abc import Callable
from importlib.machinery import SourceFileLoader
from pathlib import Path
from types import ModuleType, TracebackType

from ..schema import ScriptRequest

PACKAGE = str(Path(__file__).resolve().parents[1])
FOLDER = __file__.removesuffix("launcher.py")


def run_as_main(request: ScriptRequest, given: str, note_end: Callable[[BaseException | None], object]) -> int:
    """Run it to its end, and tell `note_end` how that came; `given` is the script's path as it was written. Gives the
    exit code where an error ends it.

    Raises:
        SystemExit: the script's own.
        KeyboardInterrupt: as in a script that an interrupt ends, for the interpreter to end by.
    """
    main = ModuleType("__main__")
    vars(main).update({"__builtins__": sys.modules["builtins"], "__annotations__": {}})
    sys.modules["__main__"] = main
    try:
        if request.module is not None:
            _run_module(request.module, request)
        else:
            assert request.script is not None
            _run_script(request.script, given, request, main)
    except SystemExit as stop:
        note_end(stop)
        raise
    except BaseException as error:
        note_end(error)
        return _report(error)
    note_end(None)
    return 0


def _run_script(script: str, given: str, request: ScriptRequest, main: ModuleType) -> None:
    sys.argv = [given, *request.arguments]
    place = Path(script)
    if place.is_dir() or place.suffix in (".zip", ".pyz"):  # as `python folder` does
        _put_first(script)
        run_main: Callable[..., object] = getattr(runpy, "_run_module_as_main")  # noqa: B009 - private, and what Python calls
        run_main("__main__", False)
        return
    loader = SourceFileLoader("__main__", script)
    vars(main).update({"__file__": script, "__loader__": loader, "__cached__": None})
    source = place.read_bytes()
    _put_first(str(place.resolve().parent))
    exec(compile(source, script, "exec", dont_inherit=True), vars(main))


def _run_module(name: str, request: ScriptRequest) -> None:
    sys.argv = ["-m", *request.arguments]
    _put_first(str(Path.cwd()))
    run_main: Callable[..., object] = getattr(runpy, "_run_module_as_main")  # noqa: B009 - private, and what Python calls
    run_main(name, True)


def _put_first(folder: str) -> None:
    """`sys.path[0]` is the script's folder, in place of the one that this program was found by. What was added for this
    program alone goes."""
    ours = str(Path(PACKAGE).parent)
    if not sys.flags.safe_path:
        sys.path[:1] = []
    if sys.path and sys.path[-1] == ours and "site-packages" not in ours:
        del sys.path[-1]
    if not os.environ.get("PYTHONSAFEPATH"):
        sys.path.insert(0, folder)


def _report(error: BaseException) -> int:
    """Say what Python says of an error that nobody caught, without our frames: those that began the script, and those
    of the hooks that stand between it and torch."""
    _leave_out_ours(error)
    if isinstance(error, KeyboardInterrupt):
        show = sys.excepthook
        traceback = error.__traceback__
        sys.excepthook = lambda kind, value, _: show(kind, value.with_traceback(traceback), traceback)
        raise error
    sys.last_type, sys.last_value, sys.last_traceback = type(error), error, error.__traceback__
    sys.excepthook(type(error), error, error.__traceback__)
    return 1


def _leave_out_ours(error: BaseException | None) -> None:
    """Of an error, and of those it came from."""
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        error.__traceback__ = _without_ours(error.__traceback__)
        _leave_out_ours(error.__cause__)
        error = error.__context__


def _without_ours(traceback: TracebackType | None) -> TracebackType | None:
    """Ours are at both ends of it, where an interrupt meets a hook, and in between."""
    frames = []
    while traceback is not None:
        if not traceback.tb_frame.f_code.co_filename.startswith(FOLDER):
            frames.append(traceback)
        traceback = traceback.tb_next
    kept: TracebackType | None = None
    for each in reversed(frames):
        kept = TracebackType(kept, each.tb_frame, each.tb_lasti, each.tb_lineno)
    return kept
