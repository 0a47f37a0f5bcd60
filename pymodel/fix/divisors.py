"""A width that its number of heads or groups does not divide: the number that would."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from ..schema import Diagnostic, Fix
from .source import Source


def divisor_fixes(found: Diagnostic, source: Source) -> Iterator[Fix]:
    """For what raises over a remainder: each pair of whole numbers that the failing line names, the second one set to
    the nearest divisor of the first."""
    if "divisible" not in found.message and "%" not in "\n".join(
        source.document.lines[found.start.line - 1 : found.end.line]
    ):
        return
    numbers = list(_numbers_named(source, found))
    for width in numbers:
        for heads in numbers:
            if width is heads or heads.value < 2 or width.value <= heads.value or width.value % heads.value == 0:
                continue
            fitting = [n for n in range(2, width.value) if width.value % n == 0]
            for number in sorted(fitting, key=lambda n: (abs(n - heads.value), n))[:2]:
                yield Fix(f"Use {number}, which divides {width.value:,}", (source.replace(heads, str(number)),))


class _Number(ast.Constant):
    value: int


def _numbers_named(source: Source, found: Diagnostic) -> Iterator[_Number]:
    """The whole numbers that are given to the names on the failing line, anywhere in the file, and those on it."""
    tree = source.document.tree
    here = [
        node
        for node in ast.walk(tree)
        if isinstance(node, (ast.Name, ast.Attribute, ast.keyword, ast.Constant))
        and found.start.line <= node.lineno <= found.end.line
    ]
    names = {getattr(node, "attr", getattr(node, "id", None)) for node in here}
    seen: set[ast.AST] = set()
    for node in (*here, *(value for name, value in _bound_numbers(tree) if name in names)):
        if isinstance(node, ast.Constant) and type(node.value) is int and node not in seen:
            seen.add(node)
            yield node  # type: ignore[misc]


def _bound_numbers(tree: ast.Module) -> Iterator[tuple[str, ast.expr]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign) and len(node.targets) == 1:
            yield _last(node.targets[0]), node.value
        elif isinstance(node, ast.AnnAssign) and node.value is not None:
            yield _last(node.target), node.value
        elif isinstance(node, ast.keyword) and node.arg:
            yield node.arg, node.value
        elif isinstance(node, ast.Dict):
            for key, value in zip(node.keys, node.values, strict=True):
                if isinstance(key, ast.Constant) and isinstance(key.value, str):
                    yield key.value, value
        elif isinstance(node, ast.arguments):
            plain = [*node.posonlyargs, *node.args]
            defaulted = plain[len(plain) - len(node.defaults) :] if node.defaults else []
            yield from ((arg.arg, value) for arg, value in zip(defaulted, node.defaults, strict=True))


def _last(node: ast.expr) -> str:
    return node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""
