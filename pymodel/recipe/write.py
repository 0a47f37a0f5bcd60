"""Recipe → TOML that a person reads: what differs from the defaults, each with its words."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from ..schema import RECIPE_VERSION, Recipe
from .settings import Section, recipe_sections

ALWAYS = {
    ("data", "batch_size"),
    ("optimizer", "name"),
    ("optimizer", "learning_rate"),
    ("run", "epochs"),
    ("run", "seed"),
    ("loss", "name"),
}
"""Written down even where they are the default: what one changes first."""


def format_recipe(recipe: Recipe, reasons: Mapping[tuple[str, str], str] | None = None) -> str:
    """The recipe as TOML. `reasons` are comments for settings, by section and name, in place of what they mean."""
    parts = [f"# How this model is trained. All settings: docs/recipe.md of PyModel.\nversion = {RECIPE_VERSION}\n"]
    for section in recipe_sections().values():
        lines = _format_section(section, getattr(recipe, section.name), reasons or {})
        if lines:
            parts.append(f"[{section.name}]\n" + "".join(f"{line}\n" for line in lines))
    return "\n".join(parts)


def _format_section(section: Section, values: Any, reasons: Mapping[tuple[str, str], str]) -> list[str]:
    lines = []
    for setting in section.settings.values():
        value = getattr(values, setting.name)
        key = (section.name, setting.name)
        if value is None or (value == setting.default and key not in ALWAYS and key not in reasons):
            continue
        reason = reasons.get(key)
        lines.append(f"{setting.name} = {format_value(value)}" + (f"  # {reason}" if reason else ""))
    return lines


def format_value(value: Any) -> str:
    """A value as TOML writes it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
    if isinstance(value, (list, tuple)):
        return f"[{', '.join(format_value(item) for item in value)}]"
    if isinstance(value, dict):
        inner = ", ".join(f"{format_value(str(key))} = {format_value(item)}" for key, item in value.items())
        return f"{{ {inner} }}" if inner else "{}"
    return repr(value)
