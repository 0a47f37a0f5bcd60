"""Pins that stand in tables: the editor's settings, and `[tool.pymodel]` in a pyproject.toml above the file.

A key is `file.py::Name`, `package.module:Name`, or `Name` alone; files are relative to the table's folder.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import Literal

from ..schema import Diagnostic, ModelSite, Pin, Position, Range, Related
from .document import Document
from .pins import PinError, split_pin
from .roots import read_pyproject

PROJECT_FILE = "pyproject.toml"


@dataclass(frozen=True)
class PinTable:
    """`folder` is what its keys' files are relative to; `path` is the file that holds it, if one does."""

    source: Literal["setting", "pyproject"]
    folder: str
    entries: Mapping[str, str]
    path: str | None = None

    def of(self, site: ModelSite) -> tuple[str, str] | None:
        """The key and the pin of a model; the most exact key wins."""
        path = site.target.rpartition("::")[0]
        own = [key for key in self.entries if _name(key) == site.name and self.names_file(key, path) is not False]
        key = min(own, key=lambda key: self.names_file(key, path) is None, default=None)
        return (key, self.entries[key]) if key is not None else None

    def names_file(self, key: str, path: str) -> bool | None:
        """Whether a key is about models of this file; None where it names no file."""
        file, separator, _ = key.rpartition("::")
        if separator:
            return Path(self.folder, file) == Path(path)
        module, separator, _ = key.rpartition(":")
        if not separator:
            return None
        parts = PurePath(path).with_suffix("").parts
        wanted = tuple(module.split("."))
        return parts[-len(wanted) :] == wanted


def find_project_table(path: str, top: str | None = None) -> PinTable | None:
    """The pins of the nearest pyproject.toml with a `[tool.pymodel]`, in the folders from the file's up to `top`."""
    for folder in Path(path).parents:
        table = read_pyproject(folder).get("pymodel")
        if isinstance(table, dict):
            pins = table.get("pins", {})
            own = {key: value for key, value in table.items() if ":" in key}
            entries = {**own, **(pins if isinstance(pins, dict) else {})}
            texts = {str(key): value if isinstance(value, str) else repr(value) for key, value in entries.items()}
            return PinTable("pyproject", str(folder), texts, str(folder / PROJECT_FILE))
        if str(folder) == top:
            break
    return None


def find_table_pins(sites: tuple[ModelSite, ...], tables: tuple[PinTable, ...]) -> tuple[Pin, ...]:
    """The pins of a file's models. What is none is left to `find_table_faults`."""
    pins = []
    for site in sites:
        for table in tables:
            entry = table.of(site)
            if entry is None:
                continue
            try:
                construction, inputs = split_pin(entry[1])
            except PinError:
                continue
            pins.append(Pin(site.target, construction, inputs, table.source))
    return tuple(pins)


def find_table_faults(
    document: Document, sites: tuple[ModelSite, ...], tables: tuple[PinTable, ...]
) -> Iterator[Diagnostic]:
    """Entries about a file's models that are no pins, and keys that name a model which the file has not."""
    for table in tables:
        for key, text in table.entries.items():
            if not table.names_file(key, document.path):
                continue
            site = next((each for each in sites if each.name == _name(key)), None)
            if site is None:
                names = ", ".join(each.name for each in sites) or "no model"
                words = f"The pin `{key}` {_where(table)} is unused: this file holds {names}. Correct or remove it."
                yield _told(document, table, key, "unused-pin", words, Range(Position(1, 0), Position(1, 0)))
                continue
            try:
                split_pin(text)
            except PinError as error:
                words = f"The pin `{key}` {_where(table)}: {error.message} {error.advice}"
                yield _told(document, table, key, "bad-pin", words, site.name_range)


def _told(document: Document, table: PinTable, key: str, code: str, words: str, place: Range) -> Diagnostic:
    return Diagnostic(code, "warning", words, document.path, place.start, place.end, _related(table, key))


def _related(table: PinTable, key: str) -> tuple[Related, ...]:
    """The line of the table's file that holds the key."""
    if table.path is None:
        return ()
    lines = Path(table.path).read_text(encoding="utf-8", errors="replace").splitlines()
    for number, line in enumerate(lines, 1):
        if key in line:
            column = line.index(key)
            start, end = Position(number, column), Position(number, column + len(key))
            return (Related(table.path, start, end, "it stands here"),)
    return ()


def _where(table: PinTable) -> str:
    return f"in {PROJECT_FILE}" if table.source == "pyproject" else "in the setting `pymodel.pins`"


def _name(key: str) -> str:
    return key.rpartition(":")[2]
