"""Whether inputs are right: `forward` runs on them at two sizes of the batch, and the batch comes out as it went in."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any

from torch import nn

from .inputs import TOKENS, Inputs, symbols_of
from .search import Verdict
from .specs import materialise, sizes_of, tensors_in
from .trial import Attempt, Failure, Shape

BATCHES = (7, 11)
Others = Callable[[Inputs, dict[str, int], Failure], Iterator[Inputs]]


def judge(
    model: nn.Module,
    inputs: Inputs,
    attempt: Callable[[nn.Module, tuple[Any, ...], dict[str, Any]], Attempt],
    namespace: Mapping[str, Any],
    others: Others,
    length: int = TOKENS,
) -> Verdict:
    """Try inputs. What keeps the batch is right; what reduces it altogether (a loss, an average) ran, and is right if
    nothing else is; what folds it into another dimension is not."""
    shapes: list[tuple[Shape, ...]] = []
    bindings: list[dict[str, int]] = []
    for batch in BATCHES:
        guesses = symbols_of(inputs, length)
        binding = {name: batch if guess.meaning == "batch" else guess.base for name, guess in guesses.items()}
        bindings.append(binding)
        try:
            args, kwargs = make_arguments(inputs, binding, namespace)
        except Exception as error:  # a pin or a guess may be any expression
            return Verdict(inputs, length, f"cannot be made: {error}", 0, None)
        outcome = attempt(model, args, kwargs)
        if outcome.failure is not None:
            asked = partial(others, inputs, binding, outcome.failure)
            return Verdict(inputs, length, outcome.error or "failed", outcome.progress, outcome.failed_on, others=asked)
        shapes.append(outcome.output_shapes)
        progress = outcome.progress
    given_shapes = [tuple(sizes_of(spec, bindings[0])) for each in inputs for _, spec in tensors_in(each.spec)]
    is_guessed = bool(given_shapes) and all(each.source.kind == "search" for each in inputs)
    words = _lost(shapes, bindings, is_guessed, given_shapes)
    return Verdict(
        inputs, length, words, 0 if words else progress + 1, None, ran=words is None or "folded" not in words
    )


def make_arguments(
    inputs: Inputs, binding: Mapping[str, int], namespace: Mapping[str, Any]
) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """The positional and keyword arguments that inputs stand for at a binding."""
    values = [(each, materialise(each.spec, binding, namespace)) for each in inputs]
    args = tuple(value for each, value in values if each.by == "position")
    return args, {each.name: value for each, value in values if each.by == "keyword"}


def _lost(
    shapes: list[tuple[Shape, ...]], bindings: list[dict[str, int]], guessed: bool, given_shapes: list[Shape]
) -> str | None:
    """What became of the batch, in words, if it does not come out."""
    first, second = shapes
    batches = [name for name, size in bindings[0].items() if size != bindings[1][name]]
    if not batches and guessed:
        return "no input has a batch"
    if not batches or not first or not second:
        return None
    if guessed and any((BATCHES[0], *given) in first for given in given_shapes if given[:1] == (BATCHES[0],)):
        return f"the batch of {BATCHES[0]} is combined with itself"
    if any(BATCHES[0] in shape for shape in first) and any(BATCHES[1] in shape for shape in second):
        return None
    if all(shape == () for shape in first):
        return None  # a loss
    if first == second:
        return f"the batch of {BATCHES[0]} does not come out"
    lengths = {size for name, size in bindings[0].items() if name not in batches}
    for before, after in zip(first, second, strict=False):
        for small, large in zip(before, after, strict=False):
            factor, rest = divmod(small, BATCHES[0])
            if rest == 0 and large == factor * BATCHES[1] and factor in lengths:
                return None  # one row for each token
    return f"the batch of {BATCHES[0]} does not come out: it is folded into another size"
