"""TensorBoard's event files, of scalars: records of a length, a checksum, a protocol buffer `Event`, a checksum.

Formats: tensorflow/core/lib/io/record_writer.h, tensorflow/core/util/event.proto and framework/summary.proto. Only the
checksum of the length is verified: it tells a torn or foreign file, and a log of a hundred thousand values is read in a
moment all the same.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from pathlib import Path

from .points import Log

FILES = "events.out.tfevents.*"
HEAD = struct.Struct("<QI")
DOUBLE, FLOAT = struct.Struct("<d"), struct.Struct("<f")
MASK_DELTA = 0xA282EAD8
POLYNOMIAL = 0x82F63B78
"""CRC-32C, Castagnoli, reflected."""
Field = tuple[int, int, bytes | int]
"""Number, wire type, value."""


def find(folder: Path) -> list[Path]:
    return sorted(folder.glob(FILES))


def read(paths: Sequence[Path]) -> Log:
    log = Log(max(path.stat().st_mtime for path in paths))
    for path in paths:
        scalars = list(read_scalars(path.read_bytes()))
        if scalars:
            log.forget_from(min(step for _, step, _, _ in scalars))
        for time, step, tag, value in scalars:
            log.add(step, tag, value, time=time)
    return log


def read_scalars(content: bytes) -> Iterator[tuple[float, int, str, float]]:
    """Time, step, tag and value of each scalar. A record that is not whole, or none, ends it."""
    for record in _records(content):
        time, step, summaries = 0.0, 0, []
        for number, wire, value in _fields(record):
            if number == 1 and isinstance(value, bytes) and wire == 1:
                (time,) = DOUBLE.unpack(value)
            elif number == 2 and isinstance(value, int):
                step = value - (1 << 64) if value >> 63 else value
            elif number == 5 and isinstance(value, bytes):
                summaries.append(value)
        for summary in summaries:
            for number, _, value in _fields(summary):
                if number == 1 and isinstance(value, bytes):
                    tag, scalar = _scalar(value)
                    if scalar is not None:
                        yield time, step, tag, scalar


def _scalar(message: bytes) -> tuple[str, float | None]:
    """The tag of a `Summary.Value`, and its number: plain, or as a tensor of one."""
    tag, scalar = "", None
    for number, wire, value in _fields(message):
        if number == 1 and isinstance(value, bytes):
            tag = value.decode("utf-8", "replace")
        elif number == 2 and isinstance(value, bytes) and wire == 5:
            (scalar,) = FLOAT.unpack(value)
        elif number == 8 and isinstance(value, bytes):
            scalar = _of_tensor(value)
    return tag, scalar


def _of_tensor(message: bytes) -> float | None:
    """The one number of a `TensorProto` of float32 or float64."""
    unpack = {1: FLOAT, 2: DOUBLE}
    dtype, found = 0, b""
    for number, _, value in _fields(message):
        if number == 1 and isinstance(value, int):
            dtype = value
        elif number in (4, 5, 6) and isinstance(value, bytes):  # tensor_content, float_val, double_val
            found = value
    reader = unpack.get(dtype)
    return float(reader.unpack(found)[0]) if reader is not None and len(found) == reader.size else None


def _records(content: bytes) -> Iterator[bytes]:
    at = 0
    while at + HEAD.size <= len(content):
        length, checksum = HEAD.unpack_from(content, at)
        end = at + HEAD.size + length
        if checksum != _masked_checksum(content[at : at + 8]) or end + 4 > len(content):
            return
        yield content[at + HEAD.size : end]
        at = end + 4


def _fields(message: bytes) -> Iterator[Field]:
    """The fields of a protocol buffer; what cannot be read ends them."""
    at = 0
    while at < len(message):
        key, at = _varint(message, at)
        wire = key & 7
        if wire == 0:
            whole, at = _varint(message, at)
            yield key >> 3, wire, whole
            continue
        if wire == 2:
            size, at = _varint(message, at)
        else:
            size = {1: 8, 5: 4}.get(wire, len(message) + 1)
        if at + size > len(message):
            return
        yield key >> 3, wire, message[at : at + size]
        at += size


def _varint(message: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while at < len(message):
        byte = message[at]
        at += 1
        value |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            break
    return value, at


def _masked_checksum(data: bytes) -> int:
    checksum = 0xFFFFFFFF
    for byte in data:
        checksum = TABLE[(checksum ^ byte) & 0xFF] ^ (checksum >> 8)
    checksum ^= 0xFFFFFFFF
    return (((checksum >> 15) | (checksum << 17)) + MASK_DELTA) & 0xFFFFFFFF


def _table() -> Iterator[int]:
    for entry in range(256):
        for _ in range(8):
            entry = (entry >> 1) ^ POLYNOMIAL if entry & 1 else entry >> 1
        yield entry


TABLE = tuple(_table())
