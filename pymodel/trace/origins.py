"""Where each size of a tensor was decided: followed along the operations of a run, axis by axis.

A size that an operation hands on keeps its origin; one that it makes comes from a number that the code gave it, in its
own arguments or in those of the layer it runs in, or else from the operation itself. Where two numbers could be meant,
none is named.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from ..schema import Dim, Dims, Input, Operation, Origin, Position, SizesAt
from .definitions import Argument, Definitions
from .instrument import Site
from .recorder import IntSeen, TensorSeen
from .values import Event

SIZE_ARGUMENT = re.compile(r"feature|channel|size$|dim|embed|model|shape|normalized|feedforward|hidden|width|units")
NOT_A_SIZE = re.compile(r"kernel|stride|padding|dilation|group|batch")
Axes = tuple[Origin | None, ...]


def find_origins(
    operations: Sequence[Operation],
    inputs: Sequence[Input],
    events: Sequence[Event],
    sites: Sequence[Site],
    arguments: Mapping[str, Sequence[Argument]],
    definitions: Definitions,
) -> tuple[SizesAt, ...]:
    """The origins of the sizes of each tensor that the run's `events` tell of, by the place that held it first.

    `arguments` are, by module path, those that the code gave to torch's own layers.
    """
    flow = _Flow(operations, _numbers_by_line(events, sites), arguments, definitions)
    flow.follow({f"input:{each.name}": each for each in inputs})
    found: dict[tuple[str, Position, Position], SizesAt] = {}
    for index, seen in events:
        if isinstance(seen, TensorSeen) and any(flow.axes.get(seen.id, ())):
            site = sites[index]
            place = site.path, site.start, site.end
            if place not in found:
                found[place] = SizesAt(*place, flow.axes[seen.id])
    return tuple(found.values())


def _numbers_by_line(events: Sequence[Event], sites: Sequence[Site]) -> dict[tuple[str, int], dict[int, int]]:
    """By file and line, the number that each site held; of one that held several, none."""
    values: dict[int, set[int]] = defaultdict(set)
    for index, seen in events:
        if isinstance(seen, IntSeen) and not seen.assumed:
            values[index].add(seen.value)
    found: dict[tuple[str, int], dict[int, int]] = defaultdict(dict)
    for index, held in values.items():
        if len(held) == 1:
            found[sites[index].path, sites[index].start.line][index] = next(iter(held))
    return found


@dataclass
class _Flow:
    operations: Sequence[Operation]
    numbers: Mapping[tuple[str, int], dict[int, int]]
    arguments: Mapping[str, Sequence[Argument]]
    definitions: Definitions
    axes: dict[str, Axes] = field(default_factory=dict)
    dims: dict[str, Dims] = field(default_factory=dict)
    calls: dict[str, Operation] = field(default_factory=dict)
    """Calls of modules, by id."""

    def follow(self, inputs: Mapping[str, Input]) -> None:
        for operation in self.operations:
            if operation.kind == "module":
                self.calls[operation.id] = operation
            for tensor in operation.outputs:
                if operation.kind == "input":
                    given = inputs.get(operation.id)
                    origin = Origin(f"input {operation.name}", *_source_of(given))
                    self._keep(tensor.id, tensor.dims, tuple(origin for _ in tensor.dims))
                elif operation.kind == "op" and tensor.id not in self.axes:
                    self._keep(tensor.id, tensor.dims, self._axes(operation, tensor.dims))

    def _keep(self, tensor: str, dims: Dims, axes: Axes) -> None:
        self.dims[tensor], self.axes[tensor] = dims, axes

    def _axes(self, operation: Operation, dims: Dims) -> Axes:
        given = [(self.dims[name], self.axes[name]) for name in operation.inputs if name in self.dims]
        handed = [
            next((axes[n] for other, axes in given if len(other) == len(dims) and other[n] == dim and axes[n]), None)
            for n, dim in enumerate(dims)
        ]
        made = [dim for dim, origin in zip(dims, handed, strict=True) if origin is None]
        return tuple(
            origin or self._origin(operation, dim, given, is_only=made.count(dim) == 1)
            for dim, origin in zip(dims, handed, strict=True)
        )

    def _origin(
        self, operation: Operation, dim: Dim, given: Sequence[tuple[Dims, Axes]], *, is_only: bool
    ) -> Origin | None:
        if dim == 1:
            return None  # kept dimensions and unsqueezed ones: nobody asks for them
        if isinstance(dim, int) and is_only:
            stated = self._stated(operation, dim)
            if stated is not None:
                return stated
        moved = {axes[n] for dims, axes in given for n, other in enumerate(dims) if other == dim and axes[n]}
        if moved:
            return moved.pop() if len(moved) == 1 else None
        if operation.path is None or operation.start is None:
            return None
        layer = self._layer(operation)
        return Origin(f"made by {layer.id.partition('@')[0] if layer else operation.name}", *_at(operation))

    def _stated(self, operation: Operation, size: int) -> Origin | None:
        """A number of this size that the code gave to the operation, or to the layer that it runs in."""
        layer = self._layer(operation)
        if layer is not None:
            path = layer.id.partition("@")[0]
            given = [
                each
                for each in self.arguments[path]
                if each.value == size and SIZE_ARGUMENT.search(each.name) and not NOT_A_SIZE.search(each.name)
            ]
            named = {self.definitions.of_argument(each, path) for each in given}
            return named.pop() if len(named) == 1 else None
        if operation.path is None or operation.start is None or operation.end is None:
            return None
        found = set()
        for line in range(operation.start.line, operation.end.line + 1):
            for index, value in self.numbers.get((operation.path, line), {}).items():
                site = self.definitions.sites[index]
                if value == size and operation.start <= site.start and site.end <= operation.end:
                    found.add(self.definitions.of_site(index))
        return found.pop() if len(found) == 1 else None

    def _layer(self, operation: Operation) -> Operation | None:
        """The outermost call around an operation of a layer of torch's own, made by the code."""
        layer, parent = None, operation.parent
        while parent in self.calls:
            call = self.calls[parent]
            if call.id.partition("@")[0] in self.arguments:
                layer = call
            parent = call.parent
        return layer


def _source_of(given: Input | None) -> tuple[str | None, int | None]:
    return (given.source.path, given.source.line) if given is not None else (None, None)


def _at(operation: Operation) -> tuple[str | None, int | None]:
    return operation.path, operation.start.line if operation.start else None
