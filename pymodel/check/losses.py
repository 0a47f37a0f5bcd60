"""Losses that are given what they are not made for: probabilities for logits, logits for probabilities, class numbers.

`softmax-before-loss`: cross-entropy takes logits and applies the softmax itself; a second one flattens its gradients.
`sigmoid-before-loss`: the same for the binary loss with logits.
`logits-without-sigmoid`: the binary loss without logits takes the logarithm of what is given: it must be within 0..1.
`argmax-in-loss`: class numbers have no gradient; a loss of them trains nothing.
"""

from __future__ import annotations

from ..schema import Diagnostic, Operation
from .flow import SHAPING, Flow, finding
from .words import show

LOSSES = frozenset(
    (
        *("cross_entropy", "nll_loss", "binary_cross_entropy", "binary_cross_entropy_with_logits"),
        *("mse_loss", "l1_loss", "smooth_l1_loss", "huber_loss", "kl_div"),
    )
)
UNBOUNDED = frozenset(("linear", *(f"conv{rank}d" for rank in (1, 2, 3)), "addmm", "matmul", "__matmul__"))
CHOOSING = frozenset(("argmax", "argmin", "argsort", "round", "__gt__", "__ge__", "__lt__", "__le__"))
WITH_NUMBERS = frozenset(("one_hot",))


def find_loss_traps(flow: Flow) -> list[Diagnostic]:
    """Witness: what the loss was given, and the operation that made it."""
    return [found for loss in flow.named(LOSSES) if loss.inputs and (found := _judge(flow, loss)) is not None]


def _judge(flow: Flow, loss: Operation) -> Diagnostic | None:
    maker = flow.origin(loss.inputs[0])
    if maker is None:
        return None
    given = show(maker.outputs[0].dims)
    if loss.name == "cross_entropy" and maker.name == "softmax":
        words = (
            f"`cross_entropy` applies a softmax itself, but is given probabilities: {given} comes from `softmax`. "
            "Softmax twice flattens the gradients. Give it the logits."
        )
        return finding("softmax-before-loss", "warning", words, loss, [(maker, "the softmax that is one too many")])
    if loss.name == "nll_loss" and maker.name == "softmax":
        words = (
            f"`nll_loss` takes log-probabilities, but is given probabilities: {given} comes from `softmax`. "
            "`log_softmax` fits, or `cross_entropy` on the logits."
        )
        return finding("softmax-before-loss", "warning", words, loss, [(maker, "`log_softmax` belongs here")])
    if loss.name == "binary_cross_entropy_with_logits" and maker.name == "sigmoid":
        words = (
            f"`binary_cross_entropy_with_logits` applies a sigmoid itself, but is given probabilities: {given} comes "
            "from `sigmoid`. Give it the logits."
        )
        return finding("sigmoid-before-loss", "warning", words, loss, [(maker, "the sigmoid that is one too many")])
    if loss.name == "binary_cross_entropy" and maker.name in UNBOUNDED:
        words = (
            f"`binary_cross_entropy` takes probabilities between 0 and 1, but is given logits: {given} comes from "
            f"`{maker.name}` with no sigmoid after it. `binary_cross_entropy_with_logits` takes logits."
        )
        return finding("logits-without-sigmoid", "error", words, loss, [(maker, "these values have no bounds")])
    chosen = flow.origin(loss.inputs[0], SHAPING | WITH_NUMBERS)
    if chosen is not None and chosen.name in CHOOSING and not loss.name.startswith("kl"):
        words = (
            f"nothing is learnt from this loss: `{loss.name}` is given {show(chosen.outputs[0].dims)} from "
            f"`{chosen.name}`, which has no gradient. Give the loss what `{chosen.name}` was given."
        )
        return finding("argmax-in-loss", "error", words, loss, [(chosen, "the gradient ends here")])
    return None
