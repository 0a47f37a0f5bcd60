"""Constructions from YAML, JSON and TOML files, read with the user's own libraries."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from typing import Any

from ..discover.neighbours import Neighbours
from ..schema import Construction, ModelSite
from .load import Loaded


def filed_constructions(
    site: ModelSite, made: Any, needed: list[inspect.Parameter], loaded: Loaded, neighbours: Neighbours
) -> Iterator[Construction]:
    yield from ()
