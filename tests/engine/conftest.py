"""Warm workers, one of each kind, for the whole session."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from .analyst import Analyst


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
