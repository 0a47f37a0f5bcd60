"""Which of the edits that could mend a finding do: each is applied and the model run again, at several batch sizes."""

from __future__ import annotations

import dataclasses
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from ..schema import Diagnostic, Edit, Fix
from .constants import constant_fixes
from .divisors import divisor_fixes
from .evidence import Evidence
from .shapes import shape_fixes
from .traps import trap_fixes

MAX_CANDIDATES = 8
MAX_FIXES = 3
PROOF_SECONDS = 3.0
"""Of processor time for all findings of one model."""
LEAST_BATCHES = 2


@dataclass(frozen=True)
class Outcome:
    """What a run told: its findings, and at how many sizes of the batch it ran."""

    diagnostics: tuple[Diagnostic, ...]
    batches: int
    symbols: frozenset[str] = frozenset()
    """The sizes that could vary."""


Rerun = Callable[[Fix], Outcome | None]
"""Runs a model again with a fix applied; None where that cannot be done."""


def with_fixes(before: Outcome, evidence: Evidence, rerun: Rerun) -> tuple[Diagnostic, ...]:
    """The diagnostics of one model, each with the fixes that were proven, the likeliest first."""
    told = before.diagnostics
    end = time.process_time() + PROOF_SECONDS
    mended = []
    for found in told:
        fixes: list[Fix] = []
        if found.severity != "hint":
            for fix in _distinct(candidates(found, evidence)):
                if time.process_time() > end or len(fixes) == MAX_FIXES:
                    break
                outcome = rerun(fix)
                if outcome is not None and is_mended(found, before, outcome):
                    fixes.append(fix)
        mended.append(dataclasses.replace(found, fixes=tuple(fixes)) if fixes else found)
    return tuple(mended)


def candidates(found: Diagnostic, evidence: Evidence) -> Iterator[Fix]:
    """Edits that could mend a finding, the likeliest first."""
    failure = evidence.failures.get(found)
    if failure is not None:
        yield from shape_fixes(found, failure, evidence)
        yield from constant_fixes(found, failure, evidence)
    if found.code == "raises" and (source := evidence.source(found.path)) is not None:
        yield from divisor_fixes(found, source)
    yield from trap_fixes(found, evidence)


def is_mended(found: Diagnostic, before: Outcome, after: Outcome) -> bool:
    """Whether a finding is gone, nothing else has come, all sizes that could vary still can, and the model ran at two
    sizes of the batch or more."""
    then, now = (
        Counter(each.code for each in outcome.diagnostics if each.severity != "hint") for outcome in (before, after)
    )
    return (
        before.symbols <= after.symbols
        and after.batches >= LEAST_BATCHES
        and now[found.code] < then[found.code]
        and now <= then
    )


def _distinct(fixes: Iterable[Fix]) -> Iterator[Fix]:
    seen: set[tuple[Edit, ...]] = set()
    for fix in fixes:
        if fix.edits not in seen and len(seen) < MAX_CANDIDATES:
            seen.add(fix.edits)
            yield fix
