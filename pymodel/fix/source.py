"""Source text as what fixes are made of: the expression at a place, what stands around it, and edits."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

from ..discover.document import LINE_END, Document
from ..schema import Edit, Position, Range


@dataclass(frozen=True)
class Source:
    """A document, to be edited."""

    document: Document

    @cached_property
    def parents(self) -> dict[ast.AST, ast.AST]:
        return {child: node for node in ast.walk(self.document.tree) for child in ast.iter_child_nodes(node)}

    def at(self, start: Position, end: Position) -> ast.expr | None:
        """The outermost expression that has exactly this range."""
        for node in ast.walk(self.document.tree):
            if isinstance(node, ast.expr) and self.document.range_of(node) == Range(start, end):
                return node
        return None

    def text(self, node: ast.expr) -> str:
        return ast.get_source_segment("\n".join(self.document.lines), node) or ast.unparse(node)

    def function(self, node: ast.AST) -> ast.AST | None:
        """The function that a node stands in."""
        around: ast.AST | None = node
        while around is not None and not isinstance(around, (ast.FunctionDef, ast.AsyncFunctionDef)):
            around = self.parents.get(around)
        return around

    def statement(self, node: ast.AST) -> ast.stmt:
        around = node
        while not isinstance(around, ast.stmt):
            around = self.parents[around]
        return around

    def replace(self, node: ast.expr, text: str) -> Edit:
        place = self.document.range_of(node)
        return Edit(self.document.path, place.start, place.end, text)

    def append(self, node: ast.expr, suffix: str) -> Edit:
        """`x` becomes `x.flatten(1)`; what is no plain operand is put in parentheses."""
        text = self.text(node)
        plain = isinstance(node, (ast.Name, ast.Attribute, ast.Call, ast.Subscript))
        return self.replace(node, f"{text if plain else f'({text})'}{suffix}")

    def insert_line(self, before: ast.stmt, text: str) -> Edit:
        """A line of its own above a statement."""
        place = Position(before.lineno, 0)
        line = self.document.lines[before.lineno - 1]
        return Edit(self.document.path, place, place, line[: len(line) - len(line.lstrip())] + text + "\n")

    def delete(self, statement: ast.stmt) -> Edit:
        """A statement's lines."""
        last = (statement.end_lineno or statement.lineno) + 1
        return Edit(self.document.path, Position(statement.lineno, 0), Position(last, 0), "")


def apply(text: str, edits: Iterable[Edit]) -> str:
    """A text with edits that do not overlap."""
    starts = [0, *(match.end() for match in LINE_END.finditer(text))]

    def offset(position: Position) -> int:
        return starts[position.line - 1] + position.column if position.line <= len(starts) else len(text)

    for edit in sorted(edits, key=lambda each: each.start, reverse=True):
        text = text[: offset(edit.start)] + edit.text + text[offset(edit.end) :]
    return text


def argument(call: ast.Call, position: int, *names: str) -> ast.expr | None:
    """An argument by position or by one of its names."""
    for keyword in call.keywords:
        if keyword.arg in names:
            return keyword.value
    given: Sequence[ast.expr] = call.args
    return given[position] if len(given) > position and not isinstance(given[position], ast.Starred) else None


def operand(node: ast.expr, index: int, function: str) -> ast.expr | None:
    """What is given as the nth tensor: of an operator, a method (`x.view(…)`) or a function."""
    if isinstance(node, ast.BinOp):
        return (node.left, node.right)[index] if index < 2 else None
    if not isinstance(node, ast.Call):
        return None
    if isinstance(node.func, ast.Attribute) and node.func.attr == function and not _is_namespace(node.func.value):
        return node.func.value if index == 0 else argument(node, index - 1)
    return argument(node, index, *(("input",), ("target", "other"))[index]) if index < 2 else None


def _is_namespace(node: ast.expr) -> bool:
    return isinstance(node, (ast.Name, ast.Attribute)) and ast.unparse(node) in (
        *("torch", "F", "nn.functional", "torch.nn.functional", "functional", "special", "torch.special"),
    )
