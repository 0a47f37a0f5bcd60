"""Several runs beside each other: what differs between their recipes, and what each of them reached."""

from __future__ import annotations

from typing import Any

from ..schema import Number, Run


def recipe_differences(runs: list[Run]) -> dict[str, list[Any]]:
    """`optimizer.learning_rate: [0.001, 0.01]`: each setting that is not the same in all of them."""
    flat = [_flatten(run.request.get("recipe")) for run in runs]
    names = dict.fromkeys(name for each in flat for name in each)
    rows = {name: [each.get(name) for each in flat] for name in names}
    return {name: row for name, row in rows.items() if any(value != row[0] for value in row)}


def compare_runs(runs: list[Run]) -> dict[str, list[Number | None]]:
    """The best of each metric that was held out, else the last."""
    tables = [{**run.metrics.get("last", {}), **run.metrics.get("best", {})} for run in runs]
    names = dict.fromkeys(name for table in tables for name in table)
    return {name: [table.get(name) for table in tables] for name in sorted(names)}


def _flatten(value: Any, prefix: str = "") -> dict[str, Any]:
    if not isinstance(value, dict):
        return {prefix: value} if prefix else {}
    parts = [_flatten(item, f"{prefix}.{key}" if prefix else str(key)) for key, item in value.items()]
    return {name: item for part in parts for name, item in part.items()}
