"""What a class says of an attribute of its instances: where it is set, and where it is read."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property

from ..discover.document import Document
from ..schema import Location

MODULE_BASES = frozenset(("Module", "LightningModule"))
LOOKS_AT_ALL = frozenset(
    (
        *("children", "named_children", "modules", "named_modules", "_modules", "__dict__", "_parameters", "_buffers"),
        *("get_submodule", "get_parameter", "__getattr__"),
    )
)
"""Attributes by which code reaches others without naming them."""


@dataclass(frozen=True)
class ClassText:
    """A class of a document."""

    document: Document
    node: ast.ClassDef
    assigned: dict[str, ast.Assign | ast.AnnAssign] = field(default_factory=dict)
    """The first plain assignment of `self.name` in `__init__`."""

    @cached_property
    def names_read(self) -> frozenset[str]:
        """All attributes that are read anywhere in the file, and all strings that could name one."""
        tree = self.document.tree
        read = {n.attr for n in ast.walk(tree) if isinstance(n, ast.Attribute) and not isinstance(n.ctx, ast.Store)}
        return frozenset(read | {str(n.value) for n in ast.walk(tree) if isinstance(n, ast.Constant) and _is_text(n)})

    @cached_property
    def is_plain(self) -> bool:
        """Whether nothing but the class's own text decides how its attributes are used."""
        bases = [ast.unparse(base).rpartition(".")[2] for base in self.node.bases]
        if not bases or any(base not in MODULE_BASES for base in bases):
            return False
        nodes = list(ast.walk(self.node))
        calls = {n.func.id for n in nodes if isinstance(n, ast.Call) and isinstance(n.func, ast.Name)}
        attributes = {n.attr for n in nodes if isinstance(n, ast.Attribute)}
        return not calls & {"getattr", "vars", "eval", "exec", "setattr"} and not attributes & LOOKS_AT_ALL

    def loads(self, name: str) -> Iterator[tuple[ast.Attribute, ast.AST | None]]:
        """Each reading of `self.name` outside `__init__`, with the node around it."""
        for method in self.node.body:
            if not isinstance(method, ast.FunctionDef) or method.name == "__init__":
                continue
            around = {child: node for node in ast.walk(method) for child in ast.iter_child_nodes(node)}
            for node in ast.walk(method):
                if _is_own(node, name) and isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Load):
                    yield node, around.get(node)

    def is_trained_by_hand(self, name: str) -> bool:
        """Whether the class makes an optimizer of its own for `self.name`: `Adam([self.log_alpha], lr=rate)`."""
        return any(
            _is_own(each, name)
            for node in ast.walk(self.node)
            if isinstance(node, ast.Call) and node.args and isinstance(node.args[0], (ast.List, ast.Tuple))
            for each in node.args[0].elts
        )

    def place(self, name: str) -> Location | None:
        """The range of `self.name` where it is set."""
        statement = self.assigned.get(name)
        if statement is None:
            return None
        target = statement.targets[0] if isinstance(statement, ast.Assign) else statement.target
        found = self.document.range_of(target)
        return Location(self.document.path, found.start, found.end)


def read_class(document: Document, name: str) -> ClassText | None:
    """The class of this name at the top of a document."""
    for node in document.tree.body:
        if isinstance(node, ast.ClassDef) and node.name == name:
            return ClassText(document, node, dict(_assignments(node)))
    return None


def _assignments(node: ast.ClassDef) -> Iterator[tuple[str, ast.Assign | ast.AnnAssign]]:
    inits = [each for each in node.body if isinstance(each, ast.FunctionDef) and each.name == "__init__"]
    found: dict[str, ast.Assign | ast.AnnAssign] = {}
    for statement in (each for init in inits for each in ast.walk(init)):
        if isinstance(statement, ast.Assign) and len(statement.targets) == 1:
            target: ast.expr = statement.targets[0]
        elif isinstance(statement, ast.AnnAssign) and statement.value is not None:
            target = statement.target
        else:
            continue
        if isinstance(target, ast.Attribute) and _is_own(target, target.attr):
            found.setdefault(target.attr, statement)
    return iter(found.items())


def _is_own(node: ast.AST, name: str) -> bool:
    return (
        isinstance(node, ast.Attribute)
        and node.attr == name
        and isinstance(node.value, ast.Name)
        and node.value.id == "self"
    )


def _is_text(node: ast.Constant) -> bool:
    return isinstance(node.value, str) and node.value.isidentifier()
