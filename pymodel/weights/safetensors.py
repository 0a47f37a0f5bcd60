"""safetensors, read by its own layout: https://huggingface.co/docs/safetensors (format).

Eight bytes of length, a JSON header of names, dtypes, shapes and places, then the tensors' bytes. No package is needed.
"""

from __future__ import annotations

import json
import math
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import torch

from .structure import WeightsNotReadable

MOST_HEADER = 100 << 20
"""The format's own limit, in bytes."""

DTYPES: dict[str, torch.dtype] = {
    name: getattr(torch, attribute)
    for name, attribute in {
        "F64": "float64",
        "F32": "float32",
        "F16": "float16",
        "BF16": "bfloat16",
        "F8_E4M3": "float8_e4m3fn",
        "F8_E5M2": "float8_e5m2",
        "F8_E8M0": "float8_e8m0fnu",
        "C64": "complex64",
        "C128": "complex128",
        "I64": "int64",
        "I32": "int32",
        "I16": "int16",
        "I8": "int8",
        "U64": "uint64",
        "U32": "uint32",
        "U16": "uint16",
        "U8": "uint8",
        "BOOL": "bool",
    }.items()
    if hasattr(torch, attribute)
}
"""By the format's names. C128 is ours alone: the format has none, and the copies of pickles need it."""
NAMES = {dtype: name for name, dtype in DTYPES.items()}


@dataclass(frozen=True)
class TensorPlace:
    """One tensor in a file: what it is, and where its bytes lie, from the file's start."""

    dtype: torch.dtype
    shape: tuple[int, ...]
    start: int
    bytes: int


def read_header(file: BinaryIO, path: Path, size: int) -> tuple[dict[str, TensorPlace], dict[str, str]]:
    """Where each tensor lies, and the file's metadata. Reads the header alone.

    Raises:
        WeightsNotReadable: the header is damaged, or points to places that are not there.
    """
    try:
        (length,) = struct.unpack("<Q", file.read(8))
    except struct.error:
        raise _damaged(path, "it ends within its first 8 bytes") from None
    if length > MOST_HEADER:
        raise _damaged(path, f"its header would have {length} bytes")
    if length > size - 8:
        raise _damaged(path, f"its header would have {length} bytes, and the file has {size}")
    try:
        header = json.loads(file.read(length))
    except (ValueError, RecursionError) as error:
        raise _damaged(path, f"its header is no JSON ({type(error).__name__})") from error
    if not isinstance(header, dict):
        raise _damaged(path, "its header is no JSON object")
    metadata = header.pop("__metadata__", {})
    if not isinstance(metadata, dict):
        raise _damaged(path, "its metadata is no JSON object")
    data = 8 + length
    places = {name: _read_place(path, name, entry, data, size) for name, entry in header.items()}
    _check_overlaps(path, places)
    return places, {str(key): str(value) for key, value in metadata.items()}


def _read_place(path: Path, name: str, entry: Any, data: int, size: int) -> TensorPlace:
    try:
        dtype, shape, (begin, end) = DTYPES[entry["dtype"]], tuple(entry["shape"]), entry["data_offsets"]
        numbers = (begin, end, *shape)
    except (TypeError, ValueError, KeyError) as error:
        raise _damaged(path, f"`{name[:80]}` is described by {str(entry)[:80]}") from error
    if not all(type(each) is int and each >= 0 for each in numbers):
        raise _damaged(path, f"`{name[:80]}` has sizes or places that are no counts")
    if end - begin != math.prod(shape) * dtype.itemsize:
        raise _damaged(path, f"`{name[:80]}` has {end - begin} bytes, but {shape} of {entry['dtype']} needs others")
    if data + end > size:
        raise _damaged(path, f"`{name[:80]}` would end at byte {data + end}, and the file has {size}")
    return TensorPlace(dtype, shape, data + begin, end - begin)


def _check_overlaps(path: Path, places: Mapping[str, TensorPlace]) -> None:
    """Two tensors may share all of their bytes, as tied weights do, but not a part of them."""
    reached, last = 0, None
    for name, place in sorted(places.items(), key=lambda each: (each[1].start, each[1].bytes)):
        if place.bytes and place.start < reached and (last is None or (place.start, place.bytes) != last):
            raise _damaged(path, f"`{name[:80]}` lies over another tensor")
        reached, last = max(reached, place.start + place.bytes), (place.start, place.bytes)


def write_header(tensors: Mapping[str, tuple[torch.dtype, tuple[int, ...], int]], metadata: Mapping[str, str]) -> bytes:
    """The start of a file, for tensors given by dtype, shape and where each begins behind the header.

    Raises:
        KeyError: the format has no such dtype.
    """
    header: dict[str, Any] = {"__metadata__": dict(metadata)} if metadata else {}
    for name, (dtype, shape, begin) in tensors.items():
        end = begin + math.prod(shape) * dtype.itemsize
        header[name] = {"dtype": NAMES[dtype], "shape": list(shape), "data_offsets": [begin, end]}
    text = json.dumps(header, ensure_ascii=False, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    return struct.pack("<Q", len(text)) + text


def _damaged(path: Path, words: str) -> WeightsNotReadable:
    advice = "Save or download it again."
    return WeightsNotReadable(f"This safetensors file is damaged: {words}.", path=str(path), advice=advice)
