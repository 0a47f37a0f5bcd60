"""Finds the training and evaluation code of a script: where its steps are, and which statements they need.

A training step calls `backward` on something; an evaluation is a loop where gradients are off; a module of Lightning
has its steps as methods that the framework calls. A script is followed from its top (the main guard included) down to
its steps; a function with a step that nothing in the file calls is followed by itself.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from .document import Document
from .models import find_module_classes, last_name
from .slicing import bound_names, is_main_guard, names_in

MAIN = "__main__"
GRADIENT_SWITCHES = frozenset(("no_grad", "inference_mode", "set_grad_enabled"))
FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
Function = ast.FunctionDef | ast.AsyncFunctionDef
HOOKS = frozenset(("training_step", "validation_step", "test_step"))
"""Methods of a module that take a batch and that its framework calls."""
LOOPS = (ast.For, ast.AsyncFor, ast.While)


@dataclass(frozen=True)
class Script:
    """The steps of a file. `functions` hold one or lead to one, by dotted name (`fit`, `Trainer.fit`); `entries` are
    those that must be followed by themselves; `from_top` tells whether the top of the file leads to a step."""

    path: str
    line: int
    functions: dict[str, Function]
    entries: tuple[str, ...]
    from_top: bool
    hooked: frozenset[str]
    """Classes of modules with steps of their own."""
    imported: frozenset[str]
    """Names of modules and what comes from them: a call on one of these is for its effect."""

    @property
    def target(self) -> str:
        return f"{self.path}::{MAIN}"

    def leads(self, node: ast.AST) -> bool:
        """Whether running a node runs a step."""
        return _holds_step(node) or any(
            isinstance(each, ast.Call) and self._names(each.func) for each in _nodes_run(node)
        )

    def _names(self, func: ast.expr) -> bool:
        return any(_matches(func, name) for name in self.functions)


def find_script(document: Document) -> Script | None:
    """The script in a file; None where it neither trains nor evaluates anything."""
    functions = dict(_functions_of(document))
    modules = find_module_classes(document)
    hooks = {name for name in functions if name.partition(".")[0] in modules}
    steps = hooks | {name for name, node in functions.items() if _holds_step(node)}
    top = ast.Module([each for each in document.tree.body if not isinstance(each, (*FUNCTIONS, ast.ClassDef))], [])
    if not steps and not _holds_step(top):
        return None
    calls = {name: _called(node, functions) for name, node in functions.items()}
    leading = set(steps)
    while more := {name for name, called in calls.items() if called & leading} - leading:
        leading |= more
    called_from_top = _called(top, functions) & leading
    reached, waiting = set(called_from_top), list(called_from_top)
    while waiting:
        for name in calls[waiting.pop()] & leading - reached:
            reached.add(name)
            waiting.append(name)
    called_elsewhere = {name for caller in leading - reached for name in calls[caller] if name != caller}
    entries = tuple(name for name in functions if name in leading - reached - called_elsewhere)
    lines = [node.lineno for node in _first_steps(top, functions, steps)]
    first = min((*lines, *(functions[name].lineno for name in hooks)), default=1)
    return Script(
        document.path,
        first,
        {name: node for name, node in functions.items() if name in leading},
        entries,
        bool(called_from_top) or _holds_step(top),
        frozenset(name.partition(".")[0] for name in hooks),
        frozenset(
            (alias.asname or alias.name).partition(".")[0]
            for node in ast.walk(document.tree)
            if isinstance(node, (ast.Import, ast.ImportFrom))
            for alias in node.names
        ),
    )


def find_relevant(body: Sequence[ast.stmt], script: Script) -> set[ast.stmt]:
    """The statements of a scope that its steps need, and all that its loops with steps hold.

    A body whose step stands in no loop (a function that does one step), or that is one evaluation, is needed whole.
    """
    leading = [each for each in body if not isinstance(each, (*FUNCTIONS, ast.ClassDef)) and script.leads(each)]
    if not leading or any(_steps_outside_loops(each) for each in leading if not _is_main_guard(each)):
        return set(_statements(body))
    kept: set[ast.stmt] = set()
    needed: set[str] = set()
    _keep_from(body, script, kept, needed)
    while True:
        size = len(kept), len(needed)
        for statement in body:
            _keep_needed(statement, kept, needed, script.imported)
        if (len(kept), len(needed)) == size:
            return kept


def lines_followed(document: Document, script: Script) -> frozenset[int]:
    """The lines at the top of a file where a statement starts that its steps need."""
    body = document.tree.body
    return frozenset(each.lineno for each in find_relevant(body, script)) if script.from_top else frozenset()


def _keep_from(body: Sequence[ast.stmt], script: Script, kept: set[ast.stmt], needed: set[str]) -> None:
    """Keep the statements of a block that lead to a step, and from the first of them on what is computed."""
    seen = False
    for statement in body:
        if isinstance(statement, (*FUNCTIONS, ast.ClassDef)):
            continue
        if script.leads(statement):
            seen = True
            _keep_leading(statement, script, kept, needed)
        elif seen and not isinstance(statement, ast.Expr):
            kept.update(_statements([statement]))
            needed |= names_in(statement)


def _keep_leading(statement: ast.stmt, script: Script, kept: set[ast.stmt], needed: set[str]) -> None:
    """Keep a statement that leads to a step: a loop whole, of other blocks what leads there."""
    kept.add(statement)
    blocks = list(_blocks(statement))
    if not blocks or isinstance(statement, LOOPS):
        kept.update(_statements([statement]))
        needed |= names_in(statement)
        return
    own = [each for each in ast.iter_child_nodes(statement) if isinstance(each, (ast.expr, ast.withitem))]
    needed.update(*(names_in(each) for each in own))
    for block in blocks:
        _keep_from(block, script, kept, needed)


def _keep_needed(statement: ast.stmt, kept: set[ast.stmt], needed: set[str], imported: frozenset[str]) -> bool:
    """Keep what binds or configures a needed name, and the blocks around it."""
    if isinstance(statement, (ast.Import, ast.ImportFrom, ast.Global, ast.Nonlocal)):
        kept.add(statement)
        return True
    blocks = list(_blocks(statement))
    if isinstance(statement, (*FUNCTIONS, ast.ClassDef)):
        wanted = statement.name in needed
    elif blocks:
        found = [_keep_needed(each, kept, needed, imported) for block in blocks for each in block]
        wanted = any(found)
        if isinstance(statement, (ast.For, ast.AsyncFor)) and wanted:
            kept.update(_statements([statement]))
            needed |= names_in(statement)
    else:
        wanted = bool((bound_names(statement) | _configured(statement, imported)) & needed)
    if wanted and statement not in kept:
        kept.add(statement)
        if isinstance(statement, (ast.If, ast.While)):
            needed |= names_in(statement.test)
        elif isinstance(statement, ast.With):
            needed.update(*(names_in(item) for item in statement.items))
        elif not blocks or isinstance(statement, (*FUNCTIONS, ast.ClassDef)):
            needed |= names_in(statement)
    return statement in kept


def _configured(statement: ast.stmt, imported: frozenset[str]) -> set[str]:
    """`model` for `model.to(device)`: what a call for its effect works on."""
    if not (isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Call)):
        return set()
    root: ast.expr = statement.value.func
    while isinstance(root, (ast.Attribute, ast.Call, ast.Subscript)):
        root = root.func if isinstance(root, ast.Call) else root.value
    named = isinstance(statement.value.func, ast.Attribute) and isinstance(root, ast.Name)
    return {root.id} if named and isinstance(root, ast.Name) and root.id not in imported else set()


def _functions_of(document: Document) -> Iterator[tuple[str, Function]]:
    """Functions of a file, and methods of its classes by dotted name; of modules, only the `HOOKS`."""
    modules = find_module_classes(document)
    for node in document.tree.body:
        if isinstance(node, FUNCTIONS):
            yield node.name, node
        elif isinstance(node, ast.ClassDef):
            for each in node.body:
                if isinstance(each, FUNCTIONS) and (node.name not in modules or each.name in HOOKS):
                    yield f"{node.name}.{each.name}", each


def _called(node: ast.AST, functions: dict[str, Function]) -> set[str]:
    funcs = [each.func for each in _nodes_run(node) if isinstance(each, ast.Call)]
    return {name for name in functions if any(_matches(func, name) for func in funcs)}


def _matches(func: ast.expr, name: str) -> bool:
    """Whether what is called may be this function: `train` for `train`, `trainer.fit` for `Trainer.fit`."""
    if "." in name:
        return isinstance(func, ast.Attribute) and func.attr == name.rpartition(".")[2]
    return isinstance(func, ast.Name) and func.id == name


def _nodes_run(node: ast.AST) -> Iterator[ast.AST]:
    """The nodes of a statement, or of a function's own body; the class bodies within are left out."""
    waiting = [node]
    while waiting:
        each = waiting.pop()
        yield each
        waiting += [child for child in ast.iter_child_nodes(each) if not isinstance(child, ast.ClassDef)]


