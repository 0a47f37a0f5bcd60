"""From a running instruction to the exact range of source text that it came from."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from types import CodeType

from ..schema import Location, Position
from .noted import Frame


class Places:
    """Resolves frames to locations. `documents` holds the text of files that are open in the editor."""

    def __init__(self, documents: Mapping[str, str]) -> None:
        self.documents = documents
        self._lines: dict[str, list[str]] = {}

    def locate(self, frame: Frame | None) -> Location | None:
        """The range of the instruction's expression; None where there is no frame or no position."""
        if frame is None:
            return None
        code, offset = frame
        line, end_line, column, end_column = _positions(code)[offset // 2]
        path = code.co_filename
        if line is None or end_line is None or column is None or end_column is None:
            first = line or code.co_firstlineno
            return Location(path, Position(first, 0), Position(first, len(self.line(path, first))))
        start = Position(line, self._column(path, line, column))
        return Location(path, start, Position(end_line, self._column(path, end_line, end_column)))

    def line(self, path: str, number: int) -> str:
        """A line of a file's text, without its end; empty where there is no such line."""
        if path not in self._lines:
            text = self.documents.get(path)
            if text is None:
                text = Path(path).read_text(encoding="utf-8", errors="replace")
            self._lines[path] = text.splitlines()
        lines = self._lines[path]
        return lines[number - 1] if 0 < number <= len(lines) else ""

    def _column(self, path: str, line: int, byte_column: int) -> int:
        text = self.line(path, line)
        return byte_column if text.isascii() else len(text.encode()[:byte_column].decode(errors="replace"))


@cache
def _positions(code: CodeType) -> list[tuple[int | None, int | None, int | None, int | None]]:
    return list(code.co_positions())
