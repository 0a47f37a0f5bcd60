"""What a weight file is, and whether its structure is sound: looked at before any of its content is loaded."""

from __future__ import annotations

import stat
import zipfile
from pathlib import Path
from typing import Literal

from ..schema import PyModelError

MOST_COMPRESSED = 100
"""How many times smaller a record may be than what it unpacks to. torch compresses none."""
MOST_UNPACKED = 2
"""How many times the file's own size all of its records may unpack to."""
MOST_RECORDS = 200_000
MOST_PICKLED = 256 << 20
"""Bytes of a zip's `data.pkl`, which holds names and sizes; the tensors lie in records of their own."""

AGAIN = "Save or download it again."

Kind = Literal["zip", "pickle", "safetensors"]


class WeightsNotReadable(PyModelError):
    """A file is no weights, is damaged, or would do more than be read."""


def find_kind(path: Path) -> Kind:
    """What the file at `path` is by its first bytes.

    Raises:
        WeightsNotReadable: it is no file of weights.
    """
    try:
        found = path.stat()
        if not stat.S_ISREG(found.st_mode):
            what = "folder" if stat.S_ISDIR(found.st_mode) else "device or pipe"
            raise _refusal(path, f"This is a {what}, not a file of weights.", "Name the file itself.")
        with path.open("rb") as file:
            start = file.read(64)
    except OSError as error:
        words = f"This file cannot be opened: {error.strerror or error}."
        raise _refusal(path, words, "Check the path and its permissions.") from error
    if not start:
        raise _refusal(path, "This file is empty.", "It was not written to its end: save or download it again.")
    if start.startswith(b"PK\x03\x04"):
        return "zip"
    if start[8:9] == b"{":
        return "safetensors"
    if start[:1] == b"\x80" and start[1] in range(2, 6):
        return "pickle"
    if start.startswith(b"version https://git-lfs"):
        raise _refusal(path, "This is only Git LFS's pointer to a file.", "Run `git lfs pull` to download the file.")
    if start.lstrip().lower().startswith((b"<!doctype", b"<html", b"<?xml")):
        words = "This is a web page, not weights."
        raise _refusal(path, words, "The download went wrong: fetch the file itself.")
    raise _refusal(
        path,
        "This is neither a file of `torch.save` nor safetensors.",
        "Save weights with `torch.save(model.state_dict(), path)`.",
    )


def check_zip(path: Path) -> None:
    """Whether a zip is weights of `torch.save`, whole, and no larger when unpacked than it looks.

    Raises:
        WeightsNotReadable: it is not.
    """
    _check_records(path, check_archive(path))


def check_archive(path: Path) -> dict[str, int]:
    """Whether a zip is whole, stays in its folder, and is no larger when unpacked than it looks. Gives its records'
    sizes.

    Raises:
        WeightsNotReadable: it is not.
    """
    size = path.stat().st_size
    try:
        with zipfile.ZipFile(path) as archive:
            records = archive.infolist()
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError, UnicodeDecodeError) as error:
        raise _refusal(path, f"This file is damaged or cut off: {error}.", AGAIN) from error
    if len(records) > MOST_RECORDS:
        raise _refusal(path, f"This file has {len(records)} records, more than any model.", "Do not use it.")
    for record in records:
        if record.filename.startswith(("/", "\\")) or ".." in Path(record.filename.replace("\\", "/")).parts:
            raise _refusal(path, f"A record of this file is called `{record.filename}`.", "Do not use it: it may harm.")
        if record.file_size > MOST_COMPRESSED * max(record.compress_size, 1):
            words = f"A record of this file unpacks from {record.compress_size} bytes to {record.file_size}."
            raise _refusal(path, words, "Do not use it: torch never packs so, and it would fill the memory.")
    unpacked = sum(record.file_size for record in records)
    if unpacked > MOST_UNPACKED * size:
        words = f"This file of {size} bytes unpacks to {unpacked}."
        raise _refusal(path, words, "Do not use it: torch never packs so, and it would fill the memory.")
    return {record.filename: record.file_size for record in records}


def _check_records(path: Path, sizes: dict[str, int]) -> None:
    names = {name.partition("/")[2]: size for name, size in sizes.items()}
    if "constants.pkl" in names or any(name.startswith("code/") for name in names):
        advice = "Save the weights alone: `torch.save(model.state_dict(), path)`."
        raise _refusal(path, "This is a TorchScript program, not weights.", advice)
    if any(name.startswith("models/") for name in names):
        advice = "Load it with `torch.export.load` and save `program.state_dict`."
        raise _refusal(path, "This is an ExportedProgram (.pt2), not weights.", advice)
    if "data.pkl" not in names:
        raise _refusal(path, "This zip holds no weights: it has no `data.pkl`.", AGAIN)
    if names["data.pkl"] > MOST_PICKLED:
        raise _refusal(path, f"The index of this file has {names['data.pkl']} bytes.", "Do not use it.")


def _refusal(path: Path, words: str, advice: str) -> WeightsNotReadable:
    return WeightsNotReadable(words, path=str(path), advice=advice)
