"""TOML → Recipe. Every fault of the text is told at its own place, with the name that was probably meant."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ..schema import RECIPE_VERSION, Diagnostic, Edit, Fix, Position, PyModelError, Range, Recipe
from .settings import WORDS, Section, Setting, recipe_sections
from .toml import Document, TomlError, read_toml
from .toml import Path as TomlPath

START = Range(Position(1, 0), Position(1, 0))


class RecipeNotUsable(PyModelError):
    """A recipe has faults; the message is the first of them."""


@dataclass(frozen=True)
class Reading:
    """A recipe as it was read; None where a fault left too little of it. Settings at fault have their defaults."""

    path: str
    recipe: Recipe | None
    document: Document
    diagnostics: tuple[Diagnostic, ...]

    def place_of(self, *path: str | int) -> Range:
        """Where an entry's value stands; where it is not written, its section, else the document's start."""
        for length in range(len(path), 0, -1):
            if (found := self.document.places.get(path[:length])) is not None:
                return found.value
        return START

    def with_faults(self, faults: Iterable[Diagnostic]) -> Reading:
        ordered = sorted((*self.diagnostics, *faults), key=lambda each: (each.start, each.end))
        return replace(self, diagnostics=tuple(ordered))


def load_recipe(path: Path) -> Reading:
    """The recipe in a file.

    Raises:
        RecipeNotUsable: the file cannot be read.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        words = getattr(error, "strerror", None) or "it is not written in UTF-8"
        raise RecipeNotUsable(f"The recipe cannot be read: {words}.", path=str(path)) from None
    return read_recipe(text, str(path))


def read_recipe(text: str, path: str) -> Reading:
    try:
        document = read_toml(text)
    except TomlError as error:
        end = Position(error.place.line, error.place.column + 1)
        fault = Diagnostic("recipe-syntax", "error", f"This is no TOML: {error}.", path, error.place, end)
        return Reading(path, None, Document({}, {}), (fault,))
    reader = _Reader(path, document)
    recipe = reader.read()
    return Reading(path, recipe, document, ()).with_faults(reader.faults)


def make_fault(code: str, message: str, path: str, place: Range, fixes: tuple[Fix, ...] = ()) -> Diagnostic:
    return Diagnostic(f"recipe-{code}", "error", message, path, place.start, place.end, fixes=fixes)


def suggest(word: str, known: Iterable[str]) -> str | None:
    """The known name that a wrong one was probably meant to be."""
    lowered = {each.lower(): each for each in known}
    found = difflib.get_close_matches(word.lower(), lowered, n=3, cutoff=0.6)
    found.sort(key=lambda each: abs(len(each) - len(word)))  # of `Adma`, `Adam` was meant more likely than `Adamax`
    return lowered[found[0]] if found else None


