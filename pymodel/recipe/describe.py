"""The recipe's JSON Schema and the table of its docs, both made from the dataclasses."""

from __future__ import annotations

from typing import Any

from ..schema import RECIPE_VERSION
from .settings import WORDS, Section, Setting, recipe_sections
from .write import format_value

TYPES = {"integer": "integer", "number": "number", "boolean": "boolean", "text": "string", "choice": "string"}


def recipe_schema() -> dict[str, Any]:
    """JSON Schema, as editors of TOML take it."""
    sections = recipe_sections()
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "PyModel recipe",
        "type": "object",
        "additionalProperties": False,
        "required": [section.name for section in sections.values() if section.required],
        "properties": {
            "version": {"const": RECIPE_VERSION},
            **{section.name: _section_schema(section) for section in sections.values()},
        },
    }


def recipe_tables() -> str:
    """One table of Markdown per section."""
    parts = []
    for section in recipe_sections().values():
        rows = [_row(setting) for setting in section.settings.values()]
        head = "| setting | is | default | |\n|---|---|---|---|"
        parts.append(f"### `[{section.name}]`\n\n{section.about}\n\n{head}\n" + "\n".join(rows))
    return "\n\n".join(parts) + "\n"


def describe_setting(setting: Setting) -> str:
    """What a setting takes, in words: its type, its choices or its limits."""
    if setting.choices:
        return " · ".join(f"`{choice}`" for choice in setting.choices)
    return ", ".join(part for part in (WORDS[setting.kind], setting.limits) if part)


def _row(setting: Setting) -> str:
    default = (
        "required" if setting.required else "" if setting.default is None else f"`{format_value(setting.default)}`"
    )
    cells = (f"`{setting.name}`", describe_setting(setting), default, setting.about)
    return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"


def _section_schema(section: Section) -> dict[str, Any]:
    return {
        "description": section.about,
        "type": "object",
        "additionalProperties": False,
        "required": [setting.name for setting in section.settings.values() if setting.required],
        "properties": {setting.name: _setting_schema(setting) for setting in section.settings.values()},
    }


def _setting_schema(setting: Setting) -> dict[str, Any]:
    schema: dict[str, Any] = {"description": setting.about}
    if setting.kind == "texts":
        schema |= {"type": "array", "items": {"type": "string"}}
    elif setting.kind in ("numbers", "table"):
        schema |= {"type": "object"} | (
            {"additionalProperties": {"type": "number"}} if setting.kind == "numbers" else {}
        )
    else:
        schema |= {"type": TYPES[setting.kind]}
    if setting.choices:
        schema["enum"] = list(setting.choices)
    if setting.minimum is not None:
        schema["exclusiveMinimum" if setting.above else "minimum"] = setting.minimum
    if setting.maximum is not None:
        schema["maximum"] = setting.maximum
    if not setting.required and setting.default is not None:
        schema["default"] = list(setting.default) if isinstance(setting.default, tuple) else setting.default
    return schema
