"""Files that are there whole or not at all, whatever kills the process: written beside, flushed to disk, renamed."""

from __future__ import annotations

import contextlib
import os
import secrets
from collections.abc import Iterator
from pathlib import Path


def write_atomically(path: Path, content: bytes, *, durable: bool = True) -> None:
    """Replace the file at `path`. A reader sees the old content or the new, never a part."""
    with replacing(path, durable=durable) as temporary:
        temporary.write_bytes(content)


@contextlib.contextmanager
def replacing(path: Path, *, durable: bool = True) -> Iterator[Path]:
    """Give a temporary path beside `path`; what was written there takes its place at the end, unless an error did.

    Serves files and folders; a folder must not be there yet. `durable`: it outlives a power cut, too.
    """
    temporary = path.with_name(f".{path.stem}.{os.getpid()}.{secrets.token_hex(4)}.tmp{path.suffix}")
    try:
        yield temporary
        if durable:
            for each in temporary.rglob("*") if temporary.is_dir() else ():
                sync(each)
            sync(temporary)
        temporary.replace(path)
    except BaseException:
        _remove(temporary)
        raise
    if durable:
        sync(path.parent)


def sync(path: Path) -> None:
    """Flush a file or a folder to the disk. Windows flushes no folders, and needs a file opened for writing."""
    if os.name == "nt" and path.is_dir():
        return
    descriptor = os.open(path, os.O_RDWR if os.name == "nt" else os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        for child in path.iterdir():
            _remove(child)
        path.rmdir()
    else:
        path.unlink(missing_ok=True)
