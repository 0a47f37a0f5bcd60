"""The recipe's dataclasses as a list of sections and settings, which reading, schema, docs and completion share."""

from __future__ import annotations

import dataclasses
import functools
import types
import typing
from dataclasses import dataclass
from typing import Any, Literal

from ..schema import Recipe

Kind = Literal["integer", "number", "boolean", "text", "choice", "texts", "numbers", "table"]
KINDS: dict[Any, Kind] = {
    int: "integer",
    float: "number",
    bool: "boolean",
    str: "text",
    tuple[str, ...]: "texts",
    dict[str, float]: "numbers",
    dict[str, object]: "table",
}
WORDS: dict[Kind, str] = {
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
    "text": "a text",
    "choice": "one of a few texts",
    "texts": "a list of texts",
    "numbers": "a table of numbers",
    "table": "a table",
}


@dataclass(frozen=True)
class Setting:
    """One key of a section."""

    name: str
    kind: Kind
    about: str
    default: Any
    required: bool
    choices: tuple[str, ...] = ()
    minimum: float | None = None
    maximum: float | None = None
    above: bool = False

    @property
    def limits(self) -> str:
        """`at least 1 and at most 5`, or nothing."""
        least = "" if self.minimum is None else f"{'more than' if self.above else 'at least'} {self.minimum:g}"
        most = "" if self.maximum is None else f"at most {self.maximum:g}"
        return " and ".join(part for part in (least, most) if part)

    def allows(self, value: float) -> bool:
        if self.minimum is not None and (value < self.minimum or (self.above and value == self.minimum)):
            return False
        return self.maximum is None or value <= self.maximum


@dataclass(frozen=True)
class Section:
    """One table of a recipe."""

    name: str
    about: str
    required: bool
    type: Any
    settings: dict[str, Setting]


@functools.cache
def recipe_sections() -> dict[str, Section]:
    """All sections, in the order in which a recipe is written."""
    hints = typing.get_type_hints(Recipe)
    return {
        field.name: Section(
            field.name,
            (hints[field.name].__doc__ or "").strip(),
            field.default is dataclasses.MISSING,
            hints[field.name],
            _settings_of(hints[field.name]),
        )
        for field in dataclasses.fields(Recipe)
        if dataclasses.is_dataclass(hints[field.name])
    }


def _settings_of(section: Any) -> dict[str, Setting]:
    hints = typing.get_type_hints(section)
    return {field.name: _setting(field, hints[field.name]) for field in dataclasses.fields(section)}


def _setting(field: dataclasses.Field[Any], hint: Any) -> Setting:
    if typing.get_origin(hint) in (typing.Union, types.UnionType):
        hint = next(each for each in typing.get_args(hint) if each is not type(None))
    choices = typing.get_args(hint) if typing.get_origin(hint) is Literal else ()
    required = field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING
    default = field.default_factory() if field.default_factory is not dataclasses.MISSING else field.default
    limits = {name: field.metadata[name] for name in ("about", "minimum", "maximum", "above")}
    kind: Kind = "choice" if choices else KINDS[hint]
    return Setting(
        field.name, kind, default=None if required else default, required=required, choices=choices, **limits
    )
