"""Which operation of a trace ran inside which, and which operation of a level stands for one deep inside.

Pure text: it reads a Trace and knows nothing of torch.
"""

from __future__ import annotations

import re
from collections import defaultdict, deque
from functools import cached_property
from typing import TYPE_CHECKING

from ..schema import ModuleSummary, Operation, Tensor, Trace

if TYPE_CHECKING:
    from .folding import Drawing

ROOT = -1
"""The parent of what ran in the root's own forward."""

_NTH_CALL = re.compile(r"@\d+$")


class Hierarchy:
    """Operations by index, in the order executed. A call of a module comes before what ran inside it."""

    def __init__(self, trace: Trace) -> None:
        self.trace = trace
        self.operations = trace.operations
        self.index = {operation.id: i for i, operation in enumerate(trace.operations)}
        self.drawings: dict[str, Drawing] = {}
        """The levels that were drawn, by their paths: a trace does not change."""
        self.parents = [self.index.get(operation.parent, ROOT) for operation in trace.operations]
        """For each operation the index of the module call it ran in, or ROOT."""

    @cached_property
    def children(self) -> dict[int, list[int]]:
        """The operations that ran directly in a module call, in the order executed."""
        children: dict[int, list[int]] = defaultdict(list)
        for i, parent in enumerate(self.parents):
            children[parent].append(i)
        return dict(children)

    @cached_property
    def modules(self) -> dict[str, ModuleSummary]:
        return {module.path: module for module in self.trace.modules}

    @cached_property
    def tensors(self) -> dict[str, Tensor]:
        """Every tensor that some operation made. Parameters and constants are not among them."""
        return {tensor.id: tensor for operation in self.operations for tensor in operation.outputs}

    @cached_property
    def lines(self) -> dict[tuple[str, int], list[int]]:
        """The operations that stand on a line of a file, in the order executed."""
        lines: dict[tuple[str, int], list[int]] = defaultdict(list)
        for i, operation in enumerate(self.operations):
            if operation.path is not None and operation.start is not None and operation.end is not None:
                for line in range(operation.start.line, operation.end.line + 1):
                    lines[operation.path, line].append(i)
        return dict(lines)

    def within(self, i: int) -> list[int]:
        """The operation and all that ran inside it, however deep."""
        found = [i]
        for each in found:
            found.extend(self.children.get(each, ()))
        return found

    def representative(self, i: int, opened: int) -> int | None:
        """The operation directly in `opened` that is, or encloses, operation `i`."""
        while i != ROOT and self.parents[i] != opened:
            i = self.parents[i]
        return None if i == ROOT else i

    def ancestors(self, i: int) -> list[int]:
        """The module calls around an operation, outermost first, itself the last."""
        chain = []
        while i != ROOT:
            chain.append(i)
            i = self.parents[i]
        return chain[::-1]

    def name(self, i: int) -> str:
        """What an operation is called in its level; of a submodule the path from there: `layers.0`, not `0`."""
        path, opened = module_path(self.operations[i]), self.parents[i]
        above = "" if opened == ROOT else f"{module_path(self.operations[opened])}."
        return path.removeprefix(above) if path and path.startswith(above) else self.operations[i].name

    def visible_children(self, i: int) -> int:
        """How many operations one level down are worth showing.

        None for a library's leaf module: what it runs stands where it was called itself (`Conv2d` calls `conv2d`).
        """
        children = self.children.get(i, [])
        called_at = [_place(self.operations[each]) for each in self.ancestors(i)]
        own_steps = (
            self.operations[child].kind == "module" or _place(self.operations[child]) not in called_at
            for child in children
        )
        return len(children) if any(own_steps) else 0


def module_path(operation: Operation) -> str | None:
    """The path of the submodule that a call is of: its id without the number that tells further calls apart."""
    return _NTH_CALL.sub("", operation.id) if operation.kind == "module" else None


def _place(operation: Operation) -> tuple[object, ...]:
    return operation.path, operation.start, operation.end


def hierarchy_of(trace: Trace) -> Hierarchy:
    """The hierarchy of a trace. A trace is asked for many levels and places, one after the other: the last few stay."""
    for known in _RECENT:
        if known.trace is trace:
            return known
    made = Hierarchy(trace)
    _RECENT.append(made)
    return made


_RECENT: deque[Hierarchy] = deque(maxlen=4)
