"""What reading a file as text finds: models, and what could train them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from .location import Range


@dataclass(frozen=True)
class ModelSite:
    """A model defined in a file. `target` is `file.py::Name`; `line` is the line of its definition."""

    target: str
    name: str
    line: int
    kind: Literal["class", "factory", "variable"]
    bases: tuple[str, ...]
    name_range: Range
    range: Range


@dataclass(frozen=True)
class DataFactory:
    """A Dataset class, or a callable without required arguments that gives a Dataset, a DataLoader, or up to three of
    them. `reference` is `file.py::name`; `reason` says in words why it was taken for one."""

    reference: str
    name: str
    path: str
    line: int
    kind: Literal["class", "function"]
    reason: str
