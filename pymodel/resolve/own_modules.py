"""Keeps what one analysis imports of a workspace from every other analysis in the same process."""

from __future__ import annotations

import importlib.machinery
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType

OF_WORKSPACE = "pymodel workspace"
"""The `loader_state` in the spec of each module that was made for an analysis."""


def spec_of_workspace(name: str, **options: object) -> importlib.machinery.ModuleSpec:
    """A spec whose module belongs to the analysis that imports it."""
    return importlib.machinery.ModuleSpec(name, loader_state=OF_WORKSPACE, **options)  # type: ignore[arg-type]


@contextmanager
def own_modules() -> Iterator[None]:
    """While this lasts, no module is found that was imported for another analysis: its text may be another, and its
    instrumented code speaks of that analysis' places. Afterwards none is left, and an outer analysis has its own again.
    """
    outer, finders = _take_away(), list(sys.meta_path)
    try:
        yield
    finally:
        _take_away()
        sys.modules.update(outer)
        sys.meta_path[:] = finders


def _take_away() -> dict[str, ModuleType]:
    """Remove the modules that were imported for analyses."""
    unknown = [(name, each) for name, each in sys.modules.items() if _others.get(name) is not each]
    found = {name: each for name, each in unknown if _is_of_workspace(each)}
    for name in found:
        del sys.modules[name]
    _others.update((name, each) for name, each in unknown if name not in found)
    return found


_others: dict[str, object] = {}
"""Modules that are of no workspace, by their names: thousands, and each would be looked at for every analysis."""


def _is_of_workspace(module: ModuleType) -> bool:
    # Through `vars`, as attributes of what code puts there may be made when they are asked for.
    spec = vars(module).get("__spec__") if isinstance(module, ModuleType) else None
    return getattr(spec, "loader_state", None) == OF_WORKSPACE
