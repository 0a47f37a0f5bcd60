"""Where in the user's code something happens: the frames of the call stack that are neither of a library nor ours."""

from __future__ import annotations

import sys
import sysconfig
from pathlib import Path
from types import CodeType, FrameType

PACKAGE = str(Path(__file__).resolve().parents[1])
LAUNCHER = str(Path(__file__).with_name("launcher.py"))
DEPTH = 3
"""Frames of the user that tell one place from another: a helper that many call is as many places."""

Place = tuple[tuple[CodeType, int], ...]
"""The user's frames, the innermost first: code and line."""


class UserFrames:
    """Knows user code by its file. Asked at every step, so each file is judged once."""

    def __init__(self) -> None:
        libraries = {sysconfig.get_path(name) for name in ("stdlib", "platstdlib", "purelib", "platlib")}
        self._libraries = tuple(f"{folder}/" for folder in (*libraries, PACKAGE))
        self._known: dict[CodeType, bool | None] = {}
        """Whether code is the user's; None of what runs the script, beyond which nothing is."""

    def place(self, frame: FrameType | None) -> Place:
        """The user's innermost frames from `frame` on."""
        found: list[tuple[CodeType, int]] = []
        known = self._known
        while frame is not None and len(found) < DEPTH:
            code = frame.f_code
            if code not in known:
                known[code] = None if code.co_filename == LAUNCHER else self.is_users(code.co_filename)
            is_users = known[code]
            if is_users is None:
                break
            if is_users:
                found.append((code, frame.f_lineno))
            frame = frame.f_back
        return tuple(found)

    def stack(self, frame: FrameType | None) -> list[FrameType]:
        """All of the user's frames, the innermost first."""
        found = []
        while frame is not None and frame.f_code.co_filename != LAUNCHER:
            if self.is_users(frame.f_code.co_filename):
                found.append(frame)
            frame = frame.f_back
        return found

    def is_users(self, path: str) -> bool:
        place = path.replace("\\", "/")
        in_library = place.startswith(self._libraries) or "/site-packages/" in place or "/dist-packages/" in place
        return not in_library and not path.startswith("<") and Path(path).is_file()


def caller(depth: int = 1) -> FrameType:
    return sys._getframe(depth + 1)
