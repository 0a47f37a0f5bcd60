"""From an edit to the new Trace, as the server has it: a request to a real zygote, a fork, an analysis, frames back.

What counts is the processor time of the zygote and of the child that it forks, a mean over several edits.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

from pymodel.schema import Traced
from tests.engine.analyst import Analyst

from .cases import Case, case_of

EDITS = 10


def measure(case: Case) -> dict[str, float]:
    """Milliseconds an edit: `first` in a new zygote, and `edit`, the mean of those after it."""
    analyst = Analyst("fork")
    text = case.path.read_text(encoding="utf-8")
    try:
        process = analyst.start()
        before = _cpu_ms(process.pid)
        _edit(analyst, case, text)
        _settle(analyst, case)
        first = _cpu_ms(process.pid) - before
        before = _cpu_ms(process.pid)
        for number in range(EDITS):
            _edit(analyst, case, f"{text}\n# edit {number}\n")
        _settle(analyst, case)
        return {"first": first, "edit": (_cpu_ms(process.pid) - before) / EDITS}
    finally:
        analyst.stop()


def _edit(analyst: Analyst, case: Case, text: str) -> None:
    said = analyst.analyse(case.path, targets=(f"{case.path}::{case.class_name}",), documents={str(case.path): text})
    (trace,) = (event.trace for event in said if isinstance(event, Traced))
    if trace.status != "complete":
        raise RuntimeError(f"{case.title} was not traced: {trace.diagnostics}")


def _settle(analyst: Analyst, case: Case) -> None:
    """A request that is answered only after the child before it is buried, and its time counted."""
    analyst.analyse(case.path.with_name("missing.py"))


def _cpu_ms(pid: int) -> float:
    """Of a process and of its children that have ended."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return sum(map(int, fields[11:15])) * 1e3 / os.sysconf("SC_CLK_TCK")


if __name__ == "__main__":
    print(json.dumps(measure(case_of(sys.argv[1]))))
