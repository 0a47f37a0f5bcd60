"""The work of `torch.einsum`, which contracts its operands two at a time, from left to right."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from math import prod

Shape = tuple[int, ...]
Sizes = dict[str, int]
"""One operand: the size of each of its subscripts."""


def count_einsum(equation: str, shapes: Sequence[Shape]) -> int:
    """FLOPs of an einsum of any number of operands, `...` and repeated subscripts (diagonals) included.

    Two operands that share a summed subscript are multiplied as matrices; without one they are multiplied element by
    element, which is not counted.
    """
    left, arrow, right = equation.replace(" ", "").partition("->")
    terms = left.split(",")
    operands = [_sizes(term, shape) for term, shape in zip(terms, shapes, strict=True)]
    kept = _kept_subscripts(terms, operands, right if arrow else None)
    flops = 0
    result = operands[0]
    for number, operand in enumerate(operands[1:], start=2):
        needed = kept.union(*operands[number:])
        summed = {name for name in result.keys() & operand.keys() - needed if result[name] > 1 and operand[name] > 1}
        both = {
            name: max(result.get(name, 1), operand.get(name, 1))
            for name in result | operand
            if name in needed or name in summed  # a subscript of one operand alone is summed before they meet
        }
        flops += 2 * prod(both.values()) if summed else 0
        result = {name: size for name, size in both.items() if name in needed}
    return flops


def _sizes(term: str, shape: Shape) -> Sizes:
    """Subscripts and their sizes; the dimensions of `...` are named from the right: `.1`, `.2`, …"""
    before, dots, after = term.partition("...")
    hidden = len(shape) - len(before) - len(after) if dots else 0
    names = [*before, *(f".{hidden - n}" for n in range(hidden)), *after]
    return dict(zip(names, shape, strict=True))


def _kept_subscripts(terms: Sequence[str], operands: Sequence[Sizes], right: str | None) -> set[str]:
    """The output's subscripts. Without `->` those that occur once, and what `...` stands for."""
    hidden = {name for operand in operands for name in operand if name.startswith(".")}
    if right is not None:
        return set(right.replace("...", "")) | (hidden if "..." in right else set())
    occurrences = Counter("".join(terms).replace("...", ""))
    return {name for name, count in occurrences.items() if count == 1} | hidden
