"""Integer functions of one symbol, found from points of them: affine, quadratic, with a floor, or with a bound.

A form is taken only where the points leave no other of its family; where they do, further sizes are asked for that
would decide.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

from .expressions import polynomial

Point = tuple[int, int]
MAX_DIVISOR = 512
MAX_RIVALS = 256
"""So many of the floors through the points are weighed at once."""
WINDOW = 96
"""Sizes in steps above the base that may be asked for."""


@dataclass(frozen=True)
class Core:
    """A function of one symbol that is written as a whole: `H`, `(H-1)//2`, `min(T, 10)`."""

    text: str
    evaluate: Callable[[int], int] = field(compare=False)


@dataclass(frozen=True)
class Part:
    """A polynomial in a core; `coefficients` by rising power."""

    core: Core
    coefficients: tuple[int, ...]

    @property
    def text(self) -> str:
        return polynomial(self.core.text, self.coefficients)

    def evaluate(self, size: int) -> int:
        value = self.core.evaluate(size)
        return sum(coefficient * value**power for power, coefficient in enumerate(self.coefficients))

    def whole(self) -> Core:
        """What of it can be a factor elsewhere: with its number where it is added once, as in `(H-1)//2+1`."""
        alone = self.coefficients[1:] == (1,) and not self.core.text.isidentifier()
        return Core(self.text, self.evaluate) if alone else self.core

    @property
    def is_linear(self) -> bool:
        return not any(self.coefficients[2:])

    def primitive(self) -> Part:
        """Divided by the greatest common divisor of the coefficients."""
        divisor = math.gcd(*self.coefficients)
        leading = next(each for each in reversed(self.coefficients) if each)
        divisor = -divisor if leading < 0 else divisor
        return Part(self.core, tuple(each // divisor for each in self.coefficients))


@dataclass(frozen=True)
class Found:
    """The form that points have, or None; and sizes at which forms differ that all fit the points."""

    part: Part | None
    wanted: tuple[int, ...] = ()


def find_form(symbol: str, points: Iterable[Point], step: int = 1, known: Sequence[Core] = ()) -> Found:
    """The form through all points, whose sizes are multiples of `step`; the first point is the base.

    `known` are cores in which other functions of this symbol were found: they are tried first, and decide between
    floors that the points do not tell apart.
    """
    points = tuple(dict.fromkeys(points))
    if len({size for size, _ in points}) < len(points) or len(points) < 3:
        return Found(None)
    identity = Core(symbol, lambda size: size)
    part = _polynomial_in(identity, points, 1)
    if part is not None:
        return Found(part)
    if step > 1:
        line = _polynomial_in(_steps_of(symbol, step), points, 1)
        if line is not None:
            return Found(_as_part(symbol, _Floor(points[0][0] // step, points[0][1], line.coefficients[1], 1, 0), step))
    for core in known:
        part = _polynomial_in(core, points, 1, fewest=2)
        if part is not None:
            return Found(part)
    found = _find_floor(symbol, points, step, tuple(known))
    if found.part is not None or found.wanted:
        return found
    for core in (identity, _steps_of(symbol, step), *known):
        part = _polynomial_in(core, points, 2)
        if part is not None:
            return Found(part)
    triangle = _find_triangle(symbol, points)
    return Found(triangle) if triangle is not None else _find_bounded(symbol, points, step)


def _steps_of(symbol: str, step: int) -> Core:
    return Core(f"{symbol}//{step}", lambda size: size // step)


def _polynomial_in(core: Core, points: Sequence[Point], degree: int, fewest: int = 3) -> Part | None:
    """A polynomial with whole coefficients through all points. A line has more of them than fix it; a quadratic may
    have just as many, and is the caller's to verify."""
    columns: dict[int, int] = {}
    for size, value in points:
        if columns.setdefault(core.evaluate(size), value) != value:
            return None
    if len(columns) < max(fewest, degree + 1):
        return None
    (x0, y0), (x1, y1) = list(columns.items())[:2]
    first, rest = divmod(y1 - y0, x1 - x0)
    if degree == 1:
        coefficients: tuple[int, ...] = (y0 - first * x0, first)
    else:
        # Newton's divided differences, in whole numbers.
        x2, y2 = list(columns.items())[2]
        second, remainder = divmod((y2 - y1) * (x1 - x0) - (y1 - y0) * (x2 - x1), (x1 - x0) * (x2 - x1) * (x2 - x0))
        slope, rest = divmod((y1 - y0) - second * (x1 - x0) * (x1 + x0), x1 - x0)
        if remainder or not second:
            return None
        coefficients = (y0 - slope * x0 - second * x0 * x0, slope, second)
    part = Part(core, coefficients)
    if rest or not any(coefficients[1:]) or any(part.evaluate(size) != value for size, value in points):
        return None
    return part


