"""`extension/src/protocol.ts` says the same as the dataclasses of `pymodel.schema` that cross to the editor."""

from __future__ import annotations

import dataclasses
import inspect
import re
import types
import typing
from pathlib import Path
from typing import Any

import pytest

from pymodel.schema import protocol

ROOT = Path(__file__).resolve().parents[2]
MIRROR = ROOT / "extension/src/protocol.ts"

Fields = dict[str, str]
"""An interface: TypeScript types by field name; `?` at a name's end marks a field that may be left out."""

INTERFACE = re.compile(r"export interface (\w+) \{\n(.*?)\n\}", re.DOTALL)
FIELD = re.compile(r"^  (\w+\??): (.+);$", re.MULTILINE)
ALIAS = re.compile(r"export type (\w+) = (.+);")
METHOD = re.compile(r'^  \w+: "(pymodel/\w+)",$', re.MULTILINE)


def crossing_dataclasses() -> dict[str, type]:
    """The messages of `schema.protocol`, and every dataclass that one of them holds."""
    found: dict[str, type] = {}
    waiting = [cls for _, cls in inspect.getmembers(protocol, dataclasses.is_dataclass)]
    while waiting:
        cls = waiting.pop()
        if not isinstance(cls, type) or cls.__name__ in found:
            continue
        found[cls.__name__] = cls
        for hint in typing.get_type_hints(cls).values():
            waiting.extend(dataclasses_in(hint))
    return found


def dataclasses_in(hint: Any) -> list[type]:
    if isinstance(hint, type) and dataclasses.is_dataclass(hint):
        return [hint]
    return [found for argument in typing.get_args(hint) for found in dataclasses_in(argument)]


def mirror_of(cls: type) -> Fields:
    """What the interface of a dataclass has to look like. Only what the client sends may leave out a default."""
    hints = typing.get_type_hints(cls)
    sent_by_client = cls.__name__.endswith("Params")
    fields = {}
    for field in dataclasses.fields(cls):
        has_default = field.default is not dataclasses.MISSING or field.default_factory is not dataclasses.MISSING
        name = field.name.rstrip("_") + ("?" if sent_by_client and has_default else "")
        fields[name] = typescript(hints[field.name])
    return fields


def typescript(hint: Any) -> str:
    plain = {str: "string", int: "number", float: "number", bool: "boolean", type(None): "null", object: "unknown"}
    if hint in plain:
        return plain[hint]
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin in (typing.Union, types.UnionType):
        return union(typescript(argument) for argument in arguments)
    if origin is typing.Literal:
        return union(f'"{argument}"' for argument in arguments)
    if origin is tuple:
        item = typescript(arguments[0])
        return f"readonly ({item})[]" if " " in item else f"readonly {item}[]"
    if origin is dict:
        return f"Record<string, {typescript(arguments[1])}>"
    if dataclasses.is_dataclass(hint):
        return typing.cast("type", hint).__name__
    raise NotImplementedError(f"{hint} has no form in TypeScript here")


def union(parts: typing.Iterable[str]) -> str:
    return " | ".join(sorted(set(parts)))


def read_interfaces(text: str) -> dict[str, Fields]:
    aliases = dict(ALIAS.findall(text))
    return {
        name: {field: canonical(kind, aliases) for field, kind in FIELD.findall(body)}
        for name, body in INTERFACE.findall(text)
    }


def canonical(kind: str, aliases: dict[str, str]) -> str:
    """Aliases filled in and unions sorted, so that the same type is the same text."""
    record = re.fullmatch(r"Record<string, (.+)>", kind)
    if record:
        return f"Record<string, {canonical(record[1], aliases)}>"
    parts = kind.split(" | ")
    if len(parts) > 1:
        return union(part for each in parts for part in canonical(each, aliases).split(" | "))
    array = re.fullmatch(r"readonly (\w+)\[\]", kind)
    if array:
        item = canonical(array[1], aliases)
        return f"readonly ({item})[]" if " " in item else f"readonly {item}[]"
    return canonical(aliases[kind], aliases) if kind in aliases else kind


def differences(text: str) -> list[str]:
    """In words, every way in which the mirror is not the schema. Empty if it is."""
    expected = {name: mirror_of(cls) for name, cls in crossing_dataclasses().items()}
    actual = read_interfaces(text)
    found = [f"{name} is not in the mirror" for name in expected.keys() - actual.keys()]
    found += [f"{name} is not in the schema" for name in actual.keys() - expected.keys()]
    for name in expected.keys() & actual.keys():
        for field in expected[name].keys() | actual[name].keys():
            wanted, given = expected[name].get(field), actual[name].get(field)
            if wanted != given:
                found.append(f"{name}.{field}: the schema says {wanted}, the mirror {given}")
    return sorted(found)


def test_mirror_is_the_schema() -> None:
    assert differences(MIRROR.read_text(encoding="utf-8")) == []


def test_every_method_of_the_schema_is_named() -> None:
    documented = set(re.findall(r"`(pymodel/\w+)`", inspect.getsource(protocol)))
    named = set(METHOD.findall(MIRROR.read_text(encoding="utf-8")))
    assert documented
    assert documented <= named


@pytest.mark.parametrize(
    ("old", "new", "difference"),
    [
        ("  next: number;", "", "RunMetricsResult.next"),
        ("  next: number;", "  next: string;", "RunMetricsResult.next"),
        ("  next: number;", "  next?: number;", "RunMetricsResult.next"),
        ("  from: string;", "  from_: string;", "Edge.from"),
        ('  kind: "train" | "export" | "explain"', '  kind: "train" | "exports" | "explain"', "Run.kind"),
        ("  message: string | null;", "  message: string;", "GraphResult.message"),
        ("export type Dim = number | string;", "export type Dim = number;", "Node.inputs"),
        ("export interface Crumb", "export interface Crumbs", "Crumb is not in the mirror"),
    ],
)
def test_a_changed_mirror_is_noticed(old: str, new: str, difference: str) -> None:
    text = MIRROR.read_text(encoding="utf-8")
    assert old in text
    assert any(difference in found for found in differences(text.replace(old, new)))
