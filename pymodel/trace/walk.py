"""Follows a script statement by statement, down to its training steps, each loop once.

A statement that fails leaves its names unknown and the rest is followed all the same. What came before the first batch
is run once and remembered. Of a branch both sides are seen: the one not taken on a copy of the names.
"""

from __future__ import annotations

import ast
import contextlib
import inspect
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn
from torch.utils import _pytree as pytree
from torch.utils._contextlib import _DecoratorContextManager

from ..discover.models import last_name
from ..discover.slicing import bound_names, is_main_guard
from ..discover.steps import Function, find_relevant
from .assume import Assumptions
from .patience import at_most
from .pieces import STATEMENT_SECONDS, Names, Pieces, Prepared
from .recorder import Recorder
from .stepmode import StepMode
from .unknown import Facts, Unknown, Unsure

LOOP_SECONDS = 2.0
MAX_DEPTH = 20
MAX_PASSES = 10_000
MAX_SHORT = 4
ITEM = "__pymodel_item__"
WRITERS = frozenset(("save", "savefig", "dump", "write", "makedirs", "mkdir", "save_pretrained", "to_csv", "show"))
"""Calls for nothing but their effect. The guard would refuse them; here they are not even tried."""
DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
JUMPS = (ast.Break, ast.Continue, ast.Return, ast.Raise)


@dataclass(frozen=True)
class Jump:
    """How a block ended early: by `break`, `continue`, `return` (with its value) or `raise`."""

    kind: type[ast.stmt]
    value: Any = None


