"""The end of what a job has said, without colours, and of a progress bar its last state."""

from __future__ import annotations

import os
import re
from pathlib import Path

from .files import LOG_FILE

BYTES, LINES = 1 << 16, 200
"""What is read of the end of a log, and shown of that."""
_CONTROL = re.compile(
    r"\x1b(?:\[[0-9;?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[@-_])"
    r"|[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]"
)
"""Escape sequences (ECMA-48) and control characters but for tabs and ends of lines."""


def read_log_tail(folder: Path) -> str:
    """The last lines of the run's log; nothing where it has none yet."""
    try:
        with open(folder / LOG_FILE, "rb") as file:
            size = file.seek(0, os.SEEK_END)
            start = file.seek(max(0, size - BYTES))
            content = file.read(BYTES)
    except FileNotFoundError:
        return ""
    lines = content.decode("utf-8", "replace").replace("\r\n", "\n").split("\n")
    if start > 0:
        del lines[0]  # it begins before what was read
    return "\n".join(_CONTROL.sub("", line.rstrip("\r").rpartition("\r")[2]) for line in lines[-LINES:])
