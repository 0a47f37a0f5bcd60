"""From sizes at several bindings to an expression over the symbols.

One symbol at a time is moved from the base to two further sizes, which fixes its part of the expression; products and
sums of parts are then tried, and what is claimed must hold at bindings that were not used to fit it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

Binding = Mapping[str, int]
Sample = tuple[Binding, int]
MAX_DIVISOR = 64


@dataclass(frozen=True)
class Part:
    """An integer function of one symbol: its text, and the text's precedence (`sum`, `product` or `atom`)."""

    text: str
    kind: str
    evaluate: Callable[[int], int]


def fit(samples: Sequence[Sample]) -> int | str | None:
    """An expression that holds at every sample; None where none of the known forms does.

    `samples[0]` is at the base binding; the samples that differ from it in one symbol fix that symbol's part, the
    others verify.
    """
    base, value = samples[0]
    if all(other == value for _, other in samples):
        return value
    parts: dict[str, Part] = {}
    for symbol in base:
        column = [sample for sample in samples if all(sample[0][s] == base[s] for s in base if s != symbol)]
        if all(other == value for _, other in column):
            continue
        part = _fit_one(symbol, [(binding[symbol], other) for binding, other in column])
        if part is None:
            return None
        parts[symbol] = part
    for combine in (_multiply, _add):
        candidate = combine(parts, base, value)
        if candidate is not None and all(evaluate(candidate, binding) == other for binding, other in samples):
            return candidate
    return None


def evaluate(expression: int | str, binding: Binding) -> int:
    """The number that a dimension stands for at a binding. The expression is one that `fit` made."""
    if isinstance(expression, int):
        return expression
    return int(eval(expression, {"__builtins__": {}, "max": max, "min": min}, dict(binding)))


def _fit_one(symbol: str, points: list[tuple[int, int]]) -> Part | None:
    """A function of one symbol through all points: affine, then with a floor, then quadratic."""
    if len({x for x, _ in points}) < 2:
        return None
    return _fit_affine(symbol, points) or _fit_floor(symbol, points) or _fit_quadratic(symbol, points)


def _fit_affine(symbol: str, points: list[tuple[int, int]]) -> Part | None:
    (x0, y0), (x1, y1) = points[:2]
    slope, remainder = divmod(y1 - y0, x1 - x0)
    offset = y0 - slope * x0
    if remainder or any(slope * x + offset != y for x, y in points):
        return None
    return _polynomial(symbol, 0, slope, offset)


def _fit_floor(symbol: str, points: list[tuple[int, int]]) -> Part | None:
    """`(S+a)//d+b`, if the points leave no doubt which: two that fit and differ elsewhere are a guess, not a proof."""
    xs, ys = [x for x, _ in points], [y for _, y in points]
    if len(points) < 3 or max(ys) > max(xs):
        return None
    found: Part | None = None
    for divisor in range(2, MAX_DIVISOR + 1):
        for shift in range(-1, divisor - 1):
            offset = ys[0] - (xs[0] + shift) // divisor
            if abs(offset) > MAX_DIVISOR or any((x + shift) // divisor + offset != y for x, y in points):
                continue
            part = _floor(symbol, shift, divisor, offset)
            if found is not None and any(part.evaluate(n) != found.evaluate(n) for n in range(1, 2 * max(xs))):
                return None
            found = found or part
    return found


def _floor(symbol: str, shift: int, divisor: int, offset: int) -> Part:
    inner = symbol if shift == 0 else f"({symbol}{shift:+d})"
    text = f"{inner}//{divisor}" + (f"{offset:+d}" if offset else "")
    return Part(text, "sum", lambda n: (n + shift) // divisor + offset)


def _fit_quadratic(symbol: str, points: list[tuple[int, int]]) -> Part | None:
    if len(points) < 3:
        return None
    (x0, y0), (x1, y1), (x2, y2) = points[:3]
    first, second = (y1 - y0) / (x1 - x0), (y2 - y1) / (x2 - x1)
    a = round((second - first) / (x2 - x0))
    b = round(first - a * (x0 + x1))
    c = y0 - a * x0 * x0 - b * x0
    if a == 0 or any(a * x * x + b * x + c != y for x, y in points):
        return None
    return _polynomial(symbol, a, b, c)


def _polynomial(symbol: str, a: int, b: int, c: int) -> Part:
    terms = [(a, f"{symbol}**2"), (b, symbol), (c, "")]
    texts = [_term(coefficient, power) for coefficient, power in terms if coefficient]
    text = "+".join(texts).replace("+-", "-") or "0"
    kind = "sum" if len(texts) > 1 else "atom" if text == symbol else "product"
    return Part(text, kind, lambda n: a * n * n + b * n + c)


def _term(coefficient: int, power: str) -> str:
    if not power:
        return str(coefficient)
    return power if coefficient == 1 else f"-{power}" if coefficient == -1 else f"{coefficient}*{power}"


def _multiply(parts: dict[str, Part], base: Binding, value: int) -> str | None:
    """`value` as a factor times one primitive part for each symbol: `8*B*T`."""
    if len(parts) == 1:
        return next(iter(parts.values())).text
    factors, product_at_base = [], 1
    for symbol, part in parts.items():
        primitive = _primitive(symbol, part)
        if primitive is None:
            return None
        factors.append(f"({primitive.text})" if primitive.kind == "sum" else primitive.text)
        product_at_base *= primitive.evaluate(base[symbol])
    if product_at_base == 0 or value % product_at_base:
        return None
    factor = value // product_at_base
    return "*".join(([] if factor == 1 else [str(factor)]) + factors)


def _primitive(symbol: str, part: Part) -> Part | None:
    """A polynomial part divided by the greatest common divisor of its coefficients."""
    c = part.evaluate(0)
    at_one, at_minus_one = part.evaluate(1), part.evaluate(-1)
    a, b = (at_one + at_minus_one) // 2 - c, (at_one - at_minus_one) // 2
    if any(part.evaluate(n) != a * n * n + b * n + c for n in (2, 3, 5)):
        return part  # a floor: taken whole
    divisor = math.gcd(a, b, c)
    return _polynomial(symbol, a // divisor, b // divisor, c // divisor) if divisor else None


def _add(parts: dict[str, Part], base: Binding, value: int) -> str | None:
    """`value` as a sum of one part for each symbol: `S+T+1`."""
    texts = [part.text for part in parts.values()]
    total = sum(part.evaluate(base[symbol]) for symbol, part in parts.items())
    rest = value - total
    return "+".join(texts).replace("+-", "-") + (f"{rest:+d}" if rest else "")
