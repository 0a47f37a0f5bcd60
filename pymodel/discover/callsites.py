"""Where code constructs a class, and on what it calls the result. Read as text."""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from .document import Document, parse_document
from .files import find_files

FACTORIES = frozenset(("randn", "rand", "zeros", "ones", "empty", "randint"))
MAX_FILES = 1000
MAX_NEIGHBOURS = 40


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
    """A call of a constructed model on tensors with literal sizes: their dims and dtypes, None for other arguments."""

    tensors: tuple[tuple[tuple[int, ...], str] | None, ...]
    path: str
    line: int


def find_constructor_calls(document: Document, name: str, own_path: str) -> list[ConstructorCall]:
    """Calls of a class by name, outside of its own body."""
    found = []
    for scope in _scopes(document.tree, name):
        assigned = _assignments(scope, document.tree)
        for node in _own_nodes(scope, name):
            if isinstance(node, ast.Call) and _is_named(node.func, name):
                foreign = document.path != own_path
                call = ast.Call(ast.Name(name, ast.Load()), node.args, node.keywords)
                prelude = _prelude(call, assigned, {name})
                if prelude is not None:
                    text = ast.unparse(ast.fix_missing_locations(call))
                    found.append(ConstructorCall(text, prelude, document.path, node.lineno, foreign))
    return found


def find_forward_calls(document: Document, name: str) -> list[ForwardCall]:
    """`net(torch.randn(2, 3, 32, 32))`, with or without variables in between."""
    found = []
    for scope in _scopes(document.tree, name):
        assigned = _assignments(scope, document.tree)
        for node in _own_nodes(scope, name):
            if isinstance(node, ast.Call) and _makes(node.func, name, assigned):
                tensors = tuple(_tensor(argument, assigned) for argument in node.args)
                if any(tensors):
                    found.append(ForwardCall(tensors, document.path, node.lineno))
    return found


def find_neighbours(path: str, name: str, folder: str, documents: Mapping[str, str] | None = None) -> list[Document]:
    """Other texts of the workspace that call something by this name, nearest first: Python, and the Python blocks of
    README files and the like."""
    found: list[Document] = []
    for count, file in enumerate(find_files(folder, path, (".py", ".md"))):
        if count >= MAX_FILES or len(found) >= MAX_NEIGHBOURS:
            break
        if file == path:
            continue
        try:
            text = (documents or {}).get(file) or Path(file).read_text(encoding="utf-8", errors="replace")
        except OSError:  # gone since it was listed
            continue
        is_another = re.search(rf"^class {re.escape(name)}\b", text, re.MULTILINE)
        if f"{name}(" in text and not is_another:
            found.append(parse_document(file, _code_blocks(text) if file.endswith(".md") else text))
    return found


def _code_blocks(markdown: str) -> str:
    """The fenced Python of a Markdown text, its lines where they were."""
    lines, inside = [], False
    for line in markdown.splitlines():
        if line.startswith("```"):
            inside = not inside and line.lower().startswith(("```py", "``` py"))
            lines.append("")
        else:
            lines.append(line if inside else "")
    return "\n".join(lines)


def _scopes(tree: ast.Module, name: str) -> list[ast.Module | ast.FunctionDef]:
    """The module and its functions; the class itself is left out."""
    own = {
        id(node)
        for each in ast.walk(tree)
        if isinstance(each, ast.ClassDef) and each.name == name
        for node in ast.walk(each)
    }
    functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef) and id(node) not in own]
    return [tree, *functions]


def _own_nodes(scope: ast.Module | ast.FunctionDef, name: str) -> list[ast.AST]:
    """Nodes of a scope that are not within a function or the class of its own."""
    nodes: list[ast.AST] = []
    waiting: list[ast.AST] = list(ast.iter_child_nodes(scope))
    while waiting:
        node = waiting.pop(0)
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            continue
        nodes.append(node)
        waiting.extend(ast.iter_child_nodes(node))
    return nodes


def _assignments(scope: ast.Module | ast.FunctionDef, module: ast.Module) -> dict[str, ast.stmt]:
    """What binds each name in a scope, else in its module: a plain assignment or an import."""
    bound: dict[str, ast.stmt] = {}
    for tree in (module, scope):
        if isinstance(tree, ast.FunctionDef):
            bound.update(_defaults(tree))
        for node in ast.walk(tree) if tree is scope and tree is not module else _flat(module):
            if isinstance(node, ast.Assign) and len(node.targets) == 1 and isinstance(node.targets[0], ast.Name):
                bound[node.targets[0].id] = node
            elif isinstance(node, (ast.Import, ast.ImportFrom)):
                for alias in node.names:
                    bound[(alias.asname or alias.name).partition(".")[0]] = node
            elif isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
                method = ast.unparse(node.value.func)
                if method.endswith(".add_argument"):
                    calls = bound.setdefault(method, ast.If(ast.Constant(True), [], []))
                    if isinstance(calls, ast.If):
                        calls.body.append(node)
    return bound


