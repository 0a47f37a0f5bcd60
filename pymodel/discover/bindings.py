"""What binds each name in a scope, and the statements that make an expression's names. Read as text.

Loops and calls count as bindings too: `for images, labels in loader` binds what `next(iter(loader))` gives, and a
function's parameters are what the file's first call of it passes.
"""

from __future__ import annotations

import ast
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import chain

from .document import Document
from .imports import absolute_name, module_name
from .models import last_name
from .slicing import configures, is_main_guard

Scope = ast.Module | ast.FunctionDef
PROGRESS_BARS = frozenset(("tqdm", "trange", "track", "notebook_tqdm"))
OPTIONS = frozenset(("option", "argument"))
MAX_DEPTH = 8


@dataclass
class Bindings:
    """The statements that bind names, each with the line from which on it holds (0: from the start)."""

    document: Document
    made: dict[str, list[tuple[int, ast.stmt]]] = field(default_factory=dict)
    configured: dict[str, list[ast.stmt]] = field(default_factory=dict)
    """`parser.add_argument(…)`, `config.width = 64` and the like, by the name they configure."""

    def add(self, name: str, statement: ast.stmt, line: int) -> None:
        self.made.setdefault(name, []).append((line, statement))

    def find(self, name: str, line: int) -> ast.stmt | None:
        """What a name is bound to on a line: the last binding above it, else the first one."""
        bound = self.made.get(name, [])
        above = [statement for start, statement in bound if start < line]
        return above[-1] if above else (bound[0][1] if bound else None)

    def value(self, name: str, line: int) -> tuple[ast.expr, int] | None:
        """The expression that is assigned to a plain name, and its line."""
        statement = self.find(name, line)
        if isinstance(statement, ast.Assign) and isinstance(statement.targets[0], ast.Name):
            return statement.value, statement.lineno
        return None


@lru_cache(maxsize=512)
def find_scopes(tree: ast.Module, name: str) -> list[Scope]:
    """The module and its functions; a class called `name` is left out."""
    own = {
        id(node)
        for each in ast.walk(tree)
        if isinstance(each, ast.ClassDef) and each.name == name
        for node in ast.walk(each)
    }
    return [tree, *(node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef) and id(node) not in own)]


@lru_cache(maxsize=4096)
def own_nodes(scope: Scope) -> list[ast.AST]:
    """Nodes of a scope that are not within a function or class of its own."""
    nodes: list[ast.AST] = []
    waiting = deque(ast.iter_child_nodes(scope))
    while waiting:
        node = waiting.popleft()
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            continue
        nodes.append(node)
        waiting.extend(ast.iter_child_nodes(node))
    return nodes


def bind(scope: Scope, document: Document, depth: int = 0) -> Bindings:
    """What binds each name in a scope: its module's statements, its parameters, its own statements."""
    bindings = Bindings(document)
    if isinstance(scope, ast.FunctionDef):
        always = unconditional(document.tree)
        for node in own_nodes(document.tree):
            _bind_node(bindings, node, always, outer=True)
        if depth < 2:
            _bind_arguments(bindings, scope, document, depth)
        for name, statement in _defaults(scope).items():
            bindings.add(name, statement, 0)
    for definition in document.tree.body:
        if isinstance(definition, (ast.FunctionDef, ast.ClassDef)):
            bindings.add(definition.name, definition, 0)
    always = unconditional(scope)
    for node in own_nodes(scope):
        _bind_node(bindings, node, always, outer=False)
    return bindings


def prelude(
    node: ast.AST, bindings: Bindings, line: int, known: set[str], foreign: bool, depth: int = 0
) -> tuple[str, ...] | None:
    """The statements that make an expression's names on a line; None if one cannot be had without running more.

    `foreign` says that the statements will run elsewhere than in the file itself: its definitions are imported then.
    """
    lines: list[str] = []
    known = known | _own_names(node)
    for each in ast.walk(node):
        if not isinstance(each, ast.Name) or each.id in known or isinstance(each.ctx, ast.Store):
            continue
        statement = bindings.find(each.id, line)
        if isinstance(statement, (ast.Import, ast.ImportFrom)):
            lines.append(_absolute(statement, bindings.document.path))
            lines += _configuring(each.id, bindings, known, foreign, depth)
        elif isinstance(statement, (ast.FunctionDef, ast.ClassDef)):
            if foreign:
                if not bindings.document.path.endswith(".py"):
                    return None
                lines.append(f"from {module_name(bindings.document.path)} import {each.id}")
        elif isinstance(statement, ast.Assign):
            if depth > MAX_DEPTH:
                return None
            inner = prelude(statement.value, bindings, statement.lineno, known - {each.id}, foreign, depth + 1)
            if inner is None:
                return None
            lines += [*inner, ast.unparse(statement), *_configuring(each.id, bindings, known, foreign, depth)]
    return tuple(dict.fromkeys(lines))


