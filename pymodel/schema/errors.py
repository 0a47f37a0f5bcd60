"""The base of every error that a user can meet."""

from __future__ import annotations


class PyModelError(Exception):
    """What happened, where, and what to do next. Each kind of fault has a subclass beside the code that raises it."""

    def __init__(self, message: str, *, path: str | None = None, line: int | None = None, advice: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.path = path
        self.line = line
        self.advice = advice

    def __str__(self) -> str:
        place = f"{self.path}:{self.line}: " if self.path and self.line else f"{self.path}: " if self.path else ""
        return f"{place}{self.message}" + (f" {self.advice}" if self.advice else "")