def _defaults(function: ast.FunctionDef) -> dict[str, ast.stmt]:
    """A function's parameters with defaults, as the assignments that they amount to."""
    positional = [*function.args.posonlyargs, *function.args.args]
    pairs = [
        *zip(positional[len(positional) - len(function.args.defaults) :], function.args.defaults, strict=True),
        *zip(function.args.kwonlyargs, function.args.kw_defaults, strict=True),
    ]
    return {
        parameter.arg: ast.fix_missing_locations(ast.Assign([ast.Name(parameter.arg, ast.Store())], default, lineno=0))
        for parameter, default in pairs
        if default is not None
    }


def _flat(module: ast.Module) -> list[ast.stmt]:
    statements: list[ast.stmt] = []
    for statement in module.body:
        statements.append(statement)
        if isinstance(statement, (ast.If, ast.Try, ast.With)):
            statements += statement.body
    return statements


def _prelude(node: ast.AST, assigned: dict[str, ast.stmt], known: set[str], depth: int = 0) -> tuple[str, ...] | None:
    """The statements that make an expression's names; None if one of them cannot be had without running more."""
    lines: list[str] = []
    for each in ast.walk(node):
        if not isinstance(each, ast.Name) or each.id in known:
            continue
        known.add(each.id)
        statement = assigned.get(each.id)
        if isinstance(statement, (ast.Import, ast.ImportFrom)):
            if isinstance(statement, ast.ImportFrom) and statement.level:
                return None
            lines.append(ast.unparse(statement))
        elif isinstance(statement, ast.Assign):
            if depth > 5:
                return None
            inner = _prelude(statement.value, assigned, known, depth + 1)
            if inner is None:
                return None
            lines += [*inner, ast.unparse(statement), *_configuring(each.id, assigned)]
    return tuple(dict.fromkeys(lines))


def _configuring(name: str, assigned: dict[str, ast.stmt]) -> list[str]:
    """`parser.add_argument(…)` and the like, without which an argument parser has no defaults to give."""
    call = assigned.get(f"{name}.add_argument")
    return [ast.unparse(each) for each in call.body] if isinstance(call, ast.If) else []


def _is_named(func: ast.expr, name: str) -> bool:
    return (isinstance(func, ast.Name) and func.id == name) or (isinstance(func, ast.Attribute) and func.attr == name)


def _makes(func: ast.expr, name: str, assigned: dict[str, ast.stmt]) -> bool:
    """Whether what is called is an instance of the class."""
    if isinstance(func, ast.Name):
        statement = assigned.get(func.id)
        func = statement.value if isinstance(statement, ast.Assign) else func
    while isinstance(func, ast.Call) and isinstance(func.func, ast.Attribute) and not _is_named(func.func, name):
        func = func.func.value  # Net().to(device).eval()
    return isinstance(func, ast.Call) and _is_named(func.func, name)


def _tensor(node: ast.expr, assigned: dict[str, ast.stmt], depth: int = 0) -> tuple[tuple[int, ...], str] | None:
    if isinstance(node, ast.Name) and depth < 3:
        statement = assigned.get(node.id)
        return _tensor(statement.value, assigned, depth + 1) if isinstance(statement, ast.Assign) else None
    while isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in ("to", "cuda"):
        node = node.func.value
    if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in FACTORIES):
        return None
    arguments = node.args
    if node.func.attr == "randint":
        arguments = arguments[-1:]
    if len(arguments) == 1 and isinstance(arguments[0], (ast.Tuple, ast.List)):
        arguments = arguments[0].elts
    sizes = [_literal(argument, assigned) for argument in arguments]
    if not sizes or any(size is None for size in sizes):
        return None
    dtype = "int64" if node.func.attr == "randint" else "float32"
    for keyword in node.keywords:
        if keyword.arg == "dtype":
            dtype = {"long": "int64", "int": "int32", "float": "float32"}.get(
                ast.unparse(keyword.value).rpartition(".")[2], ast.unparse(keyword.value).rpartition(".")[2]
            )
    return tuple(size for size in sizes if size is not None), dtype


def _literal(node: ast.expr, assigned: dict[str, ast.stmt]) -> int | None:
    if isinstance(node, ast.Name):
        statement = assigned.get(node.id)
        node = statement.value if isinstance(statement, ast.Assign) else node
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, int) else None
