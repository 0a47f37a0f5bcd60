"""What a monitored script leaves beside its metrics, read while it is still written: `monitor.<rank>.json`."""

from __future__ import annotations

import json
from pathlib import Path

from ..schema import Monitored, dumps, from_json
from .atomic import write_atomically


def monitored_path(folder: Path, rank: int = 0) -> Path:
    return folder / f"monitor.{rank}.json"


def write_monitored(folder: Path, monitored: Monitored, rank: int = 0) -> None:
    """Replace `monitor.<rank>.json` at once.

    Raises:
        OSError: the disk refuses.
    """
    write_atomically(monitored_path(folder, rank), f"{dumps(monitored)}\n".encode(), durable=False)


def read_monitored(folder: Path, rank: int = 0) -> Monitored | None:
    """What is known of the script beside its metrics; None where nothing is, as in runs of other kinds."""
    try:
        return from_json(Monitored, json.loads(monitored_path(folder, rank).read_bytes()))
    except (OSError, ValueError):
        return None
