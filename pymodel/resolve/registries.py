"""Constructions from dictionaries that name their class: `dict(type="ResNet", depth=50)` in Python configurations."""

from __future__ import annotations

import ast
import inspect
from collections.abc import Iterator
from typing import Any

from ..discover.neighbours import Neighbours
from ..discover.settings import find_typed_dictionaries
from ..schema import Construction, ModelSite, Source
from .load import Loaded
from .usual_values import write_call


def registered_constructions(
    site: ModelSite, made: Any, needed: list[inspect.Parameter], loaded: Loaded, neighbours: Neighbours
) -> Iterator[Construction]:
    """A dictionary's other entries are the class's arguments, if they are all that it needs."""
    names = registered_names(site.name, loaded)
    for document in (loaded.document, *neighbours.python()):
        if not any(name in document.text for name in names):
            continue
        for kind, line, entries in find_typed_dictionaries(document):
            if kind in names and accepts(made, needed, set(entries)):
                yield Construction(write_call(site.name, entries), (), Source("config", document.path, line))


def registered_names(name: str, loaded: Loaded) -> set[str]:
    """The class's own name, and those that its decorators register it under."""
    names = {name}
    for node in loaded.document.tree.body:
        if isinstance(node, (ast.ClassDef, ast.FunctionDef)) and node.name == name:
            for decorator in node.decorator_list:
                for each in ast.walk(decorator):
                    if isinstance(each, ast.Constant) and isinstance(each.value, str):
                        names.add(each.value)
    return names


def accepts(made: Any, needed: list[inspect.Parameter], names: set[str]) -> bool:
    """Whether arguments of these names are all that a class needs, and none that it does not take."""
    parameters = inspect.signature(made).parameters
    takes_any = any(each.kind is each.VAR_KEYWORD for each in parameters.values())
    return {each.name for each in needed} <= names and (takes_any or names <= set(parameters))
