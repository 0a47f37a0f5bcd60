"""What may be run of a module: imports, definitions, and the assignments that they need. Nothing for its effect."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from .models import last_name

Definition = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef
DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
IMPORTS = (ast.Import, ast.ImportFrom)

HARMLESS = frozenset(
    (
        *("print", "manual_seed", "seed", "filterwarnings", "simplefilter", "basicConfig", "getLogger", "setLevel"),
        *("set_printoptions", "set_float32_matmul_precision", "manual_seed_all", "append", "insert", "setdefault"),
    )
)
"""Calls whose absence nobody needs to be told of."""
CONFIGURING = frozenset(("add_argument", "set_defaults"))
REGISTERING = re.compile(r"(add|register|append|extend|insert|update|setdefault|define)(_|$)")
"""Methods that put something into an object of the module, without which it is not what the module's code expects."""
LITERALS = (
    *(ast.Constant, ast.Dict, ast.List, ast.Tuple, ast.Set, ast.UnaryOp, ast.unaryop),
    *(ast.BinOp, ast.operator, ast.expr_context),
)
"""What a constant such as `SIZES = {"width": 2 * 32}` is made of."""


@dataclass(frozen=True)
class Slice:
    """`tree` is what may run; `skipped` are the top-level statements with calls that are left out; `needed` the names
    that what is kept for may read."""

    tree: ast.Module
    skipped: tuple[ast.stmt, ...]
    needed: frozenset[str]


def slice_module(tree: ast.Module, names: Iterable[str] = ()) -> Slice:
    """Keep what `names` need, transitively; what all definitions need where `names` is empty."""
    needed = _needed_names(tree, set(names))
    skipped: list[ast.stmt] = []
    body = _keep(tree.body, needed, skipped)
    return Slice(ast.Module(body, []), tuple(skipped), frozenset(needed))


def bound_names(statement: ast.stmt) -> set[str]:
    """The names that a definition or an assignment binds; an item or attribute counts as its holder."""
    if isinstance(statement, Definition):
        return {statement.name}
    targets: list[ast.expr] = []
    if isinstance(statement, ast.Assign):
        targets = statement.targets
    elif isinstance(statement, (ast.AnnAssign, ast.AugAssign)):
        targets = [statement.target]
    return {node.id for target in targets for node in ast.walk(target) if isinstance(node, ast.Name)}


