"""A level as a Mermaid flowchart, for a README."""

from __future__ import annotations

from ..schema import Level, Node, join_dims

_SHAPES = {"input": ("([", "])"), "output": ("([", "])"), "module": ("[", "]"), "group": ("[[", "]]")}


def to_mermaid(level: Level) -> str:
    """The text of the chart, without the fence."""
    ids = {node.id: f"n{number}" for number, node in enumerate(level.nodes)}
    lines = ["flowchart TD"]
    for node in level.nodes:
        left, right = _SHAPES.get(node.kind, ("(", ")"))
        lines.append(f'  {ids[node.id]}{left}"{_quote(_label(node))}"{right}')
    for edge in level.edges:
        label = join_dims(edge.dims) or "scalar"
        lines.append(f'  {ids[edge.from_]} -->|"{_quote(label)}"| {ids[edge.to]}')
    return "\n".join(lines) + "\n"


def _label(node: Node) -> str:
    type = node.type.rpartition(".")[2] if node.kind == "op" else node.type
    name = node.name if node.kind in ("input", "output") or node.name == type else f"{type} {node.name}"
    return f"{name} ×{node.repeats}" if node.repeats > 1 else name


def _quote(text: str) -> str:
    """Text that Mermaid takes for text: what it or HTML would read is written as a character's number."""
    return "".join(
        each if each.isalnum() or each in " ._×…-+/(),:" else f"#{ord(each)};" for each in " ".join(text.split())
    )