def _own_names(node: ast.AST) -> set[str]:
    """The names that comprehensions and lambdas within a node bind for themselves."""
    inner = [each for each in ast.walk(node) if isinstance(each, (ast.comprehension, ast.arg))]
    return {
        name for each in inner for name in ([each.arg] if isinstance(each, ast.arg) else _target_names(each.target))
    }


def _configuring(name: str, bindings: Bindings, known: set[str], foreign: bool, depth: int) -> Iterator[str]:
    """The statements that configure a name, each after what makes the names in it."""
    for statement in bindings.configured.get(name, ()):
        inner = prelude(statement, bindings, statement.lineno, known | {name}, foreign, depth + 1)
        if inner is not None and depth <= MAX_DEPTH:
            yield from inner
            yield ast.unparse(statement)


def assign(target: ast.expr, value: ast.expr, line: int) -> ast.Assign:
    return ast.fix_missing_locations(ast.Assign([target], value, lineno=line))


@lru_cache(maxsize=4096)
def unconditional(scope: Scope) -> frozenset[ast.stmt]:
    """The statements of a scope that no condition stands before but `if __name__ == "__main__":`."""
    guarded = [each.body for each in scope.body if isinstance(each, ast.If) and is_main_guard(each.test)]
    return frozenset(chain(scope.body, *guarded))


def _bind_node(bindings: Bindings, node: ast.AST, always: frozenset[ast.stmt], outer: bool) -> None:
    if isinstance(node, ast.Assign):
        target = node.targets[0]
        for name in chain.from_iterable(map(_target_names, node.targets)):
            bindings.add(name, node, 0 if outer else node.lineno)
        holder = target.value if isinstance(target, (ast.Attribute, ast.Subscript)) else None
        own = holder.id if isinstance(holder, ast.Name) and node in always else ""
        if isinstance(holder, ast.Name) and _is_settled(node.value, own, bindings):
            bindings.configured.setdefault(holder.id, []).append(node)
    elif isinstance(node, ast.If):
        changed = {_configured_by(each) for each in node.body}
        holder_name = changed.pop() if len(changed) == 1 and not node.orelse else None
        if holder_name and node in always and _is_settled(node.test, holder_name, bindings):
            bindings.configured.setdefault(holder_name, []).append(node)
    elif isinstance(node, ast.AnnAssign) and node.value is not None and isinstance(node.target, ast.Name):
        bindings.add(node.target.id, assign(node.target, node.value, node.lineno), 0 if outer else node.lineno)
    elif isinstance(node, (ast.Import, ast.ImportFrom)):
        for alias in node.names:
            bindings.add((alias.asname or alias.name).partition(".")[0], node, 0)
    elif isinstance(node, (ast.For, ast.AsyncFor)):
        first = ast.Call(ast.Name("iter", ast.Load()), [_without_progress(node.iter)], [])
        taken = assign(node.target, ast.Call(ast.Name("next", ast.Load()), [first], []), node.lineno)
        for name in _target_names(node.target):
            bindings.add(name, taken, 0 if outer else node.lineno)
    elif isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
        func = node.value.func
        if isinstance(func, ast.Attribute) and configures(func.attr):
            holder = func.value
            if isinstance(holder, ast.Name):
                bindings.configured.setdefault(holder.id, []).append(node)
        elif isinstance(func, ast.Attribute) and func.attr == "update" and isinstance(func.value, ast.Name):
            given = [*node.value.args, *(each.value for each in node.value.keywords)]
            if all(_is_settled(each, func.value.id, bindings) for each in given):
                bindings.configured.setdefault(func.value.id, []).append(node)


def _configured_by(statement: ast.stmt) -> str | None:
    """`config` of `config.n_cells *= 2`."""
    target = statement.target if isinstance(statement, ast.AugAssign) else None
    holder = target.value if isinstance(target, ast.Attribute) else None
    is_plain = isinstance(statement, ast.AugAssign) and isinstance(statement.value, ast.Constant)
    return holder.id if isinstance(holder, ast.Name) and is_plain else None


