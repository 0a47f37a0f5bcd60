"""Best-first search for inputs that run: what the code says, then guesses, and whatever a failure suggests instead."""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

from ..discover.pins import Spec
from .inputs import Inputs

MIXED = 4
"""So many guesses at each of so many arguments are tried in every combination."""
CHILDREN = 24
"""So many other candidates are taken from one failure."""
PATIENCE = 8
"""After so many repairs that led no further, the next guess has its turn."""


@dataclass(frozen=True)
class Verdict:
    """What a trial of inputs came to. `words` say why they are not right, None if they are; `keeps` says whether the
    batch came out as it went in, and `ran` whether `forward` reached its end."""

    inputs: Inputs
    length: int
    words: str | None
    progress: int
    failed_on: tuple[int, ...] | None
    ran: bool = False
    others: Callable[[], Iterator[Inputs]] | None = field(default=None, compare=False)
    """Candidates that answer the failure."""

    @property
    def keeps(self) -> bool:
        return self.words is None


def search(
    stated: Iterable[Inputs], guessed: Iterator[Inputs], judge: Callable[[Inputs], Verdict]
) -> Iterator[Verdict]:
    """Verdicts on candidates, in the order tried: all that are stated, then guesses and repairs by how far they got.

    It never ends by itself before the guesses and all repairs are used up: the caller stops it.
    """
    seen: set[object] = set()
    heap: list[tuple[int, int, int, Inputs]] = []
    counter = itertools.count()
    best = 0
    idle = 0

    def attempt(inputs: Inputs, depth: int) -> Iterator[Verdict]:
        nonlocal best, idle
        key = tuple((each.name, each.spec) for each in inputs)
        if key in seen:
            return
        seen.add(key)
        verdict = judge(inputs)
        yield verdict
        idle = 0 if verdict.progress > best else idle + 1
        best = max(best, verdict.progress)
        if verdict.others is not None:
            for other in itertools.islice(verdict.others(), CHILDREN):
                heapq.heappush(heap, (-verdict.progress, depth + 1, next(counter), other))

    for inputs in stated:
        yield from attempt(inputs, 0)
    while True:
        fresh = next(guessed, None) if not heap or idle >= PATIENCE else None
        if fresh is not None:
            idle = 0
            yield from attempt(fresh, 0)
        elif heap:
            _, depth, _, inputs = heapq.heappop(heap)
            yield from attempt(inputs, depth)
        else:
            return


def combine(guesses: list[Iterator[Spec]]) -> Iterator[tuple[Spec, ...]]:
    """One guess for each argument: mixtures of the first ones, nearest to the front first, then all abreast."""
    if not guesses:
        yield ()
        return
    lists = [list(dict.fromkeys(each)) for each in guesses]
    yield from dict.fromkeys(_combinations(lists))


def _combinations(guesses: list[list[Spec]]) -> Iterator[tuple[Spec, ...]]:
    if len(guesses) > 1:
        heads = itertools.product(*(range(min(len(each), MIXED)) for each in guesses[:MIXED]))
        for choice in sorted(heads, key=sum):
            rest = (each[0] for each in guesses[len(choice) :])
            yield (*(each[at] for each, at in zip(guesses, choice, strict=False)), *rest)
    for at in range(max(map(len, guesses))):  # sizes that arguments share move together
        yield tuple(each[min(at, len(each) - 1)] for each in guesses)
