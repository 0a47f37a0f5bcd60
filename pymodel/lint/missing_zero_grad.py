"""`missing-zero-grad`: a training loop that never clears its gradients: each step takes all earlier ones, too."""

from __future__ import annotations

import ast

from ..discover.document import Document
from ..schema import Diagnostic, Related
from .loops import LOOPS, find_scopes, made_by, method_calls, names_anything, own_nodes

OPTIMIZERS = frozenset(
    (
        *("SGD", "Adam", "AdamW", "Adamax", "Adagrad", "Adadelta", "RMSprop", "Rprop", "NAdam", "RAdam", "ASGD"),
        *("LBFGS", "SparseAdam", "Adafactor", "Muon"),
    )
)


def find_missing_zero_grad(document: Document) -> list[Diagnostic]:
    """Witness: a loop with `backward()` and the step of an optimizer of `torch.optim` made here, and no word of
    `zero_grad` (or of gradients set to None) in the whole file."""
    tree = document.tree
    if ".backward(" not in document.text or names_anything(
        tree, "zero_grad", "grad", "manual_backward", "GradScaler", "Accelerator", "Fabric", "closure"
    ):
        return []
    optimizers = made_by(tree, OPTIMIZERS)
    found: dict[ast.Call, Diagnostic] = {}
    for scope in find_scopes(tree):
        for loop in (node for node in own_nodes(scope) if isinstance(node, LOOPS)):
            backwards = method_calls(own_nodes(loop), "backward")
            steps = [each for each in method_calls(own_nodes(loop), "step") if each.owner in optimizers]
            if len(backwards) != 1 or not steps or steps[0].node.args:
                continue
            place, step = document.range_of(backwards[0].node), document.range_of(steps[0].node)
            words = (
                f"gradients are never cleared: `backward` adds to those of all earlier steps, and "
                f"`{steps[0].owner}.step()` applies the sum. `{steps[0].owner}.zero_grad()` belongs before it."
            )
            related = (Related(document.path, step.start, step.end, "the step that applies them"),)
            found[backwards[0].node] = Diagnostic(
                "missing-zero-grad", "warning", words, document.path, place.start, place.end, related
            )
    return list(found.values())