def _target_names(target: ast.expr) -> list[str]:
    if isinstance(target, (ast.Attribute, ast.Subscript)):
        return []
    return [node.id for node in ast.walk(target) if isinstance(node, ast.Name)]


def _is_settled(value: ast.expr, holder: str, bindings: Bindings, depth: int = 0) -> bool:
    """Whether a value needs nothing to be called, and no names but those of such values and of what it configures."""
    for node in ast.walk(value):
        if isinstance(node, (ast.Call, ast.Lambda)) or depth > MAX_DEPTH:
            return False
        if isinstance(node, ast.Name) and node.id != holder:
            bound = bindings.value(node.id, value.lineno)
            if bound is None or not _is_settled(bound[0], holder, bindings, depth + 1):
                return False
    return True


def _without_progress(node: ast.expr) -> ast.expr:
    """`loader` of `enumerate(tqdm(loader))`, the bar left out."""
    if isinstance(node, ast.Call) and node.args:
        if last_name(node.func) in PROGRESS_BARS:
            return _without_progress(node.args[0])
        if last_name(node.func) == "enumerate":
            return ast.Call(node.func, [_without_progress(node.args[0])], [])
    return node


def _bind_arguments(bindings: Bindings, function: ast.FunctionDef, document: Document, depth: int) -> None:
    """Parameters as what the file's first call of the function passes."""
    names = [each.arg for each in (*function.args.posonlyargs, *function.args.args)]
    calls = _calls_by_name(document.tree).get(function.name, [])
    found = next(((scope, node) for scope, node in calls if scope is not function), None)
    if found is None:
        return
    scope, node = found
    given = dict(zip(names, node.args, strict=False))
    given |= {keyword.arg: keyword.value for keyword in node.keywords if keyword.arg}
    if any(isinstance(each, ast.Starred) for each in node.args):
        return
    outer = bind(scope, document, depth + 1)
    for name, bound in outer.made.items():
        bindings.made[name] = [(0, statement) for start, statement in bound if start <= node.lineno]
    bindings.configured.update(outer.configured)
    for name, value in given.items():
        if not (isinstance(value, ast.Name) and value.id == name):
            bindings.made[name] = [(0, assign(ast.Name(name, ast.Store()), value, node.lineno))]


@lru_cache(maxsize=64)
def _calls_by_name(tree: ast.Module) -> dict[str, list[tuple[Scope, ast.Call]]]:
    """Calls of plain names, each with the scope that it stands in, in the order of the scopes."""
    found: dict[str, list[tuple[Scope, ast.Call]]] = {}
    for scope in find_scopes(tree, ""):
        for node in own_nodes(scope):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
                found.setdefault(node.func.id, []).append((scope, node))
    return found


def _defaults(function: ast.FunctionDef) -> dict[str, ast.stmt]:
    """Parameters with defaults, click's options included, as the assignments that they amount to; where any number of
    arguments is taken there are none."""
    positional = [*function.args.posonlyargs, *function.args.args]
    pairs = [
        *zip(positional[len(positional) - len(function.args.defaults) :], function.args.defaults, strict=True),
        *zip(function.args.kwonlyargs, function.args.kw_defaults, strict=True),
    ]
    found = {parameter.arg: default for parameter, default in pairs if default is not None}
    if function.args.kwarg is not None:
        found[function.args.kwarg.arg] = ast.Dict([], [])
    if function.args.vararg is not None:
        found[function.args.vararg.arg] = ast.Tuple([], ast.Load())
    for decorator in function.decorator_list:
        if isinstance(decorator, ast.Call) and last_name(decorator.func) in OPTIONS and decorator.args:
            default = next((each.value for each in decorator.keywords if each.arg == "default"), None)
            flag = decorator.args[0]
            if default is not None and isinstance(flag, ast.Constant) and isinstance(flag.value, str):
                found[flag.value.lstrip("-").replace("-", "_")] = default
    return {name: assign(ast.Name(name, ast.Store()), default, 0) for name, default in found.items()}


def _absolute(statement: ast.Import | ast.ImportFrom, path: str) -> str:
    """An import as it reads anywhere: dots resolved."""
    if isinstance(statement, ast.ImportFrom) and statement.level:
        return ast.unparse(ast.ImportFrom(absolute_name(statement, path), statement.names, 0))
    return ast.unparse(statement)
