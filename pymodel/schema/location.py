"""Places in source text. Lines are 1-based, columns 0-based in characters (code points), ends exclusive."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, order=True)
class Position:
    line: int
    column: int


@dataclass(frozen=True)
class Range:
    start: Position
    end: Position

    def contains(self, position: Position) -> bool:
        """Whether `position` touches this range; its end counts, as an editor's cursor may stand there."""
        return self.start <= position <= self.end


@dataclass(frozen=True)
class Location:
    """A range in a file."""

    path: str
    start: Position
    end: Position

    @property
    def range(self) -> Range:
        return Range(self.start, self.end)
