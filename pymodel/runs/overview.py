"""The rows of a very long run, thinned: what a plot of a few thousand points shows, without reading every line.

Lines are told apart by their first metric and by how many quotes are in them: that of an epoch's end, or with a number
that is not finite, has another form. Of many lines of one form those are kept in which the first metric is least or
greatest in a stretch.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Sized
from pathlib import Path

from ..schema import MetricRow
from .lines import read_lines
from .metrics import metrics_path, parse_rows

LONG = 20_000
"""Lines, beyond which a run is thinned."""
STRETCHES = 2_000
_FIRST_METRIC = re.compile(rb'"values":\{"((?:[^"\\]|\\.)*)":')


def read_overview(folder: Path) -> tuple[list[MetricRow], int, int] | None:
    """Some of the rows, the line number to ask for next, and how many lines stand behind each stretch; None where the
    run is not so long."""
    lines = read_lines(metrics_path(folder))
    if len(lines) < LONG:
        return None
    forms: dict[tuple[bytes, int], list[int]] = defaultdict(list)
    for place, line in enumerate(lines):
        forms[line.partition(b'"values":{"')[2].partition(b'"')[0], line.count(b'"')].append(place)
    kept = {0, len(lines) - 1}
    for places in forms.values():
        kept.update(places if len(places) <= STRETCHES else _thin(lines, places))
    return parse_rows([lines[place] for place in sorted(kept)]), len(lines), _stretch(lines)


def _thin(lines: list[bytes], places: list[int]) -> Iterator[int]:
    """Of each stretch of places those with the least and the greatest first value, or one where these are not read."""
    values = _first_values([lines[place] for place in places])
    step = _stretch(places)
    for start in range(0, len(places), step):
        stretch = values[start : start + step]
        yield places[start + (stretch.index(min(stretch)) if stretch else 0)]
        yield places[start + (stretch.index(max(stretch)) if stretch else 0)]


def _stretch(all_of_them: Sized) -> int:
    return max(1, len(all_of_them) // STRETCHES)


def _first_values(lines: list[bytes]) -> list[float]:
    """The value of the first metric in each line; nothing where one has none."""
    named = _FIRST_METRIC.search(lines[0])
    if named is None:
        return []
    found = re.findall(re.escape(named[0]) + rb"([-+.0-9eE]+)[,}]", b"\n".join(lines))
    try:
        return list(map(float, found)) if len(found) == len(lines) else []
    except ValueError:
        return []
