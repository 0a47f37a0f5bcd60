"""Warm workers, one of each kind, for the whole session; and no import of a test outlives it."""

from __future__ import annotations

import sys
from collections.abc import Iterator

import pytest

from .analyst import Analyst


@pytest.fixture(autouse=True)
def fresh_imports() -> Iterator[None]:
    """What a test imports of users' files is forgotten after it, as a disposable child forgets it: many have a
    `model.py`."""
    before, finders = set(sys.modules), list(sys.meta_path)
    yield
    sys.meta_path[:] = finders
    installed = {name.partition(".")[0] for name in before}
    for name in set(sys.modules) - before:
        loader = getattr(getattr(sys.modules[name], "__spec__", None), "loader", None)
        is_made = loader is None and name.partition(".")[0] not in installed
        if is_made or type(loader).__module__.startswith("pymodel."):
            del sys.modules[name]


@pytest.fixture(scope="session")
def zygote() -> Iterator[Analyst]:
    process = Analyst("fork")
    yield process
    process.stop()


@pytest.fixture(scope="session")
def persistent() -> Iterator[Analyst]:
    process = Analyst("persistent")
    yield process
    process.stop()


@pytest.fixture(scope="session", params=["fork", "persistent"])
def analyst(request: pytest.FixtureRequest, zygote: Analyst, persistent: Analyst) -> Analyst:
    """Either kind of worker: one suite for both."""
    return zygote if request.param == "fork" else persistent
