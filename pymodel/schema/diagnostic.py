"""What is wrong, where, why, and the edits that mend it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from .location import Position

Severity = Literal["error", "warning", "hint"]


@dataclass(frozen=True)
class Related:
    """A place that explains a diagnostic, such as the line that made the wrong size."""

    path: str
    start: Position
    end: Position
    message: str


@dataclass(frozen=True)
class Edit:
    path: str
    start: Position
    end: Position
    text: str


@dataclass(frozen=True)
class Fix:
    title: str
    edits: tuple[Edit, ...]


@dataclass(frozen=True)
class Diagnostic:
    """One finding. `code` is stable and names a section of the docs; `message` is for a person."""

    code: str
    severity: Severity
    message: str
    path: str
    start: Position
    end: Position
    related: tuple[Related, ...] = ()
    fixes: tuple[Fix, ...] = ()
