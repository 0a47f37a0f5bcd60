"""`missing-eval`, `missing-no-grad`: evaluation with dropout and batch statistics as in training, or with a graph for
gradients that nobody takes."""

from __future__ import annotations

import ast
import re

from ..discover.document import Document
from ..discover.models import last_name
from ..schema import Diagnostic
from .loops import FUNCTIONS, LOOPS, names_anything, own_nodes

EVALUATES = re.compile(r"(^|_)(eval|evaluate|validate|validation|val|test)(_|$)")
WITHOUT_GRADIENTS = frozenset(("no_grad", "inference_mode", "set_grad_enabled", "eval_mode", "disable_grad"))
DATA = re.compile(r"loader|batches|dataset|_dl$|_data$|_iter$")
MODELS = frozenset(("model", "net", "network", "module", "classifier", "self.model", "self.net"))


def find_evaluation_faults(document: Document) -> list[Diagnostic]:
    """Witness: a function that says it evaluates, loops over data and calls a model, in a file that trains one, and
    neither it nor what calls it switches training or gradients off."""
    tree = document.tree
    if ".backward" not in document.text:
        return []
    functions = [node for node in ast.walk(tree) if isinstance(node, FUNCTIONS)]
    found = []
    for function in functions:
        call = _model_call(function) if EVALUATES.search(function.name) else None
        if call is None or names_anything(function, "backward", "step", "grad") or _is_test(document, function):
            continue
        around = [caller for caller in functions if _calls(caller, function.name)]
        statements = (each for each in tree.body if not isinstance(each, (*FUNCTIONS, ast.ClassDef)))
        top = [each for each in statements if _calls(each, function.name)]
        nearby: list[ast.AST] = [function, *around, *top]
        model = ast.unparse(call.func)
        name = document.name_range(function)
        if not any(_names_call(each, "eval") or _switches_off(each) for each in nearby):
            words = (
                f"`{function.name}` evaluates `{model}` as it trains: dropout drops and batch norms use the batch's "
                f"own statistics. `{model}.eval()` belongs at its start."
            )
            found.append(Diagnostic("missing-eval", "warning", words, document.path, name.start, name.end))
        if not any(names_anything(each, *WITHOUT_GRADIENTS) for each in nearby):
            words = (
                f"`{function.name}` keeps a graph for gradients that nobody takes: memory and time for nothing. "
                "`@torch.no_grad()` belongs above it."
            )
            found.append(Diagnostic("missing-no-grad", "warning", words, document.path, name.start, name.end))
    return found


def _model_call(function: ast.FunctionDef | ast.AsyncFunctionDef) -> ast.Call | None:
    """The call of a model in a loop over data."""
    for loop in (node for node in own_nodes(function) if isinstance(node, LOOPS)):
        if not isinstance(loop, (ast.For, ast.AsyncFor)) or not DATA.search(ast.unparse(loop.iter)):
            continue
        for node in own_nodes(loop):
            if isinstance(node, ast.Call) and ast.unparse(node.func) in MODELS:
                return node
    return None


def _is_test(document: Document, function: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    """Whether it is a unit test, which is called by a runner."""
    return function.name.startswith("test_") and not _called_anywhere(document.tree, function.name)


def _called_anywhere(tree: ast.Module, name: str) -> bool:
    return any(_calls(each, name) for each in tree.body)


def _calls(node: ast.AST, name: str) -> bool:
    return any(isinstance(each, ast.Call) and last_name(each.func) == name for each in ast.walk(node))


def _names_call(node: ast.AST, name: str) -> bool:
    return any(
        isinstance(each, ast.Call) and isinstance(each.func, ast.Attribute) and each.func.attr == name
        for each in ast.walk(node)
    )


def _switches_off(node: ast.AST) -> bool:
    """`model.train(False)`, `model.train(mode)`: not plainly on."""
    return any(
        isinstance(each, ast.Call)
        and isinstance(each.func, ast.Attribute)
        and each.func.attr == "train"
        and bool(each.args or each.keywords)
        for each in ast.walk(node)
    )
