"""Files of whole lines, appended, one write each time: who reads one meanwhile sees no half of a line but the last."""

from __future__ import annotations

import errno
import os
import time
from pathlib import Path

FLUSH_SECONDS = 0.5


class LineWriter:
    """Appends lines; keeps them for at most `FLUSH_SECONDS`, and writes what it kept as whole lines at once."""

    def __init__(self, path: Path) -> None:
        self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o644)
        self._lines: list[str] = []
        self._flushed = time.monotonic()
        self._cut_torn_line()

    def append_line(self, line: str) -> None:
        self._lines.append(line)

    @property
    def is_due(self) -> bool:
        return time.monotonic() - self._flushed >= FLUSH_SECONDS

    def flush(self) -> None:
        """Write what was kept. On a full disk it stays kept, and no part of it is written.

        Raises:
            OSError: the disk refuses.
        """
        self._flushed = time.monotonic()
        if not self._lines:
            return
        count = len(self._lines)  # another thread may add to them meanwhile
        content = "".join(f"{line}\n" for line in self._lines[:count]).encode()
        size = os.fstat(self._descriptor).st_size
        if os.write(self._descriptor, content) < len(content):
            os.ftruncate(self._descriptor, size)
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        del self._lines[:count]

    def close(self) -> None:
        self.flush()
        os.close(self._descriptor)

    def _cut_torn_line(self) -> None:
        """A line that a killed process left half must not join the next one."""
        with open(self._descriptor, "rb", closefd=False) as file:
            content = file.read()
        os.ftruncate(self._descriptor, content.rfind(b"\n") + 1)


def read_lines(path: Path, most: int | None = None) -> list[bytes]:
    """The whole lines of a file that may still be written, or is not there yet; those in its last `most` bytes. A torn
    one is left out."""
    try:
        with path.open("rb") as file:
            skipped = 0 if most is None else max(0, file.seek(0, os.SEEK_END) - most)
            file.seek(skipped)
            return file.read().split(b"\n")[1 if skipped else 0 : -1]
    except FileNotFoundError:
        return []
