"""What may be run of a module: imports, definitions, and the assignments that they need. Nothing for its effect."""

from __future__ import annotations

import ast
from collections.abc import Iterable
from dataclasses import dataclass

HARMLESS = frozenset(
    ("print", "manual_seed", "seed", "filterwarnings", "simplefilter", "basicConfig", "getLogger", "set_printoptions")
)
"""Calls whose absence nobody needs to be told of."""


@dataclass(frozen=True)
class Slice:
    """`tree` is what may run; `skipped` are the top-level statements with calls that are left out."""

    tree: ast.Module
    skipped: tuple[ast.stmt, ...]


def slice_module(tree: ast.Module, names: Iterable[str] = ()) -> Slice:
    """Keep what the definitions of `names` need, transitively; all definitions where `names` is empty."""
    needed = _needed_names(tree, set(names))
    skipped: list[ast.stmt] = []
    body = _keep(tree.body, needed, skipped)
    return Slice(ast.Module(body, []), tuple(skipped))


def _keep(body: list[ast.stmt], needed: set[str], skipped: list[ast.stmt]) -> list[ast.stmt]:
    kept: list[ast.stmt] = []
    for statement in body:
        if isinstance(statement, (ast.Import, ast.ImportFrom, ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            kept.append(statement)
        elif isinstance(statement, ast.If):
            _keep_if(statement, needed, kept, skipped)
        elif isinstance(statement, ast.Try):
            inner = _keep(statement.body, needed, skipped)
            if inner:
                handlers = [
                    ast.copy_location(ast.ExceptHandler(h.type, h.name, _keep(h.body, needed, []) or [ast.Pass()]), h)
                    for h in statement.handlers
                ]
                rest = _keep(statement.orelse, needed, skipped)
                whole = ast.Try(inner, handlers, rest, _keep(statement.finalbody, needed, skipped))
                kept.append(ast.fix_missing_locations(ast.copy_location(whole, statement)))
        elif _bound_names(statement) & needed:
            kept.append(statement)
        elif _has_effect(statement):
            skipped.append(statement)
    return kept


def _keep_if(statement: ast.If, needed: set[str], kept: list[ast.stmt], skipped: list[ast.stmt]) -> None:
    if _is_main_guard(statement.test):
        kept.extend(_keep(statement.orelse, needed, skipped))
        return
    body, orelse = _keep(statement.body, needed, skipped), _keep(statement.orelse, needed, skipped)
    if body or orelse:
        whole = ast.If(statement.test, body or [ast.Pass()], orelse)
        kept.append(ast.fix_missing_locations(ast.copy_location(whole, statement)))


def _needed_names(tree: ast.Module, names: set[str]) -> set[str]:
    """The names that `names` reach, through definitions and assignments of the module."""
    binders: dict[str, list[ast.stmt]] = {}
    for statement in _flatten(tree.body):
        for name in _bound_names(statement):
            binders.setdefault(name, []).append(statement)
    if not names:
        names = {
            name
            for name, statements in binders.items()
            if any(isinstance(each, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)) for each in statements)
        }
    reached: set[str] = set()
    waiting = list(names)
    while waiting:
        name = waiting.pop()
        if name in reached:
            continue
        reached.add(name)
        for statement in binders.get(name, ()):
            for node in ast.walk(statement):
                if isinstance(node, ast.Name) and node.id not in reached:
                    waiting.append(node.id)
    return reached


def _flatten(body: list[ast.stmt]) -> Iterable[ast.stmt]:
    for statement in body:
        yield statement
        if isinstance(statement, (ast.If, ast.Try)):
            yield from _flatten(statement.body)
            yield from _flatten(statement.orelse)


def _bound_names(statement: ast.stmt) -> set[str]:
    if isinstance(statement, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
        return {statement.name}
    targets: list[ast.expr] = []
    if isinstance(statement, ast.Assign):
        targets = statement.targets
    elif isinstance(statement, (ast.AnnAssign, ast.AugAssign)):
        targets = [statement.target]
    return {node.id for target in targets for node in ast.walk(target) if isinstance(node, ast.Name)}


def _is_main_guard(test: ast.expr) -> bool:
    return any(isinstance(node, ast.Name) and node.id == "__name__" for node in ast.walk(test))


def _has_effect(statement: ast.stmt) -> bool:
    calls = [node for node in ast.walk(statement) if isinstance(node, ast.Call)]
    return any(ast.unparse(call.func).rpartition(".")[2] not in HARMLESS for call in calls)
