"""Lines of the user's files, from their text: where the loss of a backward pass is assigned, and which loops stand
around a line."""

from __future__ import annotations

import ast
import functools
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

Function = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda | ast.Module


@dataclass(frozen=True)
class Loop:
    """A `for` or `while` around a line. `variable` counts from `start` to `stop` where it goes over a range."""

    line: int
    variable: str | None = None
    start: ast.expr | None = None
    stop: ast.expr | None = None
    step: ast.expr | None = None


@dataclass(frozen=True)
class Source:
    """A file as it was when it was first asked for."""

    lines: tuple[str, ...]
    tree: ast.Module | None

    def text(self, line: int) -> str:
        return self.lines[line - 1].strip() if 0 < line <= len(self.lines) else ""


@functools.cache
def read_source(path: str) -> Source:
    try:
        text = Path(path).read_text(encoding="utf-8", errors="replace")
    except OSError:
        return Source((), None)
    try:
        return Source(tuple(text.splitlines()), ast.parse(text))
    except (SyntaxError, ValueError):
        return Source(tuple(text.splitlines()), None)


def find_loss_line(source: Source, line: int) -> int | None:
    """Where the value was last assigned that the statement at `line` runs backward from: `loss` of `loss.backward()`,
    of `scaler.scale(loss).backward()` or of `accelerator.backward(loss)`."""
    if source.tree is None:
        return None
    scope = _innermost_scope(source.tree, line)
    names = _names_of_backward(scope, line)
    lines = [
        node.lineno
        for node in _own_nodes(scope)
        if isinstance(node, (ast.Assign, ast.AnnAssign, ast.NamedExpr))
        and node.lineno < line
        and not names.isdisjoint(_targets(node))
    ]
    return max(lines, default=None)


def find_loops(source: Source, line: int) -> list[Loop]:
    """The loops of the same function around `line`, the innermost first."""
    if source.tree is None:
        return []
    scope = _innermost_scope(source.tree, line)
    around = [
        node
        for node in _own_nodes(scope)
        if isinstance(node, (ast.For, ast.AsyncFor, ast.While))
        and node.body[0].lineno <= line <= (node.body[-1].end_lineno or line)
    ]
    around.sort(key=lambda node: node.lineno, reverse=True)
    return [_describe(node) for node in around]


def _describe(node: ast.For | ast.AsyncFor | ast.While) -> Loop:
    if isinstance(node, ast.While):
        return Loop(node.lineno)
    iterable, target = node.iter, node.target
    while isinstance(iterable, ast.Call) and iterable.args and _called(iterable) in ("tqdm", "trange", "track"):
        if _called(iterable) == "trange":
            break
        iterable = iterable.args[0]
    if isinstance(iterable, ast.Call) and _called(iterable) in ("range", "trange") and isinstance(target, ast.Name):
        bounds = [*iterable.args[:3], None, None]
        if len(iterable.args) == 1:
            return Loop(node.lineno, target.id, None, bounds[0])
        if iterable.args:
            return Loop(node.lineno, target.id, bounds[0], bounds[1], bounds[2])
    return Loop(node.lineno)


def _called(call: ast.Call) -> str:
    function = call.func
    return (
        function.id if isinstance(function, ast.Name) else function.attr if isinstance(function, ast.Attribute) else ""
    )


def _innermost_scope(tree: ast.Module, line: int) -> Function:
    scopes: list[Function] = [
        node
        for node in ast.walk(tree)
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda))
        and node.lineno <= line <= (node.end_lineno or node.lineno)
    ]
    return max(scopes, key=lambda node: getattr(node, "lineno", 0), default=tree)


def _own_nodes(scope: Function) -> Iterator[ast.AST]:
    """The nodes of a function that are not another function's."""
    waiting: list[ast.AST] = list(ast.iter_child_nodes(scope))
    while waiting:
        node = waiting.pop()
        yield node
        if not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda, ast.ClassDef)):
            waiting.extend(ast.iter_child_nodes(node))


def _names_of_backward(scope: Function, line: int) -> set[str]:
    """The names that a call of some `backward` in the statement at `line` is made on or given."""
    names: set[str] = set()
    for node in _own_nodes(scope):
        if (
            isinstance(node, ast.Call)
            and "backward" in _called(node)
            and node.lineno <= line <= (node.end_lineno or line)
        ):
            parts = [node.func.value] if isinstance(node.func, ast.Attribute) else []
            called = {id(each.func) for each in ast.walk(node) if isinstance(each, ast.Call)}
            for part in (*parts, *node.args):
                owners = {
                    id(each.value) for each in ast.walk(part) if isinstance(each, ast.Attribute) and id(each) in called
                }
                names |= {
                    each.id
                    for each in ast.walk(part)
                    if isinstance(each, ast.Name) and id(each) not in called and id(each) not in owners
                }
    return names


def _targets(node: ast.Assign | ast.AnnAssign | ast.NamedExpr) -> set[str]:
    targets = node.targets if isinstance(node, ast.Assign) else [node.target]
    return {each.id for target in targets for each in ast.walk(target) if isinstance(each, ast.Name)}
