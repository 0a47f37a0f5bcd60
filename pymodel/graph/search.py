"""Finds nodes of the whole graph by what a person may remember: an operation, a path, a shape, a parameter's name."""

from __future__ import annotations

import re

from ..schema import Dims, Hit, Operation, Trace, join_dims
from .hierarchy import ROOT, Hierarchy, hierarchy_of, module_path

MOST_HITS = 50
_BETWEEN_DIMS = re.compile(r"[×x*,]")


def find_hits(trace: Trace, query: str, limit: int = MOST_HITS) -> tuple[Hit, ...]:
    """The nodes that every word of `query` fits, the nearest first, else in the order executed.

    A word fits a type, a name, a path or the name of a parameter that holds it; a number or a product (`768`,
    `B×768`) fits a shape that has it; a number alone also a part of a path.
    """
    words = query.lower().split()
    if not words:
        return ()
    hierarchy = hierarchy_of(trace)
    ranked = []
    for i in range(len(hierarchy.operations)):
        if _is_drawn(hierarchy, i):
            fits = [_fit(hierarchy, i, word) for word in words]
            if all(fit is not None for fit in fits):
                ranked.append((min(fit[0] for fit in fits if fit), i, [fit[1] for fit in fits if fit and fit[1]]))
    ranked.sort(key=lambda each: each[:2])
    return tuple(_hit(hierarchy, i, details) for _, i, details in ranked[:limit])


def _hit(hierarchy: Hierarchy, i: int, details: list[str]) -> Hit:
    operation, parent = hierarchy.operations[i], hierarchy.parents[i]
    level = "" if parent == ROOT else hierarchy.operations[parent].id
    detail = ", ".join(details) or _show(operation.outputs[0].dims if operation.outputs else None)
    return Hit(level, operation.id, module_path(operation) or operation.id, operation.type.rpartition(".")[2], detail)


def _is_drawn(hierarchy: Hierarchy, i: int) -> bool:
    """What a library's leaf module runs is no node of its own, nor are the model's inputs worth finding."""
    if hierarchy.operations[i].kind not in ("module", "op"):
        return False
    parent = hierarchy.parents[i]
    return parent == ROOT or hierarchy.visible_children(parent) > 0


def _fit(hierarchy: Hierarchy, i: int, word: str) -> tuple[int, str] | None:
    """How near a word is (0 the nearest), and what of the node it fits, where that is not seen by itself."""
    operation = hierarchy.operations[i]
    path = module_path(operation)
    module = hierarchy.modules.get(path) if path is not None else None
    names = [(path or operation.id).lower(), operation.name.lower(), operation.type.rpartition(".")[2].lower()]
    is_size = all(part.isdigit() or len(part) == 1 for part in _BETWEEN_DIMS.split(word))
    if word in names or (is_size and word in names[0].split(".")):
        return 0, ""
    for weight in module.weights if module else ():
        whole = f"{path}.{weight.name}".lower() if path else weight.name
        if whole.endswith(word) and (whole == word or weight.name.lower() == word or "." in word):
            return 0, f"{weight.name} {_show(weight.dims)}"
        if is_size and _has_sizes(weight.dims, word):
            return 2, f"{weight.name} {_show(weight.dims)}"
    for dims in _shapes(hierarchy, operation):
        if is_size and _has_sizes(dims, word):
            return 2, _show(dims)
    if is_size:
        return None
    return (1, "") if any(word in name for name in names) else None


def _shapes(hierarchy: Hierarchy, operation: Operation) -> list[Dims]:
    entering = (hierarchy.tensors[name].dims for name in operation.inputs if name in hierarchy.tensors)
    return [*(tensor.dims for tensor in operation.outputs), *entering]


def _has_sizes(dims: Dims, word: str) -> bool:
    """Whether the sizes of a word stand side by side in a shape."""
    wanted = [part for part in _BETWEEN_DIMS.split(word) if part]
    given = [str(dim).lower() for dim in dims]
    return any(given[at : at + len(wanted)] == wanted for at in range(len(given) - len(wanted) + 1))


def _show(dims: Dims | None) -> str:
    return join_dims(dims) if dims else ""
