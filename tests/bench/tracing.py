"""A traced run against the bare forward of the same model on meta, in one process: `python -m tests.bench.tracing cnn`.

Times are of the processor, the least of several, in milliseconds.
"""

from __future__ import annotations

import json
import resource
import sys
import time
from collections.abc import Callable
from typing import Any

import torch

from pymodel.trace.memo import Memo
from pymodel.trace.meta import build
from pymodel.trace.run import Run, run_forward, watching_modules
from pymodel.worker.analyse import warm

from .cases import Case, case_of


def measure(case: Case, repeat: int = 5) -> dict[str, float]:
    """`bare`, `cold` and `warm` times, `hits` and `misses` of the first run, `operations`, and memory in MB."""
    warm()
    make = case.load_class()
    before = peak_memory()
    started = time.process_time()
    model = build(make).eval()
    built = (time.process_time() - started) * 1e3
    inputs = torch.empty(case.size, dtype=getattr(torch, case.dtype), device="meta")
    files = frozenset((str(case.path),))

    def trace(memo: Memo) -> Run:
        return run_forward(model, lambda: ((inputs,), {}), {}, files, memo=memo)

    with watching_modules():
        memo = Memo()
        run = trace(memo)
        memory = peak_memory() - before
        if run.error is not None:
            raise run.error
        hits, misses = memo.hits, memo.misses
        bare, warmed, cold = [], [], []
        for _ in range(repeat):  # in turns, so that a busy machine is unfair to all of them alike
            bare.append(cpu_ms(lambda: model(inputs)))
            warmed += [cpu_ms(lambda: trace(memo)) for _ in range(3)]
            cold.append(cpu_ms(lambda: trace(Memo())))
    return {
        "bare": min(bare),
        "cold": min(cold),
        "warm": min(warmed),
        "build": built,
        "hits": hits,
        "misses": misses,
        "operations": len(run.operations),
        "memory": memory,
    }


def cpu_ms(act: Callable[[], Any]) -> float:
    started = time.process_time()
    act()
    return (time.process_time() - started) * 1e3


def peak_memory() -> float:
    """The most that this process has held so far, in MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


if __name__ == "__main__":
    print(json.dumps(measure(case_of(sys.argv[1]))))
