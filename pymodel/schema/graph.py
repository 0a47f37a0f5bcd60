"""One level of a model's graph: what the panel draws and `pymodel graph --json` prints."""

from __future__ import annotations

from dataclasses import dataclass

from .location import Location
from .trace import Dims


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