class Walk:
    """One walk over a script."""

    def __init__(self, prepared: Prepared, mode: StepMode, recorder: Recorder, facts: Facts) -> None:
        self.prepared = prepared
        self.mode = mode
        self.pieces = Pieces(prepared, mode, recorder, facts)
        self._depth = 0
        self._exploring = 0

    @property
    def assumptions(self) -> Assumptions:
        return self.mode.assumptions

    # Scopes.

    def walk_script(self) -> None:
        """Follow the top of the file, then the functions with steps that nothing calls."""
        script, module = self.prepared.script, self.prepared.module
        originals = {name: self._replace(name) for name in script.functions}
        try:
            if script.from_top:
                self._block(
                    self.prepared.document.tree.body, vars(module), self._relevant(self.prepared.document.tree.body)
                )
            for name in script.entries:
                original = originals.get(name)
                if original is not None:
                    instance = self.prepared.instances.get(name.partition(".")[0])
                    args = () if instance is None else (instance,)
                    self.walk_function(name, script.functions[name], original, args, {})
        finally:
            for name, original in originals.items():
                if original is not None:
                    holder, attribute = self._holder(name)
                    setattr(holder, attribute, original)

    def walk_function(
        self, name: str, node: Function, function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Any:
        """Follow a function's body with the arguments of a call; what is not given is unknown."""
        plain = inspect.unwrap(function)
        signature = inspect.signature(plain)
        try:
            bound = signature.bind_partial(*args, **kwargs)
        except TypeError as error:
            self.pieces.failures.append((node, error))
            bound = signature.bind_partial()
        bound.apply_defaults()
        names: Names = {**plain.__globals__, **inspect.getclosurevars(plain).nonlocals, **bound.arguments}
        for parameter in signature.parameters:
            if parameter not in bound.arguments:
                names[parameter] = self.pieces.unknown(f"{name}.{parameter}")
        self.pieces.record_bound(node.args, names)
        for parameter in bound.arguments:
            self._adopt(parameter, bound.arguments[parameter])
        self._depth += 1
        try:
            with contextlib.ExitStack() as stack:
                for context in _decorating_contexts(node, plain.__globals__):
                    stack.enter_context(context)
                jump = self._block(node.body, names, self._relevant(node.body))
        finally:
            self._depth -= 1
        return jump.value if jump is not None and jump.kind is ast.Return else None

    def _replace(self, name: str) -> Callable[..., Any] | None:
        """Have calls of a function walk it; the function itself, where that can be done."""
        node = self.prepared.script.functions[name]
        holder, attribute = self._holder(name)
        original: Callable[..., Any] | None = vars(holder).get(attribute) if holder is not None else None
        simple = not any(isinstance(each, (ast.Yield, ast.YieldFrom, ast.Await)) for each in ast.walk(node))
        if original is None or not inspect.isfunction(inspect.unwrap(original)) or not simple:
            return None
        function = original

        def walk(*args: Any, **kwargs: Any) -> Any:
            if self._depth >= MAX_DEPTH:
                raise RecursionError(name)
            return self.walk_function(name, node, function, args, kwargs)

        setattr(holder, attribute, walk)
        return original

    def _holder(self, name: str) -> tuple[Any, str]:
        owner, _, attribute = name.rpartition(".")
        return (getattr(self.prepared.module, owner, None) if owner else self.prepared.module), attribute

    def _relevant(self, body: list[ast.stmt]) -> set[ast.stmt]:
        known = self.prepared.relevant
        if id(body) not in known:
            known[id(body)] = find_relevant(body, self.prepared.script)
        return known[id(body)]

    # Blocks.

    def _block(self, body: list[ast.stmt], names: Names, relevant: set[ast.stmt] | None = None) -> Jump | None:
        for place, statement in enumerate(body):
            if relevant is not None and statement not in relevant:
                continue
            jump = self._statement(statement, names, relevant)
            if jump is not None:
                if isinstance(statement, ast.If) and self.mode.started:
                    self._explore(body[place + 1 :], names, relevant)
                return jump
        return None

    def _explore(self, body: list[ast.stmt], names: Names, relevant: set[ast.stmt] | None) -> None:
        """Follow a block that is not run now, on a copy of the names: its faults are not certain, its shapes are."""
        if not body:
            return
        noted: tuple[list[Any], ...] = self.mode.faults, self.mode.witnesses, self.mode.mixes
        lengths = [len(each) for each in noted]
        models_run, everything = self.mode.models_run, self.assumptions.everything
        self._exploring += 1
        try:
            self._block(body, dict(names), relevant)
        finally:
            self._exploring -= 1
            for each, length in zip(noted, lengths, strict=True):
                del each[length:]
            self.mode.models_run, self.assumptions.everything = models_run, everything

    def _statement(self, statement: ast.stmt, names: Names, relevant: set[ast.stmt] | None) -> Jump | None:
        if isinstance(statement, (ast.Break, ast.Continue, ast.Raise)):
            return Jump(type(statement))
        if isinstance(statement, ast.Return):
            return Jump(ast.Return, self.pieces.evaluate(statement.value, names) if statement.value else None)
        if isinstance(statement, ast.If):
            return self._if(statement, names, relevant)
        if isinstance(statement, (ast.For, ast.While)):
            return self._loop(statement, names, relevant)
        if isinstance(statement, ast.With):
            return self._with(statement, names, relevant)
        if isinstance(statement, ast.Try):
            return self._try(statement, names, relevant)
        if isinstance(statement, ast.Assign):
            self._assign(statement.targets, statement.value, names)
        elif isinstance(statement, ast.AnnAssign):
            if statement.value is not None:
                self._assign([statement.target], statement.value, names)
        elif not isinstance(statement, (ast.Global, ast.Nonlocal, ast.Pass)):
            self._plain(statement, names)
        return None

    def _if(self, statement: ast.If, names: Names, relevant: set[ast.stmt] | None) -> Jump | None:
        if is_main_guard(statement.test):
            return self._block(statement.body, names, relevant)
        before = self.assumptions.everything
        truth = self._truth(statement.test, names)
        if truth is None:
            ends = isinstance(statement.body[-1], JUMPS)
            truth = not ends
        taken, other = (statement.body, statement.orelse) if truth else (statement.orelse, statement.body)
        chosen = self.assumptions.everything and not before
        if chosen:
            self.assumptions.everything = before
        if self.mode.started:
            self._explore(other, names, relevant)
        jump = self._block(taken, names, relevant)
        if chosen and any(_holds_tensor(names.get(name)) for each in statement.body for name in bound_names(each)):
            self.assumptions.everything = True
        return jump

    def _truth(self, test: ast.expr, names: Names) -> bool | None:
        """Whether a test holds; None where that is not known."""
        value = self.pieces.evaluate(test, names)
        try:
            return None if isinstance(value, Unknown) else bool(value)
        except Exception:  # a truth of the user's own making
            return None

    def _loop(self, statement: ast.For | ast.While, names: Names, relevant: set[ast.stmt] | None) -> Jump | None:
        """Passes of a loop until one ran a model: the others would do the same."""
        items = self._items(statement, names)
        end = time.process_time() + LOOP_SECONDS
        for number, item in enumerate(items):
            run = self.mode.models_run
            if isinstance(statement, ast.For):
                self._bind(statement.target, item, names)
            jump = self._block(statement.body, names, relevant)
            if jump is not None and jump.kind in (ast.Return, ast.Raise):
                return jump
            ended = jump is not None and jump.kind is ast.Break
            enough = self.mode.models_run > run and not _is_short(statement)
            if enough and number == 0:  # what the next pass is fed may tell what it is
                enough = not any(isinstance(names.get(name), Unknown) for name in _names_stored(statement.body))
            if ended or enough or number >= MAX_PASSES or time.process_time() > end:
                break
        return self._block(statement.orelse, names, relevant)

    def _items(self, statement: ast.For | ast.While, names: Names) -> Iterable[Any]:
        if isinstance(statement, ast.While):
            while self._truth(statement.test, names) is not False:
                yield None
            return
        value = self.pieces.evaluate(statement.iter, names)
        path = f"{statement.iter.lineno}"
        try:
            iterator = iter(value)
        except Exception as error:
            self.pieces.failures.append((statement.iter, error))
            iterator = iter((self.pieces.unknown(path),))
        number = 0
        while True:
            try:
                with at_most(STATEMENT_SECONDS):
                    item = next(iterator)
            except StopIteration:
                return
            except Exception as error:
                self.pieces.failures.append((statement.iter, error))
                if number == 0:
                    yield self.pieces.unknown(path)
                return
            number += 1
            yield item

    def _with(self, statement: ast.With, names: Names, relevant: set[ast.stmt] | None) -> Jump | None:
        entered: list[tuple[ast.expr, Any]] = []
        for item in statement.items:
            context = self.pieces.evaluate(item.context_expr, names)
            value: Any = context
            try:
                value = type(context).__enter__(context)
                entered.append((item.context_expr, context))
            except Exception as error:
                self.pieces.failures.append((item.context_expr, error))
            if item.optional_vars is not None:
                self._bind(item.optional_vars, value, names)
        try:
            return self._block(statement.body, names, relevant)
        finally:
            for expression, context in reversed(entered):
                try:
                    type(context).__exit__(context, None, None, None)
                except Exception as error:  # a file that could not be written cannot be closed either
                    self.pieces.failures.append((expression, error))

    def _try(self, statement: ast.Try, names: Names, relevant: set[ast.stmt] | None) -> Jump | None:
        failures = len(self.pieces.failures)
        jump = self._block(statement.body, names, relevant)
        for _, error in self.pieces.failures[failures:]:
            handler = next((each for each in statement.handlers if self._catches(each, error, names)), None)
            if handler is not None:
                if handler.name:
                    names[handler.name] = error
                jump = self._block(handler.body, names, relevant)
                break
        else:
            jump = jump or self._block(statement.orelse, names, relevant)
        return self._block(statement.finalbody, names, relevant) or jump

    def _catches(self, handler: ast.ExceptHandler, error: BaseException, names: Names) -> bool:
        if isinstance(error, Unsure):
            return False
        kind = self.pieces.evaluate(handler.type, names) if handler.type is not None else Exception
        kinds = kind if isinstance(kind, tuple) else (kind,)
        return any(isinstance(each, type) and isinstance(error, each) for each in kinds)

    # Statements.

    def _assign(self, targets: list[ast.expr], value: ast.expr, names: Names) -> None:
        before = self.assumptions.everything
        result = self.pieces.evaluate(value, names)
        if not _holds_tensor(result):
            self.assumptions.everything = before
        for target in targets:
            if isinstance(result, Unknown) and isinstance(value, ast.Call):
                self._keep_or_bind(target, value, result, names)
            else:
                self._bind(target, result, names)

    def _keep_or_bind(self, target: ast.expr, call: ast.Call, result: Unknown, names: Names) -> None:
        """`model = wrap(model)` that could not be run: the model stays what it was, if it is no tensor."""
        given = {each.id for each in call.args if isinstance(each, ast.Name)}
        parts = target.elts if isinstance(target, (ast.Tuple, ast.List)) else [target]
        for place, part in enumerate(parts):
            kept = names.get(part.id) if isinstance(part, ast.Name) and part.id in given else None
            if kept is None or isinstance(kept, (Unknown, torch.Tensor)):
                self._bind(part, result if len(parts) == 1 else result.part(f"[{place}]"), names)

    def _bind(self, target: ast.expr, value: Any, names: Names) -> None:
        self._store(target, value, names)
        self.pieces.record_bound(target, names)
        for name in (each.id for each in ast.walk(target) if isinstance(each, ast.Name)):
            self._adopt(name, names.get(name))

    def _store(self, target: ast.expr, value: Any, names: Names) -> None:
        if isinstance(target, ast.Name):
            names[target.id] = value
            return
        if isinstance(target, (ast.Tuple, ast.List)) and not any(isinstance(e, ast.Starred) for e in target.elts):
            if isinstance(value, Unknown):
                value = [value.part(f"[{place}]") for place in range(len(target.elts))]
            if isinstance(value, (tuple, list)) and len(value) == len(target.elts):
                for part, item in zip(target.elts, value, strict=True):
                    self._store(part, item, names)
                return
        names[ITEM] = value
        assignment = ast.Assign([target], ast.Name(ITEM, ast.Load()))
        self.pieces.execute(
            target, "store", lambda: [ast.fix_missing_locations(ast.copy_location(assignment, target))], names
        )
        names.pop(ITEM, None)

    def _plain(self, statement: ast.stmt, names: Names) -> None:
        """A statement that is run as it stands. Definitions at the top of the file have been run by the import."""
        prepared = self.prepared
        is_import = isinstance(statement, (ast.Import, ast.ImportFrom))
        if (is_import or isinstance(statement, DEFINITIONS)) and statement in prepared.document.tree.body:
            return
        called = (
            statement.value.func if isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Call) else None
        )
        if called is not None and last_name(called) in WRITERS:
            return
        before = self.assumptions.everything
        self.pieces.run(statement, names)
        self.assumptions.everything = before
        if isinstance(statement, (ast.Import, ast.ImportFrom)):
            for alias in statement.names:
                name = (alias.asname or alias.name).partition(".")[0]
                names.setdefault(name, self.pieces.unknown(name))

    # Values.

    def _adopt(self, name: str, value: Any) -> None:
        if isinstance(value, nn.Module):
            self.mode.adopt(value, name)


def _names_stored(body: list[ast.stmt]) -> set[str]:
    nodes = (node for statement in body for node in ast.walk(statement))
    return {node.id for node in nodes if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}


def _is_short(statement: ast.For | ast.While) -> bool:
    """A loop over a few things that are written down: `for split in ("train", "val")`."""
    items = statement.iter if isinstance(statement, ast.For) else None
    return isinstance(items, (ast.Tuple, ast.List)) and len(items.elts) <= MAX_SHORT


def _holds_tensor(value: Any) -> bool:
    return any(isinstance(leaf, torch.Tensor) for leaf in pytree.tree_leaves(value))


def _decorating_contexts(node: Function, scope: dict[str, Any]) -> Iterator[Any]:
    """The contexts of torch's that a function is decorated with, such as `@torch.no_grad()`."""
    for decorator in node.decorator_list:
        call = decorator if isinstance(decorator, ast.Call) else None
        made: Any = None
        for number, word in enumerate(ast.unparse(call.func if call else decorator).split(".")):
            made = scope.get(word) if number == 0 else getattr(made, word, None)
        if isinstance(made, type) and issubclass(made, _DecoratorContextManager):
            yield made(*(each.value for each in (call.args if call else ()) if isinstance(each, ast.Constant)))
