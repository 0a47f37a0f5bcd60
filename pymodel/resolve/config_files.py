"""Constructions from YAML, JSON and TOML files, YAML read with the user's own library.

A mapping with `_target_` (Hydra) or `class_path` (Lightning) is the construction itself; one with the names of the
arguments gives them; one that has all that the class reads of its settings is handed over.
"""

from __future__ import annotations

import importlib
import inspect
import json
import re
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from ..discover.files import find_files
from ..discover.neighbours import Neighbours
from ..schema import Construction, ModelSite, Source
from .load import Loaded
from .reads import Reads, find_reads, holds
from .registries import accepts, registered_names
from .usual_values import is_module_argument

SUFFIXES = (".yaml", ".yml", ".json", ".toml")
MAX_FILES = 200
MAX_CHARACTERS = 100_000
TARGETS = ("_target_", "class_path", "type", "name", "arch", "model")
"""Keys under which a mapping names what it is made into."""
HYDRA_KEYS = frozenset(("_target_", "_args_", "_partial_", "_recursive_", "_convert_"))
Keys = tuple[str | int, ...]


def filed_constructions(
    site: ModelSite, made: Any, needed: list[inspect.Parameter], loaded: Loaded, neighbours: Neighbours
) -> Iterator[Construction]:
    """Constructions from the files of settings around a model, nearest file first, exact ones before the others."""
    names = registered_names(site.name, loaded)
    is_settings = len(needed) == 1 and not is_module_argument(needed[0], made)
    reads = find_reads(made, needed[0].name) if is_settings else Reads()
    exact: list[Construction] = []
    given: list[Construction] = []
    for path, text in _texts(neighbours):
        tree = _read(path, text)
        for keys, mapping in _mappings(tree):
            line = _line(text, keys)
            source = Source("config", path, line)
            arguments = _target_arguments(mapping, names)
            if arguments is not None:
                written, imports = _write_arguments(arguments)
                exact.append(Construction(f"{site.name}({written})", imports, source))
            elif needed and accepts(made, needed, set(map(str, mapping))):
                written, imports = _write_arguments(mapping)
                given.append(Construction(f"{site.name}({written})", imports, source))
            elif reads.required and holds(_as_object(mapping, reads), reads):
                prelude, expression = _handed_over(path, keys, mapping, reads)
                given.append(Construction(f"{site.name}({expression})", prelude, source))
    yield from (*exact, *given)


def _texts(neighbours: Neighbours) -> Iterator[tuple[str, str]]:
    for count, path in enumerate(find_files(neighbours.folder, neighbours.path, SUFFIXES)):
        if count >= MAX_FILES:
            return
        try:
            text = neighbours.documents.get(path) or Path(path).read_text(encoding="utf-8", errors="replace")
        except OSError:  # gone since it was listed
            continue
        if len(text) <= MAX_CHARACTERS:
            yield path, text


def _read(path: str, text: str) -> Any:
    """What a file holds, with Hydra's defaults composed and interpolations filled in; None where it cannot be read."""
    try:
        if path.endswith(".json"):
            tree = json.loads(text)
        elif path.endswith(".toml"):
            tree = tomllib.loads(text)
        else:
            tree = importlib.import_module("yaml").safe_load(text)
    except Exception:  # the user's library is not there, or the file is of another kind than its name says
        return None
    if isinstance(tree, dict) and isinstance(tree.get("defaults"), list):
        tree = _compose(path, tree)
    return _interpolate(tree, tree)


def _compose(path: str, tree: dict[str, Any]) -> dict[str, Any]:
    """`defaults: [{model: small}]` as the group's file under its key; what the file itself says comes on top."""
    composed: dict[str, Any] = {}
    for each in tree["defaults"]:
        for group, name in each.items() if isinstance(each, dict) else ():
            folder = str(group).removeprefix("override ").lstrip("/")
            other = Path(path).parent / folder / f"{name}.yaml"
            if other.is_file():
                composed[folder.partition("@")[0]] = _read(str(other), other.read_text(encoding="utf-8"))
    own = {key: value for key, value in tree.items() if key != "defaults"}
    for key, value in own.items():
        old = composed.get(key)
        composed[key] = {**old, **value} if isinstance(old, dict) and isinstance(value, dict) else value
    return composed


def _interpolate(value: Any, root: Any, depth: int = 0) -> Any:
    if isinstance(value, dict):
        return {key: _interpolate(item, root, depth) for key, item in value.items()}
    if isinstance(value, list):
        return [_interpolate(item, root, depth) for item in value]
    match = re.fullmatch(r"\$\{([\w.]+)\}", value) if isinstance(value, str) else None
    if match is None or depth > 5:
        return value
    found = root
    for part in match[1].split("."):
        if not isinstance(found, dict) or part not in found:
            return value
        found = found[part]
    return _interpolate(found, root, depth + 1)


