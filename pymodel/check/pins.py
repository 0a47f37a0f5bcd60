"""Whether a pinned input has the rank that the model wants. The witness is an input of another rank that runs."""

from __future__ import annotations

from collections.abc import Iterator

from ..discover.document import Document
from ..schema import Diagnostic, Dims, Input, ModelSite, Position, Range


def find_rank_faults(
    pinned: tuple[Input, ...], running: tuple[Input, ...], document: Document, site: ModelSite
) -> Iterator[Diagnostic]:
    """Of inputs that do not run, those whose rank is not that of the ones which do."""
    right = {each.name: each.dims for each in running}
    for given in pinned:
        wanted = right.get(given.name)
        if given.dims is None or wanted is None or len(given.dims) == len(wanted):
            continue
        words = (
            f"`{given.name}` is pinned with {_count(given.dims)}, as {_show(given.dims)}; {site.name} runs with "
            f"{_count(wanted)}, such as {_show(wanted)}."
        )
        place = _place(document, site, given.name)
        yield Diagnostic("pin-rank", "warning", words, document.path, place.start, place.end)


def _place(document: Document, site: ModelSite, name: str) -> Range:
    """Where a comment on the model's line pins the argument, else the model's name: the pin stands in a table."""
    line = document.lines[site.line - 1]
    comment = line.find("# pymodel:")
    start = line.find(f"{name}=", comment) if comment >= 0 else -1
    if start < 0:
        return site.name_range
    return Range(Position(site.line, start), Position(site.line, start + len(name)))


def _count(dims: Dims) -> str:
    return "1 dimension" if len(dims) == 1 else f"{len(dims)} dimensions"


def _show(dims: Dims) -> str:
    return f"({', '.join(map(str, dims))}{',' if len(dims) == 1 else ''})"
