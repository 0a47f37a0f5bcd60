"""Where code constructs a class or calls a factory, and on what it calls the result. Read as text."""

from __future__ import annotations

import ast
from dataclasses import dataclass

from .bindings import Bindings, Scope, bind, find_scopes, own_nodes, prelude, unconditional
from .document import Document
from .models import last_name

WRAPPERS = frozenset(("DataParallel", "DistributedDataParallel", "compile", "prepare", "FullyShardedDataParallel"))
"""What is called on a model and gives one that is called in its place."""
CASTS = ("double", "half", "bfloat16")
"""Methods that give a model's parameters another kind of number."""
MAX_DEPTH = 6


@dataclass(frozen=True)
class ConstructorCall:
    """`expression` constructs the class; `prelude` are the imports and assignments that its arguments need."""

    expression: str
    prelude: tuple[str, ...]
    path: str
    line: int
    foreign: bool
    """Whether it stands in another file than the class."""


@dataclass(frozen=True)
class ForwardCall:
    """A call of a constructed model. `expression` gives a pair of its positional and keyword arguments, once the
    `prelude` has run."""

    expression: str
    prelude: tuple[str, ...]
    path: str
    line: int


def find_constructor_calls(document: Document, name: str, own_path: str) -> list[ConstructorCall]:
    """Calls of a class or factory by name, outside of its own body."""
    found = []
    foreign = document.path != own_path
    for scope in find_scopes(document.tree, name):
        if isinstance(scope, ast.FunctionDef) and scope.name == name:
            continue
        calls = [node for node in own_nodes(scope) if isinstance(node, ast.Call) and _is_named(node.func, name)]
        bindings = bind(scope, document) if calls else Bindings(document)
        for node in calls:
            call = ast.Call(ast.Name(name, ast.Load()), node.args, node.keywords)
            lines = prelude(call, bindings, node.lineno, {name}, foreign)
            if lines is not None:
                text = ast.unparse(ast.fix_missing_locations(call)) + _cast(scope, node)
                found.append(ConstructorCall(text, lines, document.path, node.lineno, foreign))
    return found


def _cast(scope: Scope, made: ast.Call) -> str:
    """`.double()`, where that is what becomes of a model that was made: at once, or in a statement of the same scope
    that no condition stands before."""
    names = {
        target.id
        for node in own_nodes(scope)
        if isinstance(node, ast.Assign) and any(each is made for each in ast.walk(node.value))
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    always = {each.value for each in unconditional(scope) if isinstance(each, (ast.Expr, ast.Assign))}
    for node in own_nodes(scope):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in CASTS:
            holder = node.func.value
            is_named = isinstance(holder, ast.Name) and holder.id in names and node in always
            if holder is made or is_named:
                return f".{node.func.attr}()"
    return ""


def find_forward_calls(document: Document, name: str, own_path: str) -> list[ForwardCall]:
    """`net(torch.randn(2, 3, 32, 32))`, with or without variables, loops and functions in between."""
    found = []
    attributes = _attributes(document.tree)
    for scope in find_scopes(document.tree, name):
        calls = [node for node in own_nodes(scope) if isinstance(node, ast.Call) and (node.args or node.keywords)]
        if not calls:
            continue
        bindings = bind(scope, document)
        for node in calls:
            func = node.func
            if isinstance(func, ast.Attribute) and func.attr == "forward":
                func = func.value
            if not _makes(func, name, bindings, node.lineno, attributes):
                continue
            keywords = ", ".join(
                f"{each.arg!r}: {ast.unparse(each.value)}" if each.arg else f"**{ast.unparse(each.value)}"
                for each in node.keywords
            )
            arguments = ast.Tuple([*node.args, *(each.value for each in node.keywords)], ast.Load())
            lines = prelude(arguments, bindings, node.lineno, {name}, document.path != own_path)
            if lines is not None:
                text = f"({ast.unparse(ast.Tuple(list(node.args), ast.Load()))}, {{{keywords}}})"
                found.append(ForwardCall(text, lines, document.path, node.lineno))
    return found


def _is_named(func: ast.expr, name: str) -> bool:
    return (isinstance(func, ast.Name) and func.id == name) or (isinstance(func, ast.Attribute) and func.attr == name)


def _attributes(tree: ast.Module) -> dict[str, ast.expr]:
    """`self.model = Net()` of any class, by the attribute's text."""
    return {
        ast.unparse(node.targets[0]): node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Assign) and len(node.targets) == 1 and isinstance(node.targets[0], ast.Attribute)
    }


def _makes(
    func: ast.expr, name: str, bindings: Bindings, line: int, attributes: dict[str, ast.expr], depth: int = 0
) -> bool:
    """Whether what is called is an instance of the class, or what the factory gave."""
    if depth > MAX_DEPTH:
        return False
    if isinstance(func, ast.Name):
        bound = bindings.value(func.id, line)
        return bound is not None and _makes(bound[0], name, bindings, bound[1], attributes, depth + 1)
    if isinstance(func, ast.Attribute):
        value = attributes.get(ast.unparse(func))
        return value is not None and _makes(value, name, bindings, line, {}, depth + 1)
    if not isinstance(func, ast.Call):
        return False
    if _is_named(func.func, name):
        return True
    if last_name(func.func) in WRAPPERS and func.args:
        return _makes(func.args[0], name, bindings, line, attributes, depth + 1)
    if isinstance(func.func, ast.Attribute):  # Net().to(device).eval()
        return _makes(func.func.value, name, bindings, line, attributes, depth + 1)
    return isinstance(func.func, ast.Name) and _returns(bindings.find(func.func.id, line), name)


def _returns(statement: ast.stmt | None, name: str) -> bool:
    """Whether a function plainly returns an instance of the class."""
    if not isinstance(statement, ast.FunctionDef):
        return False
    made = {
        target.id
        for node in ast.walk(statement)
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Call) and _is_named(node.value.func, name)
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    for node in ast.walk(statement):
        if isinstance(node, ast.Return) and node.value is not None:
            value = node.value
            if isinstance(value, ast.Call) and _is_named(value.func, name):
                return True
            if isinstance(value, ast.Name) and value.id in made:
                return True
    return False