def _find_triangle(symbol: str, points: Sequence[Point]) -> Part | None:
    """`(T**2+T)//2`: what a triangle of a square matrix holds."""
    identity = Core(symbol, lambda size: size)
    doubled = _polynomial_in(identity, [(size, 2 * value) for size, value in points], 2)
    if doubled is None:
        return None
    whole = doubled.primitive()
    if (whole.coefficients[1] + whole.coefficients[2]) % 2 or whole.coefficients[0] % 2:
        return None
    factor = doubled.coefficients[2] // whole.coefficients[2]
    return Part(Core(f"({whole.text})//2", lambda size: whole.evaluate(size) // 2), (0, factor))


# Floors.


@dataclass(frozen=True)
class _Floor:
    """`value + factor * ((n - base + phase) // divisor)` of sizes n in steps: `phase` in 0…divisor-1."""

    base: int
    value: int
    factor: int
    divisor: int
    phase: int

    def at(self, n: int) -> int:
        return self.value + self.factor * ((n - self.base + self.phase) // self.divisor)


@lru_cache(maxsize=4096)
def _find_floor(symbol: str, points: tuple[Point, ...], step: int, known: tuple[Core, ...]) -> Found:
    if any(size % step for size, _ in points):
        return Found(None)
    in_steps = [(size // step, value) for size, value in points]
    rivals = list(itertools.islice(_floors(in_steps), MAX_RIVALS))
    if not rivals:
        return Found(None)
    if len(rivals) == 1:
        return Found(_as_part(symbol, rivals[0], step))
    texts = {core.text for core in known}
    for rival in rivals:
        part = _as_part(symbol, rival, step)
        if part.core.text in texts:
            return Found(part)
    return Found(None, _telling_sizes(rivals, in_steps, step))


def _floors(points: Sequence[Point]) -> Iterator[_Floor]:
    """All floors through the points; `divisor` 1 only where sizes go in steps of more than one."""
    base, value = points[0]
    reach, rise = max(((n - base, y - value) for n, y in points), key=lambda each: abs(each[0]))
    for divisor in range(1, min(MAX_DIVISOR, abs(reach)) + 1):
        for factor in _factors(rise, reach, divisor):
            low, high = 0, divisor - 1
            for n, y in points:
                jumps, rest = divmod(y - value, factor)
                if rest:
                    break
                low = max(low, jumps * divisor - (n - base))
                high = min(high, jumps * divisor - (n - base) + divisor - 1)
                if low > high:
                    break
            else:
                for phase in range(low, high + 1):
                    yield _Floor(base, value, factor, divisor, phase)


def _factors(rise: int, reach: int, divisor: int) -> Iterator[int]:
    """Factors for which so many jumps as fit into `reach` make up `rise`."""
    fewest, most = abs(reach) // divisor, -(-abs(reach) // divisor)
    sign = 1 if (rise > 0) == (reach > 0) else -1
    for jumps in range(max(fewest, 1), most + 1):
        factor, rest = divmod(abs(rise), jumps)
        if factor and not rest:
            yield sign * factor


def _telling_sizes(rivals: Sequence[_Floor], points: Sequence[Point], step: int) -> tuple[int, ...]:
    """The size near the base at which the rivals differ the most, and half of them fall to either side."""
    base = points[0][0]
    seen = {n for n, _ in points}
    best, fewest = 0, len(rivals)
    for n in range(base + 1, base + WINDOW):
        if n in seen:
            continue
        groups: dict[int, int] = {}
        for rival in rivals:
            groups[rival.at(n)] = groups.get(rival.at(n), 0) + 1
        largest = max(groups.values())
        if largest < fewest:
            best, fewest = n, largest
    return (best * step,) if best else ()


def _as_part(symbol: str, floor: _Floor, step: int) -> Part:
    """In the symbol itself, and in the form that is read most easily: `H//4`, `(H-1)//2+1`, `(H-3)//2`."""
    divisor, factor = floor.divisor, floor.factor
    shift = (floor.phase - floor.base) % divisor
    constant = floor.value - factor * ((floor.base + shift) // divisor)
    if shift and (constant + factor == 0 or shift == divisor - 1 or (constant and shift > divisor - shift)):
        shift, constant = shift - divisor, constant + factor
    if constant and constant % factor == 0 and constant // factor < 0:
        shift, constant = shift + constant // factor * divisor, 0
    shift, divisor = shift * step, divisor * step
    if shift == 0:
        common = math.gcd(factor, divisor) if divisor == step else 1
        factor, divisor = factor // common, divisor // common
    inner = symbol if shift == 0 else f"({symbol}{shift:+d})"
    text = inner if divisor == 1 else f"{inner}//{divisor}"
    return Part(Core(text, lambda size: (size + shift) // divisor), (constant, factor))


# Bounds.


def _find_bounded(symbol: str, points: Sequence[Point], step: int) -> Found:
    """`min(T, 10)`, `max(T-3, 1)`: one line up to some size and another from there on, one of them level.

    Proven where both sides of the bend were seen; its sides are asked for until then.
    """
    ordered = sorted(points)
    for split in range(1, len(ordered)):
        lower, upper = ordered[:split], ordered[split:]
        for left in _lines(lower):
            for right in _lines(upper):
                if (left[0] == 0) == (right[0] == 0):
                    continue
                found = _bend(symbol, left, right, lower, upper, step)
                if found is not None:
                    return found
    return Found(None)


Line = tuple[int, int]
"""Slope and value at 0."""


def _lines(points: Sequence[Point]) -> list[Line]:
    """The line through the points; through a single one, the level line and that of slope 1."""
    (x0, y0), (x1, y1) = points[0], points[-1]
    if len(points) == 1:
        return [(0, y0), (1, y0 - x0)]
    slope, rest = divmod(y1 - y0, x1 - x0)
    if rest or any(y0 + slope * (x - x0) != y for x, y in points):
        return []
    return [(slope, y0 - slope * x0)]


def _bend(
    symbol: str, left: Line, right: Line, lower: Sequence[Point], upper: Sequence[Point], step: int
) -> Found | None:
    level, sloping = (left[1], right) if left[0] == 0 else (right[1], left)
    crossing = (level - sloping[1]) / sloping[0]
    if not lower[0][0] <= crossing <= upper[0][0] + step:
        return None
    bound = max if (left[0] == 0) == (sloping[0] > 0) else min
    line = polynomial(symbol, (sloping[1], sloping[0]))

    def evaluate(size: int) -> int:
        return bound(sloping[1] + sloping[0] * size, level)

    if any(evaluate(size) != value for size, value in (*lower, *upper)):
        return None
    below, above = _around(crossing, step)
    seen = {size for size, _ in (*lower, *upper)}
    wanted = tuple(size for size in (below, above) if size not in seen and size >= step)
    core = Core(f"{bound.__name__}({line}, {level})", evaluate)
    return Found(None, wanted) if wanted else Found(Part(core, (0, 1)))


def _around(crossing: float, step: int) -> tuple[int, int]:
    """The sizes next to a bend, one to each side of it."""
    return (math.ceil(crossing / step) - 1) * step, (math.floor(crossing / step) + 1) * step