class _Reader:
    def __init__(self, path: str, document: Document) -> None:
        self.path = path
        self.document = document
        self.faults: list[Diagnostic] = []

    def read(self) -> Recipe | None:
        sections = recipe_sections()
        self._read_version()
        for key in self.document.data:
            if key != "version" and key not in sections:
                self._unknown(("section", key), (key,), sections)
        made = {}
        for name, section in sections.items():
            given = self.document.data.get(name, {})
            if not isinstance(given, dict):
                words = f"`{name}` is a section: write [{name}] with its settings below."
                self._tell("type", words, (name,))
                continue
            if section.required and name not in self.document.data:
                needed = " and ".join(f"`{each.name}`" for each in section.settings.values() if each.required)
                self._tell("missing", f"A recipe needs a section [{name}] with {needed}.", ())
                continue
            made[name] = self._read_section(section, given)
        if any(made.get(name) is None for name, section in sections.items() if section.required):
            return None
        return Recipe(**{name: value for name, value in made.items() if value is not None})

    def _read_version(self) -> None:
        version = self.document.data.get("version", RECIPE_VERSION)
        if version != RECIPE_VERSION or isinstance(version, bool):
            words = f"This version of PyModel reads recipes of version {RECIPE_VERSION}, not {version}."
            self._tell("version", words, ("version",))

    def _read_section(self, section: Section, given: dict[str, Any]) -> Any:
        values = {}
        for key, value in given.items():
            setting = section.settings.get(key)
            if setting is None:
                self._unknown((f"setting of [{section.name}]", key), (section.name, key), section.settings)
            elif self._fits(setting, value, (section.name, key)):
                values[key] = _convert(setting, value)
        missing = [each for each in section.settings.values() if each.required and each.name not in given]
        for each in missing:
            self._tell("missing", f"[{section.name}] needs `{each.name}`: {each.about}", (section.name,))
        complete = all(each.name in values for each in section.settings.values() if each.required)
        return section.type(**values) if complete else None

    def _fits(self, setting: Setting, value: Any, path: TomlPath) -> bool:
        problem = _describe_problem(setting, value)
        if problem is not None:
            self._tell("type", problem, path)
            return False
        if setting.kind == "choice" and value not in setting.choices:
            meant = suggest(value, setting.choices)
            words = f"`{setting.name}` is none of {', '.join(setting.choices)}."
            self._tell("choice", words, path, meant and f'"{meant}"', meant)
            return False
        if setting.kind in ("integer", "number") and not setting.allows(value):
            self._tell("range", f"`{setting.name}` must be {setting.limits}, and is {value}.", path)
            return False
        fits = [self._item_fits(setting, key, item, path) for key, item in _items(setting, value)]
        return all(fits)  # each that does not fit is told

    def _item_fits(self, setting: Setting, key: str | int, item: Any, path: TomlPath) -> bool:
        kind, wanted = (str, "a text") if setting.kind == "texts" else ((int, float), "a number")
        if isinstance(item, kind) and not isinstance(item, bool):
            return True
        self._tell("type", f"Each item of `{setting.name}` must be {wanted}, not {_name_type(item)}.", (*path, key))
        return False

    def _unknown(self, what: tuple[str, str], path: TomlPath, known: Iterable[str]) -> None:
        kind, name = what
        place = self.document.places[path].key
        meant = suggest(name, known)
        words = f"There is no {kind} `{name}`."
        if meant is None:
            self.faults.append(make_fault("unknown", f"{words} There are {', '.join(known)}.", self.path, place))
            return
        header = f"[{meant}]" if place == self.document.places[path].value else meant
        fixes = (Fix(f"Write `{meant}`", (Edit(self.path, place.start, place.end, header),)),)
        self.faults.append(make_fault("unknown", f"{words} Did you mean `{meant}`?", self.path, place, fixes))

    def _tell(
        self, code: str, words: str, path: TomlPath, replacement: str | None = None, meant: str | None = None
    ) -> None:
        found = self.document.places.get(path)
        place = found.value if found else START
        fixes: tuple[Fix, ...] = ()
        if replacement is not None:
            words = f"{words} Did you mean `{meant}`?"
            fixes = (Fix(f"Write `{meant}`", (Edit(self.path, place.start, place.end, replacement),)),)
        self.faults.append(make_fault(code, words, self.path, place, fixes))


def _describe_problem(setting: Setting, value: Any) -> str | None:
    """What is wrong with a value's type, if anything."""
    wanted: dict[str, Any] = {
        "integer": int,
        "number": (int, float),
        "boolean": bool,
        "text": str,
        "choice": str,
        "texts": list,
        "numbers": dict,
        "table": dict,
    }
    is_bool = isinstance(value, bool) and setting.kind != "boolean"
    if isinstance(value, wanted[setting.kind]) and not is_bool:
        return None
    return f"`{setting.name}` must be {WORDS[setting.kind]}, not {_name_type(value)}."


def _items(setting: Setting, value: Any) -> Iterable[tuple[str | int, Any]]:
    if setting.kind == "texts":
        return enumerate(value)
    return value.items() if setting.kind == "numbers" else ()


def _name_type(value: Any) -> str:
    names = {bool: "true or false", int: "a whole number", float: "a number", str: "a text", list: "a list"}
    return names.get(type(value), "a table" if isinstance(value, dict) else "a date or time")


def _convert(setting: Setting, value: Any) -> Any:
    if setting.kind == "number":
        return float(value)
    if setting.kind == "texts":
        return tuple(value)
    return {key: float(item) for key, item in value.items()} if setting.kind == "numbers" else value
