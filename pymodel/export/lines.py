"""From what a file computes back to the user's code: which line made a node.

The exporter notes with each node the frames that it was made from, with this machine's paths. A file carries them as
`net.py:12`, from the import root on, so that it tells nothing of the machine and is understood on another.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

import torch

FRAME = re.compile(r'File "(?P<path>[^"]+)", line (?P<line>\d+)')
TORCH = str(Path(torch.__file__).parent)
PACKAGE = str(Path(__file__).resolve().parents[1])


@dataclass(frozen=True, order=True)
class Line:
    """A line of code; `path` is absolute, or as `Lines.shorten` gave it."""

    path: str
    line: int

    def __str__(self) -> str:
        return f"{self.path}:{self.line}"


class Lines:
    """Paths as they are in files, and back: `roots` are the folders that the model's code is imported from."""

    def __init__(self, roots: Sequence[str]) -> None:
        self.roots = tuple(dict.fromkeys((*roots, *(each for each in sys.path if each))))

    def shorten(self, line: Line) -> Line:
        inside = [root for root in self.roots if Path(line.path).is_relative_to(root)]
        if not inside:
            return Line(Path(line.path).name, line.line)
        root = max(inside, key=len)
        return Line(Path(line.path).relative_to(root).as_posix(), line.line)

    def expand(self, line: Line) -> Line:
        found = next((path for root in self.roots if (path := Path(root) / line.path).is_file()), None)
        return line if found is None else Line(str(found), line.line)


def line_of_stack(stack: str) -> Line | None:
    """The innermost line of a stack's text that is not torch's own; torch's where there is no other."""
    frames = [Line(found["path"], int(found["line"])) for found in FRAME.finditer(stack)]
    return _innermost(frames)


def line_of_frame(frame: FrameType | None) -> Line | None:
    """The innermost line of a running stack, as `line_of_stack` would tell it."""
    frames = []
    while frame is not None:
        frames.append(Line(frame.f_code.co_filename, frame.f_lineno))
        if not is_torch(frame.f_code.co_filename):
            if frame.f_code.co_filename.startswith(PACKAGE):
                frames.pop()
            else:
                return frames[-1]
        frame = frame.f_back
    return frames[0] if frames else None


def is_torch(path: str) -> bool:
    return path.startswith((TORCH, "<"))


def _innermost(frames: Iterable[Line]) -> Line | None:
    last = None
    for frame in frames:
        if last is None or not is_torch(frame.path) or is_torch(last.path):
            last = frame
    return last


def read_line(text: str) -> Line:
    """Read what `str` of a line gave."""
    path, _, line = text.rpartition(":")
    return Line(path, int(line))
