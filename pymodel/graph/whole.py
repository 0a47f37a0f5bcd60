"""The whole graph at once, each level by its path: what is exported as JSON."""

from __future__ import annotations

from ..schema import Level, Trace
from .level import build_level


def build_levels(trace: Trace) -> tuple[Level, ...]:
    """Every level that can be opened, the whole model first. Of a row of equal blocks, the first stands for all."""
    levels = []
    waiting = [""]
    for path in waiting:
        level = build_level(trace, path)
        levels.append(level)
        waiting.extend(node.id for node in level.nodes if node.children > 0)
    return tuple(levels)
