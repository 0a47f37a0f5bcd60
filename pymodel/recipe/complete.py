"""What may be written at a place of a recipe, and what stands there. A half written text does: it is read by lines."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from ..schema import Position, Range
from .describe import describe_setting
from .names import LOSSES, OPTIMIZERS, OWN_LOSSES
from .settings import Section, Setting, recipe_sections
from .write import format_value

HEADER = re.compile(r"\s*\[\s*([\w.]*)\s*\]?")
ENTRY = re.compile(r"\s*([\w-]+)\s*=\s*(.*)$")
WORD = re.compile(r"[\w*.:/\\-]*$")
PATTERNS = frozenset(("layers", "freeze", "lora_layers", "checkpoint_layers", "no_decay"))


@dataclass(frozen=True)
class Completion:
    """`text` takes the place of the word before the cursor, which is `replaced` characters long."""

    label: str
    text: str
    detail: str
    about: str
    replaced: int


def complete(
    lines: list[str], position: Position, known: Mapping[tuple[str, str], Iterable[str]] | None = None
) -> list[Completion]:
    """Sections, settings or values, by where the position is. `known` are texts that a setting may be, by section and
    name: the workspace's models and data; layers stand under `("", "layers")`."""
    line = lines[position.line - 1][: position.column] if position.line <= len(lines) else ""
    section = section_at(lines, position.line)
    if re.fullmatch(r"\s*\[\s*\w*", line) and not re.match(r"\s*\[\s*\w*\s*\]", line):
        return [_section(each, line) for each in recipe_sections().values() if f"[{each.name}]" not in lines]
    entry = ENTRY.match(line)
    if entry is None:
        return _settings(section, lines, position.line, line) if re.fullmatch(r"\s*[\w-]*", line) else []
    setting = section.settings.get(entry[1]) if section else None
    if section is None or setting is None:
        return []
    return [_value(setting, each, entry[2]) for each in _values(section, setting, known or {})]


def describe_at(lines: list[str], position: Position) -> tuple[str, Range] | None:
    """Markdown for the section or setting under a position, and its range."""
    line = lines[position.line - 1] if position.line <= len(lines) else ""
    section = section_at(lines, position.line)
    entry, header = ENTRY.match(line), HEADER.match(line)
    if section is None:
        return None
    if header is not None and header[1] == section.name and line.lstrip().startswith("["):
        place = Range(Position(position.line, header.start(1)), Position(position.line, header.end(1)))
        return (f"**[{section.name}]** {section.about}", place) if place.contains(position) else None
    setting = section.settings.get(entry[1]) if entry else None
    if entry is None or setting is None:
        return None
    place = Range(Position(position.line, entry.start(1)), Position(position.line, entry.end(1)))
    return (_describe(setting), place) if place.contains(position) else None


def text_of(lines: list[str], section: str, name: str) -> str | None:
    """The text that a setting has, as its line says."""
    for number, line in enumerate(lines, 1):
        entry = ENTRY.match(line)
        if entry is not None and entry[1] == name and (found := section_at(lines, number)) and found.name == section:
            return entry[2].partition("#")[0].strip().strip("\"'")
    return None


def section_at(lines: list[str], line: int) -> Section | None:
    """The section that a line (1-based) is in."""
    for text in reversed(lines[:line]):
        found = HEADER.match(text)
        if found is not None and text.lstrip().startswith("["):
            return recipe_sections().get(found[1])
    return None


def _section(section: Section, line: str) -> Completion:
    return Completion(f"[{section.name}]", f"[{section.name}]", "", section.about, len(line.lstrip()))


def _settings(section: Section | None, lines: list[str], number: int, line: str) -> list[Completion]:
    """What the section does not have yet; outside of any, the sections."""
    if section is None:
        return [_section(each, line) for each in recipe_sections().values()]
    given = set()
    for other, text in enumerate(lines, 1):
        entry = ENTRY.match(text)
        if entry is not None and other != number and section_at(lines, other) == section:
            given.add(entry[1])
    return [
        Completion(each.name, f"{each.name} = ", describe_setting(each), _describe(each), len(line.lstrip()))
        for each in section.settings.values()
        if each.name not in given
    ]


def _values(section: Section, setting: Setting, known: Mapping[tuple[str, str], Iterable[str]]) -> Iterable[str]:
    if (section.name, setting.name) == ("optimizer", "name"):
        return OPTIMIZERS
    if (section.name, setting.name) == ("loss", "name"):
        return (*OWN_LOSSES, *LOSSES)
    if setting.kind == "boolean":
        return ("true", "false")
    if setting.name in PATTERNS:
        own = ("bias", "norm", "embedding") if setting.name == "no_decay" else ()
        return (*own, *known.get(("", "layers"), ()))
    return setting.choices or known.get((section.name, setting.name), ())


def _value(setting: Setting, value: str, before: str) -> Completion:
    """Texts get quotes, unless one stands there."""
    word = WORD.search(before)
    replaced = len(word[0]) if word else 0
    is_open = before[: len(before) - replaced].endswith(('"', "'"))
    text = value if is_open or setting.kind == "boolean" else format_value(value)
    if setting.kind == "texts" and "[" not in before:
        text = f"[{text}]"
    return Completion(value, text, setting.name, setting.about, replaced)


def _describe(setting: Setting) -> str:
    default = "" if setting.required or setting.default is None else f"\n\nDefault: `{format_value(setting.default)}`"
    required = "\n\nRequired." if setting.required else ""
    return f"**{setting.name}**: {describe_setting(setting)}\n\n{setting.about}{default}{required}"
