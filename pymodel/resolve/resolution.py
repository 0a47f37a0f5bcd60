"""What the oracle looks for, what it has made on the way, and what it answers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from torch import nn

from ..discover.document import Document
from ..schema import Construction, ModelSite, Pin, PyModelError
from .inputs import Inputs, SymbolGuess

Rank = tuple[int, float, int]
"""How much inputs that do not run deserve belief: by source, by the code's own arithmetic, by how far they got."""


class ConstructionNotFound(PyModelError):
    """No way to make the model worked."""


class InputNotFound(PyModelError):
    """No candidate for the inputs could be formed."""


@dataclass(frozen=True)
class Resolution:
    """How to make and feed a model. `verified`: it ran, and the batch came out as it went in. `is_certain`: where it
    did not run, the model is at fault, and not what was guessed for it."""

    construction: Construction
    make: Callable[[], Any]
    inputs: Inputs
    symbols: dict[str, SymbolGuess]
    attempts: tuple[str, ...]
    verified: bool
    is_certain: bool = True


@dataclass(frozen=True)
class Made:
    """A construction that could be built, and what it built."""

    construction: Construction
    make: Callable[[], Any]
    model: nn.Module


@dataclass
class Quest:
    """What is looked for, and what has come of it. `seconds` are left; `best` is the best that does not run."""

    site: ModelSite
    texts: list[Document]
    pins: tuple[Pin, ...]
    seconds: float
    log: list[str] = field(default_factory=list)
    failures: list[tuple[Construction, BaseException]] = field(default_factory=list)
    best: tuple[Rank, Resolution] | None = None


def not_constructed(
    site: ModelSite,
    document: Document,
    log: list[str],
    failures: list[tuple[Construction, BaseException]],
    is_defined: bool,
) -> ConstructionNotFound:
    """The error that says what was tried."""
    tried = f" Tried: {'; '.join(log[:3])}." if log else " Its arguments have no defaults and no call of it was found."
    if not is_defined:
        tried = " It is not defined once its file is imported: what its definition needs is missing or fails."
    stated = [(each, error) for each, error in failures if each.source.kind != "search"]
    stated.sort(key=lambda each: each[0].source.kind != "pin")
    error = ConstructionNotFound(
        f"{site.name} could not be constructed.{tried}",
        path=document.path,
        line=site.line,
        advice=f"Pin a construction on the class line: `# pymodel: {site.name}(…)`."
        if is_defined
        else "Install the packages that the hints on its imports name.",
    )
    error.__cause__ = stated[0][1] if stated else None  # what a guess fails on is no fault of the class
    return error
