"""What the oracle looks for, what it has made on the way, and what it answers."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from torch import nn

from ..discover.document import Document
from ..schema import Construction, ModelSite, Pin, PyModelError, Source
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
    tried: list[tuple[Made, Inputs]] = field(default_factory=list)
    """The first inputs of all, before anything was changed about them."""


REFUSALS = (AssertionError, ValueError, ZeroDivisionError)
"""How a constructor refuses its arguments."""


def not_constructed(
    site: ModelSite,
    document: Document,
    log: list[str],
    failures: list[tuple[Construction, BaseException]],
    made: Any,
) -> ConstructionNotFound:
    """The error that says what was tried to make `made`; None: it is not defined. Its cause is a fault of the code, if
    one is certain."""
    tried = f" Tried: {'; '.join(log[:3])}." if log else " Its arguments have no defaults and no call of it was found."
    if made is None:
        tried = " It is not defined once its file is imported: what its definition needs is missing or fails."
    certain = [(each, error) for each, error in failures if _is_own_fault(each.source, error, document, made)]
    certain.sort(key=lambda each: each[0].source.kind != "pin")
    error = ConstructionNotFound(
        f"{site.name} could not be constructed.{tried}",
        path=document.path,
        line=site.line,
        advice=f"Pin a construction on the class line: `# pymodel: {site.name}(…)`."
        if made is not None
        else "Install the packages that the hints on its imports name.",
    )
    error.__cause__ = certain[0][1] if certain else None
    return error


def _is_own_fault(source: Source, error: BaseException, document: Document, made: Any) -> bool:
    """Whether what a construction failed on is a fault of the code, and not of a guess: it was pinned, the file itself
    makes it so, or it is made of nothing. A constructor that takes None, or an empty list, for what is not given may
    refuse that; and a file that it reads by default lies elsewhere, or is not there yet."""
    if source.kind == "default":
        empty = [
            each for each in _defaults(made) if each is None or (isinstance(each, (tuple, list, dict)) and not each)
        ]
        asks = isinstance(error, (*REFUSALS, LookupError)) or "NoneType" in str(error)
        return not isinstance(error, OSError) and not (asks and empty)
    return source.kind == "pin" or is_own_call(source, document)


def is_own_call(source: Source, document: Document) -> bool:
    """Whether an answer comes from a call in the model's own file."""
    return source.kind == "call-site" and source.path == document.path


def _defaults(made: Any) -> list[Any]:
    try:
        return [each.default for each in inspect.signature(made).parameters.values()]
    except (TypeError, ValueError):
        return []
