"""From sizes at several bindings to an expression over the symbols.

One symbol at a time is moved from the base, which fixes its part of the expression; products and sums of parts are
then tried, and what is claimed must hold at every binding, those where several symbols moved at once included.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import prod

from ..schema import Dim
from .expressions import Binding, add, evaluate, multiply, product
from .forms import Core, Part, find_form

Sample = tuple[Binding, int]
Steps = Mapping[str, int]
Cores = Mapping[str, Sequence[Core]]
ALIKE = 512
"""Cores that differ by the same number at so many sizes are taken to differ by it everywhere."""


@dataclass(frozen=True)
class Fitted:
    """The expression that samples have, or None; `wanted` are sizes of symbols that would decide between several.

    `core` is what the expression is made of where it is of one symbol.
    """

    expression: Dim | None
    wanted: tuple[tuple[str, int], ...] = ()
    core: tuple[str, Core] | None = None


def fit(samples: Sequence[Sample], steps: Steps | None = None, known: Cores | None = None) -> Fitted:
    """An expression that holds at every sample, and that no other of the known forms contradicts elsewhere.

    `samples[0]` is at the base binding. `steps`: what the sizes of a symbol are multiples of. `known`: cores that were
    found in other functions of a symbol.
    """
    base, value = samples[0]
    if all(other == value for _, other in samples):
        return Fitted(value)
    steps, known = steps or {}, known or {}
    moving = [symbol for symbol in base if len({other for _, other in _along(symbol, samples)}) > 1]
    if not moving:
        # It moves only where several symbols do: each alone will tell whose doing it is.
        odd = next(binding for binding, other in samples if other != value)
        return Fitted(None, tuple((symbol, odd[symbol]) for symbol in base if odd[symbol] != base[symbol]))
    if len(moving) == 1:
        symbol = moving[0]
        points = [(binding[symbol], other) for binding, other in samples]
        found = find_form(symbol, points, steps.get(symbol, 1), known.get(symbol, ()))
        wanted = tuple((symbol, size) for size in found.wanted)
        return Fitted(found.part.text, (), (symbol, found.part.whole())) if found.part else Fitted(None, wanted)
    parts: dict[str, Part] = {}
    wanted = ()
    for symbol in moving:
        points = [(binding[symbol], other) for binding, other in _along(symbol, samples)]
        found = find_form(symbol, points, steps.get(symbol, 1), known.get(symbol, ()))
        if found.part is None:
            wanted += tuple((symbol, size) for size in found.wanted)
        else:
            parts[symbol] = found.part
    if len(parts) < len(moving):
        return Fitted(None, wanted)
    return Fitted(_combine(parts, list(samples), steps, known))


def _along(symbol: str, samples: Sequence[Sample]) -> list[Sample]:
    """The samples that differ from the base in one symbol only, the base first."""
    base = samples[0][0]
    return [sample for sample in samples if all(sample[0][other] == base[other] for other in base if other != symbol)]


def _combine(parts: Mapping[str, Part], samples: list[Sample], steps: Steps, known: Cores) -> Dim | None:
    """Parts as a product, as a product and a number, as a factor times the rest, or as a sum: the first that holds.

    A sum is last, as it holds wherever no two symbols moved at once.
    """

    def holds(candidate: Dim) -> bool:
        return all(evaluate(candidate, binding) == value for binding, value in samples)

    whole = next(filter(holds, _products(parts, samples[0], steps, known)), None)
    if whole is None:
        whole = next(filter(holds, _factored(parts, samples, steps, known)), None)
    if whole is None:
        whole = next(filter(holds, (_added(parts, samples[0]), *_mixed(parts, samples))), None)
    return whole


def _factored(parts: Mapping[str, Part], samples: list[Sample], steps: Steps, known: Cores) -> Iterator[Dim]:
    """`B*(H*W+1)`: a part times what is left of the samples when they are divided by it."""
    for symbol, part in parts.items():
        rest = _divide(symbol, part.primitive(), samples)
        others = {other: each for other, each in parts.items() if other != symbol}
        if rest is None or not others:
            continue
        divided = {other: _scale(other, each, rest) for other, each in others.items()}
        left = {other: each for other, each in divided.items() if each is not None}
        inner = _combine(left, rest, steps, known) if len(left) == len(others) else None
        if inner is not None:
            yield multiply((part.primitive().text, inner))


def _scale(symbol: str, part: Part, samples: Sequence[Sample]) -> Part | None:
    """The part that is left of a symbol's when the samples were divided by another's."""
    column = _along(symbol, samples)
    base, value = column[0]
    before = part.evaluate(base[symbol])
    if before == 0 or any(coefficient * value % before for coefficient in part.coefficients):
        return None
    scaled = Part(part.core, tuple(coefficient * value // before for coefficient in part.coefficients))
    return scaled if all(scaled.evaluate(binding[symbol]) == other for binding, other in column) else None


def _divide(symbol: str, part: Part, samples: Sequence[Sample]) -> list[Sample] | None:
    divided = []
    for binding, value in samples:
        factor = part.evaluate(binding[symbol])
        if factor == 0:
            if value != 0:
                return None
            continue  # nothing is known of the other factor here
        quotient, rest = divmod(value, factor)
        if rest:
            return None
        divided.append((binding, quotient))
    return divided if divided and divided[0][0] == samples[0][0] else None


def _products(parts: Mapping[str, Part], base: Sample, steps: Steps, known: Cores) -> Iterator[Dim]:
    binding, value = base
    if len(parts) == 1:
        yield next(iter(parts.values())).text
        return
    for forms in (parts, {symbol: _in_steps(symbol, part, steps) for symbol, part in parts.items()}):
        primitives = {symbol: part.primitive() for symbol, part in forms.items()}
        at_base = prod(part.evaluate(binding[symbol]) for symbol, part in primitives.items())
        if at_base and value % at_base == 0:
            yield product(value // at_base, (part.text for part in primitives.values()))
    yield from _shifted_products(parts, base, steps, known)


def _in_steps(symbol: str, part: Part, steps: Steps) -> Part:
    """The same part in `H//4` where H goes in steps of 4: what is whole there need not be in H."""
    step = steps.get(symbol, 1)
    if step == 1 or part.core.text != symbol:
        return part
    core = Core(f"{symbol}//{step}", lambda size: size // step)
    return Part(core, tuple(coefficient * step**power for power, coefficient in enumerate(part.coefficients)))


def _added(parts: Mapping[str, Part], base: Sample) -> Dim:
    binding, value = base
    rest = value - sum(part.evaluate(binding[symbol]) for symbol, part in parts.items())
    constants = sum(part.coefficients[0] for part in parts.values())
    return add((Part(part.core, (0, *part.coefficients[1:])).text for part in parts.values()), constants + rest)


def _mixed(parts: Mapping[str, Part], samples: Sequence[Sample]) -> Iterator[Dim]:
    """`64*T*S+12*T+8*S+5`: two parts that are lines in their cores, and the product of the cores as often as a sample
    wants it at which both moved."""
    if len(parts) != 2 or not all(part.is_linear for part in parts.values()):
        return
    (first, one), (second, other) = parts.items()
    base, value = samples[0]
    at = one.core.evaluate(base[first]), other.core.evaluate(base[second])
    slopes = one.coefficients[1], other.coefficients[1]
    for binding, joint in samples:
        moved = one.core.evaluate(binding[first]) - at[0], other.core.evaluate(binding[second]) - at[1]
        if not all(moved):
            continue
        crossed, rest = divmod(joint - value - slopes[0] * moved[0] - slopes[1] * moved[1], moved[0] * moved[1])
        if rest or not crossed:
            return
        alone = slopes[0] - crossed * at[1], slopes[1] - crossed * at[0]
        number = value - crossed * at[0] * at[1] - alone[0] * at[0] - alone[1] * at[1]
        cores = one.core.text, other.core.text
        terms = [product(crossed, cores)]
        terms += [product(each, (core,)) for each, core in zip(alone, cores, strict=True) if each]
        yield add(terms, number)
        return


def _shifted_products(parts: Mapping[str, Part], base: Sample, steps: Steps, known: Cores) -> Iterator[Dim]:
    """`(H//16)*(W//16)+1`: each part is a line in its core, whose slope is the product of the other cores."""
    binding, value = base
    if not all(part.is_linear for part in parts.values()):
        return
    options = [
        list(_lines_of(symbol, part, binding[symbol], steps.get(symbol, 1), known.get(symbol, ())))
        for symbol, part in parts.items()
    ]
    for choice in itertools.product(*options):
        at_base = [core.evaluate(binding[symbol]) for symbol, core, _ in choice]
        everything = prod(at_base)
        if everything == 0:
            continue
        slopes = [divmod(slope * number, everything) for (_, _, slope), number in zip(choice, at_base, strict=True)]
        if len(set(slopes)) == 1 and slopes[0][1] == 0:
            factor = slopes[0][0]
            yield add((product(factor, (core.text for _, core, _ in choice)),), value - factor * everything)


def _lines_of(symbol: str, part: Part, base: int, step: int, known: Sequence[Core]) -> Iterator[tuple[str, Core, int]]:
    """The cores in which a linear part is a line, with its slope: its own, and known ones that differ by a number."""
    slope = part.coefficients[1]
    yield symbol, part.core, slope
    if step > 1 and part.core.text == symbol:
        yield symbol, Core(f"{symbol}//{step}", lambda size: size // step), slope * step
    for core in known:
        shift = core.evaluate(base) - part.core.evaluate(base)
        sizes = range(base, base + ALIKE * step, step)
        if core != part.core and all(core.evaluate(n) - part.core.evaluate(n) == shift for n in sizes):
            yield symbol, core, slope