def _mappings(tree: Any, keys: Keys = ()) -> Iterator[tuple[Keys, dict[str, Any]]]:
    """Every mapping of a tree with the keys that lead to it, outer ones first."""
    if isinstance(tree, dict):
        yield keys, tree
        for key, value in tree.items():
            yield from _mappings(value, (*keys, key))
    elif isinstance(tree, list):
        for number, value in enumerate(tree):
            yield from _mappings(value, (*keys, number))


def _target_arguments(mapping: Mapping[str, Any], names: set[str]) -> dict[str, Any] | None:
    """The arguments of a mapping that names the class, or a name that it is registered under."""
    for key in TARGETS:
        target = mapping.get(key)
        if isinstance(target, str) and target.rpartition(".")[2] in names:
            if key == "class_path":
                arguments = mapping.get("init_args", {})
                return dict(arguments) if isinstance(arguments, dict) else None
            for inner in ("params", "kwargs", "args"):
                if isinstance(mapping.get(inner), dict):
                    return dict(mapping[inner])
            return {name: value for name, value in mapping.items() if name != key}
    return None


def _write_arguments(arguments: Mapping[str, Any]) -> tuple[str, tuple[str, ...]]:
    """Arguments as they stand in a call, with the imports that they need."""
    imports: dict[str, None] = {}
    positional = [_write(value, imports) for value in arguments.get("_args_", ())]
    named = [f"{key}={_write(value, imports)}" for key, value in arguments.items() if key not in HYDRA_KEYS]
    return ", ".join((*positional, *named)), tuple(imports)


def _write(value: Any, imports: dict[str, None]) -> str:
    if isinstance(value, dict):
        target = value.get("_target_") or value.get("class_path")
        if isinstance(target, str) and "." in target:
            imports[f"import {target.rpartition('.')[0]}"] = None
            written, more = _write_arguments(value.get("init_args", {}) if "class_path" in value else value)
            imports.update(dict.fromkeys(more))
            if value.get("_partial_"):
                imports["import functools"] = None
                return f"functools.partial({', '.join(filter(None, (target, written)))})"
            return f"{target}({written})"
        return "{" + ", ".join(f"{key!r}: {_write(item, imports)}" for key, item in value.items()) + "}"
    if isinstance(value, list):
        return f"[{', '.join(_write(item, imports) for item in value)}]"
    return repr(value)


def _as_object(mapping: dict[str, Any], reads: Reads) -> Any:
    return _Settings(mapping) if _by_attribute(reads) else mapping


def _by_attribute(reads: Reads) -> bool:
    return any(kind == "attribute" for path in reads.required for kind, _ in path)


class _Settings(dict[str, Any]):
    """A mapping whose entries can be read as attributes."""

    def __getattr__(self, name: str) -> Any:
        if name not in self:
            raise AttributeError(name)
        value = self[name]
        return _Settings(value) if isinstance(value, dict) else value


def _handed_over(path: str, keys: Keys, mapping: dict[str, Any], reads: Reads) -> tuple[tuple[str, ...], str]:
    """The statements that read a file, and the expression of the mapping in it."""
    by_attribute = _by_attribute(reads)
    steps = "".join(f".{key}" if by_attribute and isinstance(key, str) else f"[{key!r}]" for key in keys)
    imports: tuple[str, ...] = ()
    hook = "config = {}"
    if by_attribute:
        hook = "config = json.loads(json.dumps({}), object_hook=lambda entries: SimpleNamespace(**entries))"
        imports = ("import json", "from types import SimpleNamespace")
    if _is_plain(path):
        if path.endswith(".json"):
            return (*imports, "import json", hook.format(f"json.load(open({path!r}))")), f"config{steps}"
        if path.endswith(".toml"):
            return (*imports, "import tomllib", hook.format(f"tomllib.load(open({path!r}, 'rb'))")), f"config{steps}"
        return (*imports, "import yaml", hook.format(f"yaml.safe_load(open({path!r}))")), f"config{steps}"
    return (*imports, hook.format(repr(mapping))), "config"


def _is_plain(path: str) -> bool:
    """Whether a file means what it says: nothing composed, nothing interpolated."""
    text = Path(path).read_text(encoding="utf-8", errors="replace")
    return "${" not in text and not re.search(r"^defaults:", text, re.MULTILINE)


def _line(text: str, keys: Keys) -> int:
    """The line of the last key, as far as plain text tells."""
    last = next((str(key) for key in reversed(keys) if isinstance(key, str)), "")
    pattern = re.compile(rf"^\s*[\[\"']*{re.escape(last)}\b")
    return next((n for n, line in enumerate(text.splitlines(), 1) if last and pattern.match(line)), 1)
