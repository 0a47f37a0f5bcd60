"""One level of a model's graph: what the panel draws and `pymodel graph --json` prints."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from .location import Location
from .trace import Dims, Weight

Change = Literal["added", "removed", "changed", "reshaped"]
"""`reshaped`: only the shapes that it takes or gives are others."""


@dataclass(frozen=True)
class Node:
    """A submodule, an operation, an input or an output. `children` counts the nodes one level down; `path` is the
    module's path, None for what is not a module."""

    id: str
    name: str
    type: str
    path: str | None
    range: Location | None
    inputs: tuple[Dims, ...]
    outputs: tuple[Dims, ...]
    parameters: int
    flops: int | str
    children: int
    kind: str = "op"
    arguments: str = ""
    error: str | None = None
    repeats: int = 1
    """How many equal blocks this node stands for; 1 unless folded."""
    activation_bytes: int | str = 0
    """What autograd keeps of it for the backward pass."""
    dtype: str | None = None
    """What its outputs have in common."""
    trainable: int = 0
    weights: tuple[Weight, ...] = ()
    change: Change | None = None
    """Against the model that it is compared with."""


@dataclass(frozen=True)
class Edge:
    from_: str
    to: str
    dims: Dims
    dtype: str


@dataclass(frozen=True)
class Level:
    """`path` is the id of the node that is opened; empty for the whole model."""

    path: str
    nodes: tuple[Node, ...]
    edges: tuple[Edge, ...]


@dataclass(frozen=True)
class Reading:
    """What an overlay says of one node: a number to colour it by, and the words for it."""

    id: str
    amount: float
    words: str


@dataclass(frozen=True)
class Overlay:
    """Numbers for the nodes of a level. `scale`: amounts are colours from little to much, categories tell things apart.
    `note` says at which sizes expressions were worked out, `message` why there are no readings. Of a run, `step` is the
    one that was looked at, and `steps` are all that could be."""

    name: str
    scale: Literal["amount", "category"]
    readings: tuple[Reading, ...]
    note: str = ""
    step: int | None = None
    steps: tuple[int, ...] = ()
    message: str = ""


@dataclass(frozen=True)
class Hit:
    """A node that was sought: `level` is the path to open to see it, `id` the node that is drawn there for it."""

    level: str
    id: str
    name: str
    type: str
    detail: str


@dataclass(frozen=True)
class NodeFacts:
    """What a comparison looks at: of one node, or of a whole model, whose `type` is its name."""

    type: str
    arguments: str
    outputs: tuple[Dims, ...]
    parameters: int
    flops: int | str
    activation_bytes: int | str


@dataclass(frozen=True)
class NodeChange:
    """One line of a comparison; a side that has no such node is None."""

    id: str
    change: Change
    before: NodeFacts | None
    after: NodeFacts | None


@dataclass(frozen=True)
class GraphDiff:
    """What two models differ in, node by node in the order executed, and as a whole. `base` names the older side."""

    base: str
    before: NodeFacts
    after: NodeFacts
    changes: tuple[NodeChange, ...]
