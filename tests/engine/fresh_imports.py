"""What a test imports through the workspace importer is forgotten after it, as a disposable child forgets it."""

from __future__ import annotations

import sys
from collections.abc import Iterator

import pytest


@pytest.fixture
def fresh_imports() -> Iterator[None]:
    before, finders = set(sys.modules), list(sys.meta_path)
    yield
    sys.meta_path[:] = finders
    for name in set(sys.modules) - before:
        loader = getattr(sys.modules[name].__spec__, "loader", None)
        if loader is None or type(loader).__module__.startswith("pymodel."):
            del sys.modules[name]