def _holds_step(node: ast.AST) -> bool:
    return any(_is_backward(each) for each in _nodes_run(node)) or _holds_evaluation(node)


def _is_backward(node: ast.AST) -> bool:
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "backward"


def _holds_evaluation(node: ast.AST) -> bool:
    """A loop where gradients are off, by a decorator, a `with`, or after `.eval()`."""
    nodes = list(_nodes_run(node))
    loops = any(isinstance(each, (*LOOPS, ast.comprehension)) for each in nodes)
    return loops and any(_switches_gradients(each) for each in nodes)


def _switches_gradients(node: ast.AST) -> bool:
    if (
        isinstance(node, ast.Call)
        and not node.args
        and isinstance(node.func, ast.Attribute)
        and node.func.attr == "eval"
    ):
        return True
    switches: list[ast.expr] = []
    if isinstance(node, FUNCTIONS):
        switches = node.decorator_list
    elif isinstance(node, (ast.With, ast.AsyncWith)):
        switches = [item.context_expr for item in node.items]
    return any(last_name(each.func if isinstance(each, ast.Call) else each) in GRADIENT_SWITCHES for each in switches)


def _steps_outside_loops(node: ast.AST) -> bool:
    if isinstance(node, (*LOOPS, ast.ClassDef)):
        return False
    return _is_backward(node) or any(_steps_outside_loops(each) for each in ast.iter_child_nodes(node))


def _first_steps(top: ast.AST, functions: dict[str, Function], steps: set[str]) -> Iterator[ast.Call]:
    for node in (top, *(functions[name] for name in steps)):
        yield from (each for each in ast.walk(node) if isinstance(each, ast.Call) and _is_backward(each))


def _blocks(statement: ast.stmt) -> Iterator[list[ast.stmt]]:
    """The blocks that a compound statement runs; a definition runs none."""
    if isinstance(statement, (*FUNCTIONS, ast.ClassDef)):
        return
    for name in ("body", "orelse", "finalbody"):
        block = getattr(statement, name, None)
        if block:
            yield block
    for handler in (*getattr(statement, "handlers", ()), *getattr(statement, "cases", ())):
        yield handler.body


def _statements(body: Sequence[ast.stmt]) -> Iterator[ast.stmt]:
    for statement in body:
        yield statement
        for block in _blocks(statement):
            yield from _statements(block)


def _is_main_guard(statement: ast.stmt) -> bool:
    return isinstance(statement, ast.If) and is_main_guard(statement.test)
