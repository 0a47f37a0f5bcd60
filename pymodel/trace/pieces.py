"""Runs the pieces of a script, its expressions and single statements, and remembers what need not be run again.

Each is compiled once, instrumented, at its place in the source. What fails is noted, and gives something unknown.
"""

from __future__ import annotations

import ast
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from types import CodeType, ModuleType
from typing import Any

import torch
from torch import nn
from torch.utils import _pytree as pytree

from ..discover.document import Document
from ..discover.slicing import bound_names
from ..discover.steps import Script
from .instrument import Instrumenter
from .patience import at_most
from .recorder import Recorder
from .stepmode import StepMode
from .unknown import Facts, Unknown

STATEMENT_SECONDS = 2.0
SLOW_SECONDS = 0.05
Names = dict[str, Any]


@dataclass(frozen=True)
class Remembered:
    """What a statement or expression gave: its value, the names it bound, what it told, and what it ran how often."""

    value: Any
    names: dict[str, Any]
    events: list[Any]
    times: Counter[int]


@dataclass
class Prepared:
    """A script's source, and what is kept of it from one walk to the next."""

    script: Script
    module: ModuleType
    document: Document
    instrumenter: Instrumenter
    memory: dict[tuple[int, int], Remembered] = field(default_factory=dict)
    """By node and how often it had run before in the walk."""
    code: dict[tuple[int, str], CodeType] = field(default_factory=dict)
    relevant: dict[int, set[ast.stmt]] = field(default_factory=dict)
    instances: dict[str, nn.Module] = field(default_factory=dict)
    """Modules with steps of their own, by class."""


class Pieces:
    """Those of one walk. `failures` are the nodes that could not be run, and why."""

    def __init__(self, prepared: Prepared, mode: StepMode, recorder: Recorder, facts: Facts) -> None:
        self.prepared = prepared
        self.mode = mode
        self.recorder = recorder
        self.facts = facts
        self.failures: list[tuple[ast.AST, BaseException]] = []
        self._times: Counter[int] = Counter()

    def evaluate(self, node: ast.expr, names: Names) -> Any:
        """What an expression gives; something unknown where it fails."""

        def evaluate() -> Any:
            code = self._compile(node, "expression", lambda: self._expression(node))
            try:
                with at_most(STATEMENT_SECONDS):
                    return eval(code, names)
            except (Exception, SystemExit) as error:
                self.failures.append((node, error))
                return self.unknown(f"{node.lineno}:{node.col_offset}")

        return self._remember(node, evaluate, names, set())

    def run(self, statement: ast.stmt, names: Names) -> None:
        """Run a statement as it stands."""

        def statements() -> list[ast.stmt]:
            return self.prepared.instrumenter.transform_statement(statement, self.prepared.document)

        def run() -> None:
            self.execute(statement, "statement", statements, names)

        self._remember(statement, run, names, bound_names(statement))

    def _remember(self, node: ast.AST, run: Callable[[], Any], names: Names, bound: set[str]) -> Any:
        """Run something of a node. What stands before the first batch, or took long and has nothing to do with it, is
        run in the first walk only."""
        memory, place = self.prepared.memory, (id(node), self._times[id(node)])
        self._times[id(node)] += 1
        known = memory.get(place)
        if known is not None:
            self.recorder.events += known.events
            self._times.update(known.times)
            names.update(known.names)
            return known.value
        told, times, since = len(self.recorder.events), self._times.copy(), time.process_time()
        fed, before = self.mode.fed, set(memory)
        value = run()
        kept = {name: names[name] for name in bound if name in names}
        leaves = pytree.tree_leaves((value, kept))
        slow = time.process_time() - since > SLOW_SECONDS and not any(isinstance(e, torch.Tensor) for e in leaves)
        spent = any(isinstance(each, Unknown) or hasattr(type(each), "__next__") for each in leaves)
        if fed == self.mode.fed and (slow or not self.mode.started) and not spent:
            for inner in set(memory) - before:
                del memory[inner]  # it comes with the outer one
            memory[place] = Remembered(value, kept, self.recorder.events[told:], self._times - times)
        return value

    def execute(self, node: ast.AST, kind: str, statements: Callable[[], list[ast.stmt]], names: Names) -> None:
        """Run statements that were made of a node, for their effect on the names."""
        code = self._compile(node, kind, lambda: ast.Module(statements(), []))
        try:
            with at_most(STATEMENT_SECONDS):
                exec(code, names)
        except (Exception, SystemExit) as error:
            self.failures.append((node, error))

    def _compile(self, node: ast.AST, kind: str, make: Callable[[], ast.Module | ast.Expression]) -> CodeType:
        known = self.prepared.code
        key = id(node), kind
        if key not in known:
            tree = make()
            known[key] = compile(tree, self.prepared.script.path, "exec" if isinstance(tree, ast.Module) else "eval")
        return known[key]

    def _expression(self, node: ast.expr) -> ast.Expression:
        prepared = self.prepared
        return ast.Expression(prepared.instrumenter.transform_expression(node, prepared.document))

    def record_bound(self, node: ast.expr | ast.arguments, names: Names) -> None:
        """Tell what the names hold that a target, or a function's head, has bound."""

        def statements() -> list[ast.stmt]:
            return self.prepared.instrumenter.record_bound(node, self.prepared.document)

        self.execute(node, "names", statements, names)

    def unknown(self, path: str) -> Any:
        """A stand-in for what could not be made, or the tensor that it is known to be."""
        known = self.facts.get(path)
        return Unknown(path, self.facts) if known is None else known
