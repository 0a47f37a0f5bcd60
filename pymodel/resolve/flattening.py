"""What image size a model means, told by the arithmetic of its own code where no size lets it run.

`view(-1, 64 * 10 * 10)` after a convolution that now gives 32 channels fits no image at all, yet it still says that
10 x 10 was meant: the shapes to show, and the fault to explain, are those at that size.
"""

from __future__ import annotations

import ast
import math
from dataclasses import dataclass

from torch import nn

from ..discover.document import Document

LIKELY_CHANNELS = 3
"""Channels are taken to have changed by at most this many doublings."""


@dataclass(frozen=True)
class Flattening:
    """The sizes that a class flattens to: `pairs` of height and width where the code spells them out, else the
    `rows` that hold channels, height and width in one number. `channels` are those of its convolutions."""

    pairs: frozenset[tuple[int, int]]
    rows: frozenset[int]
    channels: frozenset[int]

    def credit(self, shape: tuple[int, ...]) -> float:
        """How well the operand of a failed operation fits: 1 if the code spells its size out, less by inference."""
        if len(shape) == 4:
            if shape[-2:] in self.pairs:
                return 1.0
            return self._inferred(shape[1], shape[2], shape[3])
        if len(shape) != 2:
            return 0.0
        best = 0.0
        for channels in self.channels:
            area, rest = divmod(shape[1], channels)
            side = math.isqrt(area)
            if rest == 0 and any(height * width == area for height, width in self.pairs):
                return 1.0
            if rest == 0 and side * side == area:
                best = max(best, self._inferred(channels, side, side))
        return best

    def _inferred(self, channels: int, height: int, width: int) -> float:
        """A row that is a power of two times too long or too short: its channels were changed, not its size."""
        if self.pairs or height * width < 4 or channels not in self.channels:
            return 0.0
        best = 0.0
        for row in self.rows:
            wanted, rest = divmod(row, height * width)
            doublings = math.log2(wanted / channels) if wanted else math.inf
            if rest == 0 and doublings.is_integer() and 0 < abs(doublings) <= LIKELY_CHANNELS:
                best = max(best, 0.5 / abs(doublings))
        return best


def read_flattening(document: Document, name: str, model: nn.Module) -> Flattening:
    """Read the `view`, `reshape` and `Linear` calls of a class."""
    pairs: set[tuple[int, int]] = set()
    rows: set[int] = set()
    for cls in ast.walk(document.tree):
        if not (isinstance(cls, ast.ClassDef) and cls.name == name):
            continue
        for call in ast.walk(cls):
            if isinstance(call, ast.Call):
                for argument in _lengths(call):
                    factors = ast.unparse(argument).split(" * ")
                    if not all(factor.isdigit() for factor in factors):
                        continue
                    if len(factors) >= 3:
                        pairs.add((int(factors[-2]), int(factors[-1])))
                    rows.add(math.prod(map(int, factors)))
    convolutions = [each for each in model.modules() if isinstance(each, (nn.Conv2d, nn.ConvTranspose2d))]
    return Flattening(frozenset(pairs), frozenset(rows), frozenset(each.out_channels for each in convolutions))


def _lengths(call: ast.Call) -> list[ast.expr]:
    """The arguments of a call that may say how long a flattened row is."""
    function = ast.unparse(call.func).rpartition(".")[2]
    if function in ("view", "reshape"):
        return call.args
    return call.args[:1] if function in ("Linear", "LazyLinear") else []