def _keep(body: list[ast.stmt], needed: set[str], skipped: list[ast.stmt]) -> list[ast.stmt]:
    kept: list[ast.stmt] = []
    for statement in body:
        if isinstance(statement, (ast.Import, ast.ImportFrom, ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            kept.append(statement)
        elif isinstance(statement, ast.If):
            _keep_if(statement, needed, kept, skipped)
        elif isinstance(statement, ast.Try):
            _keep_try(statement, needed, kept, skipped)
        elif (bound_names(statement) | _configured_names(statement)) & needed or _is_constant(statement):
            kept.append(statement)
        elif _has_effect(statement):
            skipped.append(statement)
    return kept


def _keep_if(statement: ast.If, needed: set[str], kept: list[ast.stmt], skipped: list[ast.stmt]) -> None:
    if is_main_guard(statement.test):
        kept.extend(_keep(statement.orelse, needed, skipped))
        return
    body, orelse = _keep(statement.body, needed, skipped), _keep(statement.orelse, needed, skipped)
    if body or orelse:
        whole = ast.If(statement.test, body or [ast.Pass()], orelse)
        kept.append(ast.fix_missing_locations(ast.copy_location(whole, statement)))


def _keep_try(statement: ast.Try, needed: set[str], kept: list[ast.stmt], skipped: list[ast.stmt]) -> None:
    """`try: import apex` with what it falls back on. A handler that gives up, by `raise` or `sys.exit()`, is left out:
    what it gives up on may be done without."""
    body = _keep(statement.body, needed, skipped)
    if not body:
        return
    handlers = [
        ast.copy_location(ast.ExceptHandler(h.type, h.name, _keep(h.body, needed, []) or [ast.Pass()]), h)
        for h in statement.handlers
        if not _gives_up(h)
    ]
    orelse, final = _keep(statement.orelse, needed, skipped), _keep(statement.finalbody, needed, skipped)
    whole = ast.Try(body, handlers, orelse, final)
    if not handlers and not final:
        kept.extend(body)
    else:
        kept.append(ast.fix_missing_locations(ast.copy_location(whole, statement)))


def _gives_up(handler: ast.ExceptHandler) -> bool:
    last = handler.body[-1]
    if isinstance(last, ast.Expr) and isinstance(last.value, ast.Call):
        return ast.unparse(last.value.func) in ("exit", "quit", "sys.exit", "os._exit")
    return isinstance(last, ast.Raise)


def _needed_names(tree: ast.Module, names: set[str]) -> set[str]:
    """The names that `names` reach through definitions and assignments, and those that defining anything reads."""
    binders: dict[str, list[ast.stmt]] = {}
    conditions: set[str] = set()
    waiting = list(names)
    itself = _names_of_itself(tree)
    for statement in _flatten(tree.body):
        for name in bound_names(statement) | _configured_names(statement):
            binders.setdefault(name, []).append(statement)
        if isinstance(statement, Definition):
            waiting += _read_by_defining(statement, itself)
            if not names:
                waiting.append(statement.name)
        elif isinstance(statement, ast.If) and not is_main_guard(statement.test):
            conditions |= names_in(statement.test)
    waiting += conditions
    reached: set[str] = set()
    while waiting:
        name = waiting.pop()
        if name not in reached:
            reached.add(name)
            for statement in binders.get(name, ()):
                waiting += (names_in(statement) | _attributes_of(itself, statement)) - reached
    return reached


def _names_of_itself(tree: ast.Module) -> set[str]:
    """What a module calls itself: `this` of `this = sys.modules[__name__]`."""
    return {
        name
        for statement in tree.body
        if isinstance(statement, ast.Assign) and ast.unparse(statement.value) == "sys.modules[__name__]"
        for name in bound_names(statement)
    }


def _attributes_of(holders: set[str], node: ast.AST) -> set[str]:
    """What is read of a name as an attribute: a module's own name, where the module is read by its name."""
    return {
        each.attr
        for each in (ast.walk(node) if holders else ())
        if isinstance(each, ast.Attribute) and isinstance(each.value, ast.Name) and each.value.id in holders
    }


def _read_by_defining(definition: ast.AST, itself: set[str]) -> set[str]:
    """Names that are read when a definition is run, and not only when what it defines is called."""
    names: set[str] = set()
    waiting = [definition]
    while waiting:
        node = waiting.pop()
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            annotations = [argument.annotation for argument in ast.walk(node.args) if isinstance(argument, ast.arg)]
            run = [*node.decorator_list, *node.args.defaults, *node.args.kw_defaults, *annotations, node.returns]
            waiting += [each for each in run if each is not None]
        elif isinstance(node, ast.Name):
            names.add(node.id)
        elif not isinstance(node, ast.Lambda):
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id in itself:
                names.add(node.attr)
            waiting += ast.iter_child_nodes(node)
    return names


def names_in(node: ast.AST) -> set[str]:
    """All names within a node, read or written."""
    return {each.id for each in ast.walk(node) if isinstance(each, ast.Name)}


def unbound_names(tree: ast.Module) -> set[str]:
    """Names that are read in a module and that nothing in it binds."""
    nodes = list(ast.walk(tree))
    bound = {each.id for each in nodes if isinstance(each, ast.Name) and not isinstance(each.ctx, ast.Load)}
    bound |= {each.arg for each in nodes if isinstance(each, ast.arg)}
    bound |= {each.name for each in nodes if isinstance(each, (*DEFINITIONS, ast.ExceptHandler)) and each.name}
    bound |= {(a.asname or a.name).partition(".")[0] for n in nodes if isinstance(n, IMPORTS) for a in n.names}
    return {each.id for each in nodes if isinstance(each, ast.Name)} - bound


def _flatten(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    for statement in body:
        yield statement
        if isinstance(statement, (ast.If, ast.Try)) and not (
            isinstance(statement, ast.If) and is_main_guard(statement.test)
        ):
            yield from _flatten(statement.body)
            yield from _flatten(statement.orelse)
            for handler in getattr(statement, "handlers", ()):
                yield from _flatten(handler.body)


def configures(method: str) -> bool:
    """Whether a method of this name tells a parser, or absl's flags, what there is and what it is by default."""
    return method in CONFIGURING or method.startswith("DEFINE_")


def _configured_names(statement: ast.stmt) -> set[str]:
    """`parser` for `parser.add_argument(…)`, `LAYERS` for `LAYERS.add("relu", nn.ReLU)`: the calls without which a
    parser's defaults, or what there is to choose from, are not known."""
    if isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Call):
        func = statement.value.func
        if isinstance(func, ast.Attribute) and isinstance(func.value, ast.Name):
            return {func.value.id} if configures(func.attr) or REGISTERING.match(func.attr) else set()
    return set()


def is_main_guard(test: ast.expr) -> bool:
    """Whether a test asks if the file is run as a script."""
    return "__name__" in names_in(test)


def _is_constant(statement: ast.stmt) -> bool:
    """An assignment of a literal: free to run, and often a configuration."""
    value = statement.value if isinstance(statement, (ast.Assign, ast.AnnAssign)) else None
    targets = statement.targets if isinstance(statement, ast.Assign) else [getattr(statement, "target", None)]
    return (
        value is not None
        and all(isinstance(target, ast.Name) for target in targets)
        and all(isinstance(node, LITERALS) for node in ast.walk(value))
    )


def _has_effect(statement: ast.stmt) -> bool:
    return any(isinstance(node, ast.Call) and last_name(node.func) not in HARMLESS for node in ast.walk(statement))
