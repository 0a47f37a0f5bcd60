"""Where a file starts a training when it is run: what "run this, monitored" stands over."""

from __future__ import annotations

import ast

from ..schema import Position, Range
from .document import Document
from .slicing import is_main_guard
from .steps import Script

FITTING = frozenset(("fit", "train", "train_one_epoch"))
"""Methods by which frameworks train: of Lightning's and Hugging Face's `Trainer`, of Keras-like ones."""


def find_training_start(document: Document, script: Script | None) -> Range | None:
    """The main guard of a file that trains, else the first statement at its top that does; None where none does.

    A file trains by a step of its own, or by a trainer that it makes and calls.
    """
    guard = next((node for node in document.tree.body if isinstance(node, ast.If) and is_main_guard(node.test)), None)
    own = script is not None and script.from_top
    if not own and not _calls_a_trainer(document.tree):
        return None
    if guard is not None:
        return _head(guard)
    first = (node for node in document.tree.body if (script is not None and own and script.leads(node)))
    statement = next(first, None) or next((node for node in document.tree.body if _calls_a_trainer(node)), None)
    return None if statement is None else _head(statement)


def _calls_a_trainer(tree: ast.AST) -> bool:
    """`trainer.fit(…)` or `trainer.train()` of something that `…Trainer(…)` made."""
    made = {
        target.id
        for node in ast.walk(tree)
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Call) and _is_trainer(node.value.func)
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in FITTING:
            of = node.func.value
            if (isinstance(of, ast.Name) and of.id in made) or (isinstance(of, ast.Call) and _is_trainer(of.func)):
                return True
    return False


def _is_trainer(func: ast.expr) -> bool:
    name = func.attr if isinstance(func, ast.Attribute) else func.id if isinstance(func, ast.Name) else ""
    return name.endswith("Trainer")


def _head(node: ast.stmt) -> Range:
    return Range(Position(node.lineno, node.col_offset), Position(node.lineno, node.col_offset + 2))
