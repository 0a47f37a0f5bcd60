"""`kept-graph`: losses summed up as tensors, so that the graph of every step stays in memory."""

from __future__ import annotations

import ast

from ..discover.document import Document
from ..schema import Diagnostic, Related
from .loops import LOOPS, find_scopes, method_calls, own_nodes


def find_kept_graphs(document: Document) -> list[Diagnostic]:
    """Witness: in one loop `loss.backward()` and `total += loss`; nothing ever goes backward from `total`, and the loop
    does not take it off the graph."""
    found: dict[ast.AST, Diagnostic] = {}
    if ".backward(" not in document.text:
        return []
    for scope in find_scopes(document.tree):
        everywhere = {each.owner for each in method_calls(own_nodes(scope), "backward")}
        rebound = {
            ast.unparse(target)
            for node in own_nodes(scope)
            if isinstance(node, ast.Assign) and isinstance(node.value, ast.Call)
            for target in node.targets
            if _takes_off(node.value)
        }
        for loop in (node for node in own_nodes(scope) if isinstance(node, LOOPS)):
            backwards = {each.owner: each.node for each in method_calls(own_nodes(loop), "backward")}
            for node in own_nodes(loop):
                if not isinstance(node, ast.AugAssign) or not isinstance(node.op, ast.Add):
                    continue
                total, loss = ast.unparse(node.target), _loss_in(node.value)
                if loss is None or loss not in backwards or total in everywhere or loss in rebound:
                    continue
                place, origin = document.range_of(node.value), document.range_of(backwards[loss])
                words = (
                    f"`{total}` keeps the graph of every step: `{loss}` is added as a tensor, with all that its "
                    f"gradient needs. `{loss}.item()` adds the number."
                )
                related = (Related(document.path, origin.start, origin.end, f"`{loss}` has a graph: it goes backward"),)
                found[node] = Diagnostic("kept-graph", "warning", words, document.path, place.start, place.end, related)
    return list(found.values())


def _loss_in(value: ast.expr) -> str | None:
    """`loss` of `loss` and of `loss * n`, `n * loss`, `loss / n`."""
    if isinstance(value, ast.BinOp) and isinstance(value.op, (ast.Mult, ast.Div)):
        left = _loss_in(value.left)
        return left if left is not None and not isinstance(value.left, ast.Call) else _loss_in(value.right)
    return value.id if isinstance(value, ast.Name) else None


def _takes_off(call: ast.Call) -> bool:
    return isinstance(call.func, ast.Attribute) and call.func.attr in (
        "item",
        "detach",
        "cpu",
        "numpy",
        "tolist",
        "mean_",
    )
