"""Dataclasses to JSON and back, and the frames that carry JSON over a pipe. Stdlib only.

JSON keys are the field names; a trailing underscore, which keeps a field off Python's keywords, is dropped.
"""

from __future__ import annotations

import dataclasses
import functools
import json
import types
import typing
from typing import IO, Any, TypeVar

T = TypeVar("T")

LENGTH_BYTES = 4
MAX_FRAME = 1 << 30


class MalformedMessage(ValueError):
    """A message does not fit the dataclass it was read as; the text names the field."""


def to_json(value: Any) -> Any:
    """The JSON form of a dataclass, recursively. Tuples become lists."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name.rstrip("_"): to_json(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if isinstance(value, (list, tuple)):
        return [to_json(item) for item in value]
    if isinstance(value, dict):
        return {str(key): to_json(item) for key, item in value.items()}
    return value


def from_json(cls: type[T], data: Any) -> T:
    """Build `cls` from JSON. Unknown keys are ignored, missing ones take the field's default.

    Raises:
        MalformedMessage: a required key is missing or a value has the wrong type.
    """
    return typing.cast("T", _decode(cls, data, cls.__name__))


@functools.cache
def _field_types(cls: type) -> dict[str, Any]:
    return typing.get_type_hints(cls)


def _decode(kind: Any, data: Any, where: str) -> Any:
    if kind is Any or kind is object:
        return data
    origin = typing.get_origin(kind)
    if origin is None and dataclasses.is_dataclass(kind):
        return _decode_dataclass(typing.cast("type", kind), data, where)
    if origin in (typing.Union, types.UnionType):
        return _decode_union(typing.get_args(kind), data, where)
    if origin is typing.Literal:
        if data not in typing.get_args(kind):
            raise MalformedMessage(f"{where}: {data!r} is none of {typing.get_args(kind)}")
        return data
    if origin is tuple:
        if not isinstance(data, (list, tuple)):
            raise MalformedMessage(f"{where}: expected a list, got {type(data).__name__}")
        item = typing.get_args(kind)[0]
        return tuple(_decode(item, each, f"{where}[{i}]") for i, each in enumerate(data))
    if origin is dict:
        if not isinstance(data, dict):
            raise MalformedMessage(f"{where}: expected an object, got {type(data).__name__}")
        item = typing.get_args(kind)[1]
        return {key: _decode(item, each, f"{where}.{key}") for key, each in data.items()}
    if kind is float and isinstance(data, int) and not isinstance(data, bool):
        return float(data)
    if not isinstance(data, kind) or (kind is int and isinstance(data, bool)):
        raise MalformedMessage(f"{where}: expected {getattr(kind, '__name__', kind)}, got {type(data).__name__}")
    return data


def _decode_dataclass(cls: type, data: Any, where: str) -> Any:
    if not isinstance(data, dict):
        raise MalformedMessage(f"{where}: expected an object, got {type(data).__name__}")
    hints = _field_types(cls)
    arguments = {}
    for field in dataclasses.fields(cls):
        key = field.name.rstrip("_")
        if key in data:
            arguments[field.name] = _decode(hints[field.name], data[key], f"{where}.{key}")
    try:
        return cls(**arguments)
    except TypeError as error:
        raise MalformedMessage(f"{where}: {error}") from None


def _decode_union(kinds: tuple[Any, ...], data: Any, where: str) -> Any:
    if data is None and type(None) in kinds:
        return None
    problems = []
    for kind in kinds:
        if kind is type(None):
            continue
        try:
            return _decode(kind, data, where)
        except MalformedMessage as error:
            problems.append(str(error))
    raise MalformedMessage("; ".join(problems) or f"{where}: unexpected null")


def dumps(value: Any) -> str:
    """JSON text of a dataclass or of JSON data. Raises ValueError on NaN and infinities, which JSON does not have."""
    return ENCODER.encode(value)


def _fields_of(value: Any) -> dict[str, Any]:
    """One dataclass's own level, for the encoder in C to go on with: a quarter of the time of `to_json`."""
    if not dataclasses.is_dataclass(value) or isinstance(value, type):
        raise TypeError(f"{type(value).__name__} is no JSON")
    return {key: getattr(value, name) for name, key in _keys_of(type(value))}


@functools.cache
def _keys_of(cls: type) -> tuple[tuple[str, str], ...]:
    return tuple((field.name, field.name.rstrip("_")) for field in dataclasses.fields(cls))


ENCODER = json.JSONEncoder(ensure_ascii=False, allow_nan=False, default=_fields_of, separators=(",", ":"))


def encode_frame(message: Any) -> bytes:
    """One frame: a 4-byte big-endian length, then that many bytes of UTF-8 JSON."""
    body = dumps(message).encode("utf-8", "surrogatepass")
    return len(body).to_bytes(LENGTH_BYTES, "big") + body


def read_frame(stream: IO[bytes]) -> Any | None:
    """The next frame's JSON, or None at the end of the stream. A torn last frame counts as the end."""
    header = stream.read(LENGTH_BYTES)
    if len(header) < LENGTH_BYTES:
        return None
    length = int.from_bytes(header, "big")
    if length > MAX_FRAME:
        raise MalformedMessage(f"a frame of {length} bytes is over the limit of {MAX_FRAME}")
    body = stream.read(length)
    return json.loads(body.decode("utf-8", "surrogatepass")) if len(body) == length else None
