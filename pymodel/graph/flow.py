"""What flows between the operations of one level: its nodes and edges, with the level's own inputs and outputs.

A tensor made deep inside a child leaves the child here, one that is used deep inside enters it, whether or not it went
through the child's arguments. Parameters and constants, which no operation made, are not drawn.
"""

from __future__ import annotations

from dataclasses import dataclass

from ..schema import Dims, Edge, Location, Node, Operation, Tensor
from .faults import explain_fault
from .hierarchy import ROOT, Hierarchy, module_path


@dataclass(frozen=True)
class Flow:
    nodes: tuple[Node, ...]
    edges: tuple[Edge, ...]


def trace_flow(hierarchy: Hierarchy, opened: int) -> Flow:
    """The flow inside the module call `opened`, or of the whole model for ROOT."""
    drawing = _Drawing(hierarchy)
    prefix = "" if opened == ROOT else hierarchy.operations[opened].id
    entering = () if opened == ROOT else hierarchy.operations[opened].inputs
    members = hierarchy.children.get(opened, [])
    drawing.draw_inputs(prefix, [*entering, *_borrowed(hierarchy, members)] if opened != ROOT else [])
    for member in members:
        drawing.draw_operation(member)
    if opened != ROOT:
        drawing.draw_outputs(prefix, hierarchy.operations[opened].outputs)
    return Flow(tuple(drawing.nodes), tuple(drawing.edges))


def _borrowed(hierarchy: Hierarchy, members: list[int]) -> list[str]:
    """Ids of the tensors that these operations, or what ran in them, use though they did not make them."""
    made: set[str] = set()
    used: dict[str, None] = {}
    for member in members:
        inside = [hierarchy.operations[i] for i in hierarchy.within(member)]
        made.update(tensor.id for operation in inside for tensor in operation.outputs)
        used.update((name, None) for operation in inside for name in operation.inputs)
    return [name for name in used if name not in made]


class _Drawing:
    """A level while it is drawn, in the order executed; `makers` knows which node a tensor comes from by now."""

    def __init__(self, hierarchy: Hierarchy) -> None:
        self.hierarchy = hierarchy
        self.nodes: list[Node] = []
        self.edges: list[Edge] = []
        self.makers: dict[str, str] = {}
        self.drawn: set[tuple[str, str, str]] = set()

    def draw_inputs(self, prefix: str, names: list[str]) -> None:
        entering = [self.hierarchy.tensors[name] for name in dict.fromkeys(names) if name in self.hierarchy.tensors]
        for number, tensor in enumerate(entering, start=1):
            name = "input" if len(entering) == 1 else f"input {number}"
            node = boundary_node(f"{prefix}#input{number}", name, "input", tensor.dims, tensor.dtype)
            self.nodes.append(node)
            self.makers[tensor.id] = node.id

    def draw_outputs(self, prefix: str, leaving: tuple[Tensor, ...]) -> None:
        for number, tensor in enumerate(leaving, start=1):
            name = "output" if len(leaving) == 1 else f"output {number}"
            node = boundary_node(f"{prefix}#output{number}", name, "output", tensor.dims, tensor.dtype)
            self.nodes.append(node)
            self.connect([tensor.id], node.id)

    def draw_operation(self, i: int) -> None:
        inside = [self.hierarchy.operations[each] for each in self.hierarchy.within(i)]
        made_inside = {tensor.id for operation in inside[1:] for tensor in operation.outputs}
        used = list(inside[0].inputs)
        used += [name for operation in inside[1:] for name in operation.inputs if name not in made_inside]
        node = operation_node(self.hierarchy, i)
        self.nodes.append(node)
        self.connect(used, node.id)
        for operation in inside:
            self.makers.update((tensor.id, node.id) for tensor in operation.outputs)

    def connect(self, names: list[str], to: str) -> None:
        for name in names:
            maker = self.makers.get(name)
            if maker is not None and (maker, to, name) not in self.drawn:
                tensor = self.hierarchy.tensors[name]
                self.drawn.add((maker, to, name))
                self.edges.append(Edge(maker, to, tensor.dims, tensor.dtype))


def operation_node(hierarchy: Hierarchy, i: int) -> Node:
    """The node of an operation, with all that is known of it."""
    operation = hierarchy.operations[i]
    dtypes = {tensor.dtype for tensor in operation.outputs}
    path = module_path(operation)
    module = hierarchy.modules.get(path) if path is not None else None
    return Node(
        id=operation.id,
        name=hierarchy.name(i),
        type=operation.type,
        path=path,
        range=_location(operation),
        inputs=tuple(hierarchy.tensors[name].dims for name in operation.inputs if name in hierarchy.tensors),
        outputs=tuple(tensor.dims for tensor in operation.outputs),
        parameters=operation.parameters,
        flops=operation.flops,
        children=hierarchy.visible_children(i),
        kind=operation.kind,
        arguments=module.arguments if module else "",
        error=explain_fault(hierarchy, i),
        activation_bytes=operation.activation_bytes,
        dtype=dtypes.pop() if len(dtypes) == 1 else None,
        trainable=module.trainable if module else 0,
        weights=module.weights if module else (),
    )


def boundary_node(id: str, name: str, kind: str, dims: Dims, dtype: str | None = None) -> Node:
    """An input or output of the opened level itself. It stands for no code."""
    inputs, outputs = ((), (dims,)) if kind == "input" else ((dims,), ())
    return Node(id, name, kind, None, None, inputs, outputs, parameters=0, flops=0, children=0, kind=kind, dtype=dtype)


def _location(operation: Operation) -> Location | None:
    if operation.path is None or operation.start is None or operation.end is None:
        return None
    return Location(operation.path, operation.start, operation.end)
