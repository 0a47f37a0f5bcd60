"""Constructions from settings: an object, a class or a function whose result has all that the model reads of it."""

from __future__ import annotations

import importlib
import inspect
import itertools
import re
from collections.abc import Iterator, Mapping
from types import ModuleType
from typing import Any

from torch import nn

from ..discover.document import Document
from ..discover.imports import module_name
from ..discover.neighbours import Neighbours
from ..discover.settings import find_dictionaries
from ..schema import Construction, ModelSite, Source
from .arguments import default_arguments
from .load import Loaded
from .parsed_settings import find_parsed_settings
from .reads import Reads, find_reads, holds
from .stubs import Stub
from .usual_values import is_module_argument, usual_value

MAKERS = re.compile(r"(?i)config|conf|cfg|args|arguments|hparams|params|opt|setting|default|parse")
"""Names of functions that give settings; no other function is called to see what it gives."""
MAX_MODULES = 12
MAX_EACH = 3


def configured_constructions(
    site: ModelSite, made: Any, needed: list[inspect.Parameter], loaded: Loaded, neighbours: Neighbours
) -> Iterator[Construction]:
    """`Net(Config())`, `Net(CFG["model"])` and the like, for the argument of which the class reads settings."""
    from .config_files import filed_constructions
    from .registries import registered_constructions

    yield from registered_constructions(site, made, needed, loaded, neighbours)
    yield from filed_constructions(site, made, needed, loaded, neighbours)
    for parameter in needed:
        if is_module_argument(parameter, made):
            continue
        reads = find_reads(made, parameter.name)
        others = {each.name: usual_value(each, made) for each in needed if each.name != parameter.name}
        if any(value is None for value in others.values()):
            continue
        for expression, prelude, source in _settings(parameter, reads, loaded, neighbours):
            yield Construction(_call(site.name, needed, parameter.name, expression, others), prelude, source)


def _call(name: str, needed: list[inspect.Parameter], chosen: str, expression: str, others: Mapping[str, Any]) -> str:
    if len(needed) == 1 and needed[0].kind is not inspect.Parameter.KEYWORD_ONLY:
        return f"{name}({expression})"
    given = [f"{each.name}={expression if each.name == chosen else others[each.name]}" for each in needed]
    return f"{name}({', '.join(given)})"


def _settings(
    parameter: inspect.Parameter, reads: Reads, loaded: Loaded, neighbours: Neighbours
) -> Iterator[tuple[str, tuple[str, ...], Source]]:
    """Expressions of settings that suit, with what has to run before, and where they stand."""
    document = loaded.document
    scope = vars(loaded.module)
    annotation: Any = parameter.annotation
    annotated = scope.get(annotation) if isinstance(annotation, str) else annotation
    class_name = getattr(annotated, "__name__", "")
    is_named = _is_settings_class(annotated) and scope.get(class_name) is annotated
    suits = not reads.required or holds(_made(annotated), reads)
    if is_named and suits:
        yield f"{class_name}()", (), _source(document, class_name)
    if not reads.required:
        return
    for name in _suiting(loaded.module, reads):
        yield name, (), _source(document, name.partition("(")[0])
    for name, line, literal in find_dictionaries(document):
        if _suits(literal, reads):
            prelude = () if name in vars(loaded.module) else (f"{name} = {literal}",)
            yield name, prelude, Source("config", document.path, line)
    wanted = reads.names()
    found = 0
    for other in neighbours.python():
        if not all(name in other.text for name in wanted) or found >= MAX_MODULES:
            continue
        found += 1
        for name, line, literal in find_dictionaries(other):
            if _suits(literal, reads):
                yield name, (f"{name} = {literal}",), Source("config", other.path, line)
        module = _import(other)
        for name in itertools.islice(_suiting(module, reads), MAX_EACH) if module else ():
            head = name.partition("(")[0]
            yield name, (f"from {module_name(other.path)} import {head}",), _source(other, head)
    for other in (document, *neighbours.python()):
        for name, lines, line in find_parsed_settings(other, wanted, other.path != document.path):
            yield name, lines, Source("config", other.path, line)
    if is_named and not suits:  # what it lacks may be read in a branch that is not taken
        yield f"{class_name}()", (), _source(document, class_name)


def _suiting(module: ModuleType, reads: Reads) -> Iterator[str]:
    """Expressions in a module whose values have what is read: objects, then classes and functions that give them."""
    calls: list[str] = []
    for name, value in list(vars(module).items()):
        if name.startswith("__") or isinstance(value, (ModuleType, nn.Module, Stub)):
            continue
        if isinstance(value, type):
            if _is_settings_class(value) and value.__module__ == module.__name__ and holds(_made(value), reads):
                calls.append(f"{name}()")
        elif inspect.isfunction(value):
            if MAKERS.search(name) and value.__module__ == module.__name__ and holds(_made(value), reads):
                calls.append(f"{name}()")
        elif holds(value, reads):
            yield name
        elif isinstance(value, Mapping):
            yield from (f"{name}[{key!r}]" for key, item in value.items() if holds(item, reads))
    yield from calls


def _is_settings_class(value: Any) -> bool:
    if not isinstance(value, type) or issubclass(value, nn.Module):
        return False
    return _takes_nothing(value)


def _takes_nothing(value: Any) -> bool:
    try:
        parameters = inspect.signature(value).parameters.values()
    except (TypeError, ValueError):
        return False
    kinds = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    return all(each.default is not each.empty or each.kind in kinds for each in parameters)


def _made(value: Any) -> Any:
    if not _takes_nothing(value):
        return None
    try:
        with default_arguments():
            return value()
    except (Exception, SystemExit):  # the code under analysis may raise anything
        return None


def _suits(literal: str, reads: Reads) -> bool:
    try:
        value = eval(literal, {"__builtins__": {"dict": dict}}, {})
    except Exception:  # it names what only its own scope has
        keys = set(re.findall(r"['\"](\w+)['\"]\s*:|(\w+)\s*=", literal))
        given = {first or second for first, second in keys}
        return all(path[0][0] == "key" and path[0][1] in given for path in reads.required)
    return holds(value, reads)


def _source(document: Document, name: str) -> Source:
    binds = re.compile(rf"\s*((class|def)\s+)?{re.escape(name)}\b")
    line = next((n for n, text in enumerate(document.lines, 1) if binds.match(text)), None)
    return Source("config", document.path, line)


def _import(document: Document) -> ModuleType | None:
    try:
        return importlib.import_module(module_name(document.path))
    except (Exception, SystemExit):  # a file that cannot be imported has no settings to give
        return None
