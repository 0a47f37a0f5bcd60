"""Takes down what every call and operator of chosen files gives, by its exact range.

Bytecode does not tell an expression's value, so the code is compiled with each such expression handed through a
function that looks at it. It is a run of its own, apart from the one that watches variables in the code as it stands.
"""

from __future__ import annotations

import ast
import builtins
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.machinery import SourceFileLoader
from pathlib import Path
from types import CodeType
from typing import Any

from .seen import Place, Seen, summarise

Expressions = dict[Place, list[Seen]]
_LOOK = "__truth_look__"
_LOOKING_AT_FRAMES = frozenset(("super", "locals", "vars", "eval", "exec"))


@contextmanager
def compiled_to_tell(files: frozenset[str]) -> Iterator[Expressions]:
    """Files that are imported while this lasts tell what their functions' expressions give; the caller may clear it."""
    seen: Expressions = {}
    places: list[Place] = []
    original = SourceFileLoader.get_code

    def look(number: int, value: Any) -> Any:
        if value is not None:
            seen.setdefault(places[number], []).append(summarise(value))
        return value

    def get_code(self: SourceFileLoader, name: str) -> CodeType | None:
        path = self.get_filename(name)
        if path not in files:
            return original(self, name)
        tree = _Teller(path, places).visit(ast.parse(Path(path).read_text(encoding="utf-8")))
        return compile(ast.fix_missing_locations(tree), path, "exec", dont_inherit=True)

    SourceFileLoader.get_code = get_code  # type: ignore[method-assign]
    setattr(builtins, _LOOK, look)
    try:
        yield seen
    finally:
        SourceFileLoader.get_code = original  # type: ignore[method-assign]
        delattr(builtins, _LOOK)


class _Teller(ast.NodeTransformer):
    def __init__(self, path: str, places: list[Place]) -> None:
        self.path = path
        self.places = places
        self.lines = Path(path).read_text(encoding="utf-8").splitlines()
        self.depth = 0

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        self.depth += 1
        node.body = [self.visit(statement) for statement in node.body]
        self.depth -= 1
        return node

    def visit_Lambda(self, node: ast.Lambda) -> ast.AST:
        self.depth += 1
        node.body = self.visit(node.body)
        self.depth -= 1
        return node

    def visit_JoinedStr(self, node: ast.JoinedStr) -> ast.AST:
        return node

    def visit_match_case(self, node: ast.match_case) -> ast.AST:
        node.body = [self.visit(statement) for statement in node.body]
        return node

    def visit_Call(self, node: ast.Call) -> ast.AST:
        if isinstance(node.func, ast.Name) and node.func.id in _LOOKING_AT_FRAMES:
            return node
        return self._tell(node)

    def visit_BinOp(self, node: ast.BinOp) -> ast.AST:
        return self._tell(node)

    def visit_Compare(self, node: ast.Compare) -> ast.AST:
        return self._tell(node)

    def visit_UnaryOp(self, node: ast.UnaryOp) -> ast.AST:
        return node if isinstance(node.operand, ast.Constant) else self._tell(node)

    def visit_Subscript(self, node: ast.Subscript) -> ast.AST:
        return self._tell(node) if isinstance(node.ctx, ast.Load) else self.generic_visit(node)

    def _tell(self, node: ast.expr) -> ast.AST:
        self.generic_visit(node)
        if not self.depth or node.end_lineno is None or node.end_col_offset is None:
            return node
        start, end = self._column(node.lineno, node.col_offset), self._column(node.end_lineno, node.end_col_offset)
        self.places.append(Place(self.path, node.lineno, start, node.end_lineno, end))
        call = ast.Call(ast.Name(_LOOK, ast.Load()), [ast.Constant(len(self.places) - 1), node], [])
        return ast.copy_location(call, node)

    def _column(self, line: int, byte_column: int) -> int:
        return len(self.lines[line - 1].encode()[:byte_column].decode())
