"""What training and evaluation code has in common: loops, calls by name, and what holds a model or an optimizer."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass

from ..discover.models import last_name

FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
LOOPS = (ast.For, ast.AsyncFor, ast.While)
Scope = ast.Module | ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True)
class MethodCall:
    """`owner.name(…)`; `owner` is the text of what the method is called on."""

    node: ast.Call
    owner: str
    name: str


def find_scopes(tree: ast.Module) -> Iterator[Scope]:
    """The top of a file and all functions, methods too."""
    yield tree
    yield from (node for node in ast.walk(tree) if isinstance(node, FUNCTIONS))


def own_nodes(scope: ast.AST) -> Iterator[ast.AST]:
    """The nodes of a scope in the order of the text, without those of functions and classes within."""
    for child in ast.iter_child_nodes(scope):
        if not isinstance(child, (*FUNCTIONS, ast.ClassDef, ast.Lambda)):
            yield child
            yield from own_nodes(child)


def method_calls(nodes: Iterator[ast.AST], *names: str) -> list[MethodCall]:
    """Calls of methods with one of these names."""
    return [
        MethodCall(node, ast.unparse(node.func.value), node.func.attr)
        for node in nodes
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in names
    ]


def made_by(tree: ast.Module, makers: frozenset[str]) -> frozenset[str]:
    """Names that are assigned what a call of one of these gives, or of a class or function whose name ends so."""
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Call) and last_name(node.value.func) in makers:
            found |= {ast.unparse(target) for target in node.targets}
    return frozenset(found)


def names_anything(tree: ast.AST, *names: str) -> bool:
    """Whether a text speaks of one of these names at all."""
    return any(
        (isinstance(node, ast.Attribute) and node.attr in names)
        or (isinstance(node, ast.Name) and node.id in names)
        or (isinstance(node, ast.alias) and node.name.rpartition(".")[2] in names)
        for node in ast.walk(tree)
    )
