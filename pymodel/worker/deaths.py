"""What a process that died over user code tells: how it ended, in words, and where that code was.

The place is read from what `faulthandler` wrote, as no Python code runs any more when a process crashes or hangs.
"""

from __future__ import annotations

import os
import re
import signal
from pathlib import Path

from ..schema import Analyse, Failed

FRAME = re.compile(r'File "(?P<path>[^"\n]+)", line (?P<line>\d+) in ')
OWN_PACKAGE = str(Path(__file__).resolve().parent.parent) + os.sep
OUT_OF_MEMORY = "this code asks for more memory than an analysis may have. PyModel needs shapes only: is a size wrong?"
GO_ON = "Other files go on working; this one is tried again when it changes."


def analysis_seconds() -> float:
    """The time that one model may take."""
    return float(os.environ.get("PYMODEL_ANALYSIS_SECONDS", "10"))


def describe_timeout(request: Analyse, target: str | None, traceback: str) -> Failed:
    words = f"did not finish within {analysis_seconds():g} s and was stopped: is there an endless loop? {GO_ON}"
    return Failed(request.id, words, target, "timeout", *find_user_frame(traceback, request))


def describe_signal(request: Analyse, target: str | None, number: int, traceback: str) -> Failed:
    try:
        name = signal.Signals(number).name
    except ValueError:
        name = f"signal {number}"
    words = f"the process was ended by {name} while it ran this code. {GO_ON}"
    return Failed(request.id, words, target, "crashed", *find_user_frame(traceback, request))


def describe_exit(request: Analyse, target: str | None, code: int, traceback: str) -> Failed:
    words = f"this code ends the process (exit code {code}): in an analysis nothing after it is known."
    return Failed(request.id, words, target, "exited", *find_user_frame(traceback, request))


def describe_error(request: Analyse, target: str | None, error: BaseException) -> Failed:
    """What came past every border inside the analysis: user code that ran out of memory, or a fault of PyModel's."""
    if isinstance(error, MemoryError):
        return Failed(request.id, OUT_OF_MEMORY, target, "memory")
    if isinstance(error, (SystemExit, KeyboardInterrupt)):
        words = f"this code ends the analysis ({type(error).__name__}: {error}): nothing after it is known."
        return Failed(request.id, words, target, "exited")
    words = f"PyModel failed over this code ({type(error).__name__}: {error}). Please report it with the code."
    return Failed(request.id, words, target, "crashed")


def find_user_frame(traceback: str, request: Analyse) -> tuple[str | None, int | None]:
    """File and line of the innermost frame of the user's own code; None and None where there is none."""
    roots = tuple(root.rstrip("/\\") + os.sep for root in (*request.roots, str(Path(request.path).parent)))
    for match in FRAME.finditer(traceback):
        path = _unescape(match["path"])
        own = path.startswith(OWN_PACKAGE) and path != request.path
        if path.startswith(roots) and "site-packages" not in path and not own:
            return path, int(match["line"])
    return None, None


def _unescape(path: str) -> str:
    """`faulthandler` writes characters beyond ASCII as escapes."""
    return re.sub(
        r"\\(?:x([0-9a-f]{2})|u([0-9a-f]{4})|U([0-9a-f]{8}))",
        lambda match: chr(int(match[1] or match[2] or match[3], 16)),
        path,
    )
