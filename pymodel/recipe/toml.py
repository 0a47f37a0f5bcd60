"""Where each key and value of a TOML document stands, which `tomllib` does not tell."""

from __future__ import annotations

import bisect
import re
import tomllib
from dataclasses import dataclass
from typing import Any

from ..schema import Position, Range

Path = tuple[str | int, ...]
BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")
BARE_VALUE = re.compile(r"[^,\]}#\n]+")
STRINGS = (
    re.compile(r'"""(?:\\.|[^\\])*?"{3,5}', re.DOTALL),
    re.compile(r"'''.*?'{3,5}", re.DOTALL),
    re.compile(r'"(?:\\.|[^"\\\n])*"'),
    re.compile(r"'[^'\n]*'"),
)
BLANK = re.compile(r"(?:\s|#[^\n]*)*")
SYNTAX_PLACE = re.compile(r"\s*\(at (?:line (\d+), column (\d+)|end of document)\)$")


class TomlError(ValueError):
    """A document is no TOML, at a place."""

    def __init__(self, message: str, place: Position) -> None:
        super().__init__(message)
        self.place = place


@dataclass(frozen=True)
class Place:
    """Where an entry stands: its key (of a table, its header) and its value."""

    key: Range
    value: Range


@dataclass(frozen=True)
class Document:
    """A TOML document: its data, and the place of each entry by its path."""

    data: dict[str, Any]
    places: dict[Path, Place]


def read_toml(text: str) -> Document:
    """Parse, and find every entry.

    Raises:
        TomlError: the text is no TOML.
    """
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        words = str(error)
        found = SYNTAX_PLACE.search(words)
        message = SYNTAX_PLACE.sub("", words)
        lines = text.split("\n")
        if found is None or found[1] is None:
            raise TomlError(message, Position(len(lines), len(lines[-1]))) from None
        line, column = int(found[1]), int(found[2]) - 1
        if message.startswith("Cannot"):  # what is there already was told after its value
            column = len(lines[line - 1]) - len(lines[line - 1].lstrip())
        raise TomlError(message, Position(line, column)) from None
    return Document(data, _Scanner(text.replace("\r\n", " \n")).scan())


class _Scanner:
    """Walks a text that is known to be TOML."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self.starts = [0, *(match.end() for match in re.finditer("\n", text))]
        self.places: dict[Path, Place] = {}

    def scan(self) -> dict[Path, Place]:
        prefix: Path = ()
        counts: dict[Path, int] = {}
        self._skip()
        while self.at < len(self.text):
            start = self.at
            if self.text[self.at] == "[":
                is_array = self.text.startswith("[[", self.at)
                self.at += 2 if is_array else 1
                prefix = self._key()[0]
                if is_array:
                    counts[prefix] = counts.get(prefix, -1) + 1
                    prefix = (*prefix, counts[prefix])
                self._skip()
                self.at += 2 if is_array else 1
                header = self._range(start, self.at)
                self.places[prefix] = Place(header, header)
            else:
                self._entry(prefix)
            self._skip()
        return self.places

    def _entry(self, prefix: Path) -> None:
        keys, key = self._key()
        self._skip()
        self.at += 1  # the equals sign
        self._skip()
        for count in range(1, len(keys)):
            self.places.setdefault((*prefix, *keys[:count]), Place(key, key))
        path = (*prefix, *keys)
        self.places[path] = Place(key, self._value(path))

    def _key(self) -> tuple[Path, Range]:
        self._skip()
        start, keys = self.at, []
        while True:
            if self.text[self.at] in "\"'":
                word = self._match(*STRINGS[2:])
                keys.append(next(iter(tomllib.loads(f"{word}=0"))))
            else:
                keys.append(self._match(BARE_KEY))
            end = self.at
            self._skip()
            if self.text[self.at] != ".":
                return tuple(keys), self._range(start, end)
            self.at += 1
            self._skip()

    def _value(self, path: Path) -> Range:
        start = self.at
        if self.text[start] in "\"'":
            self._match(*STRINGS)
        elif self.text[start] == "[":
            self.at += 1
            index = 0
            while not self._closes("]"):
                place = self._value((*path, index))
                self.places[(*path, index)] = Place(place, place)
                index += 1
        elif self.text[start] == "{":
            self.at += 1
            while not self._closes("}"):
                self._entry(path)
        else:
            self.at = start + len(self._match(BARE_VALUE).rstrip())
        return self._range(start, self.at)

    def _closes(self, bracket: str) -> bool:
        """Step over what separates items; over the bracket as well, if it comes next."""
        self._skip()
        if self.text[self.at] == ",":
            self.at += 1
            self._skip()
        if self.text[self.at] != bracket:
            return False
        self.at += 1
        return True

    def _match(self, *patterns: re.Pattern[str]) -> str:
        found = next(match for pattern in patterns if (match := pattern.match(self.text, self.at)))
        self.at = found.end()
        return found[0]

    def _skip(self) -> None:
        found = BLANK.match(self.text, self.at)
        assert found is not None
        self.at = found.end()

    def _range(self, start: int, end: int) -> Range:
        return Range(self._position(start), self._position(end))

    def _position(self, offset: int) -> Position:
        line = bisect.bisect_right(self.starts, offset) - 1
        return Position(line + 1, offset - self.starts[line])
