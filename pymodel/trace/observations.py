"""What the runs of a probe saw at the same place: numbers to fit, and runs that saw something of another kind."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from .recorder import IntSeen, Seen, TensorSeen, TupleSeen
from .run import Run

Column = tuple[tuple[int, int], ...]
"""The same number in each run that has it: `(run, number)`, base run first."""
MAX_OCCURRENCES = 512
Numbers = tuple[int, ...]
Kind = tuple[object, ...]


def find_columns(runs: Sequence[Run]) -> tuple[set[Column], set[int]]:
    """All distinct columns of what instrumented code saw, the nth time that it ran; and the runs (by number) in which
    something was of another kind or rank than in the base run. A list that is longer there is no such thing."""
    indexed = [_index(run.events) for run in runs]
    rows: set[tuple[tuple[int, Seen], ...]] = set()
    for site, in_base in indexed[0].items():
        others = [(number, index[site]) for number, index in enumerate(indexed) if site in index]
        for n in range(min(len(in_base), MAX_OCCURRENCES)):
            if isinstance(in_base[n], (TensorSeen, IntSeen, TupleSeen)):
                rows.add(tuple((number, seen[n]) for number, seen in others if n < len(seen)))
    outputs = {
        tuple((number, run.outputs[n][1]) for number, run in enumerate(runs) if n < len(run.outputs))
        for n in range(len(runs[0].outputs))
    }
    outputs |= set(_operation_rows(runs))
    columns: set[Column] = set()
    odd: set[int] = set()
    flat = [[(number, *_flatten(seen)) for number, seen in row] for row in rows]
    flat += [[(number, (len(shape),), shape) for number, shape in row] for row in outputs]
    for row in flat:
        kind = row[0][1]
        odd |= {number for number, other, _ in row if other != kind and "items" not in (*kind, *other)}
        alike = [(number, numbers) for number, other, numbers in row if other == kind]
        columns |= {tuple((number, numbers[n]) for number, numbers in alike) for n in range(len(alike[0][1]))}
    return columns, odd


def _operation_rows(runs: Sequence[Run]) -> Iterable[tuple[tuple[int, tuple[int, ...]], ...]]:
    """What operations gave, in the runs that did as many of them as the base."""
    base = runs[0].operations
    alike = [(number, run.operations) for number, run in enumerate(runs) if len(run.operations) == len(base)]
    for place, seen in enumerate(base):
        for n in range(len(seen.outputs)):
            yield tuple((run, each[place].outputs[n][1]) for run, each in alike if n < len(each[place].outputs))


def _index(events: Iterable[tuple[int, Seen]]) -> dict[int, list[Seen]]:
    index: dict[int, list[Seen]] = {}
    for site, seen in events:
        index.setdefault(site, []).append(seen)
    return index


def _flatten(seen: Seen) -> tuple[Kind, Numbers]:
    if isinstance(seen, TensorSeen):
        return ("tensor", len(seen.shape)), seen.shape
    if isinstance(seen, IntSeen):
        return ("int",), (seen.value,)
    if isinstance(seen, TupleSeen):
        items = [_flatten(item) for item in seen.items]
        return ("items", *(kind for kind, _ in items)), tuple(number for _, numbers in items for number in numbers)
    return (type(seen).__name__,), ()
