"""torchinfo, torchview and torch.export on the models of the bench, beside a trace with a warm memo, in one process.

Each tool is given the model on meta, and its second call counts: the first pays for what torch loads on demand.
"""

from __future__ import annotations

import json
import sys
import warnings
from collections.abc import Callable
from typing import Any

import torch

from pymodel.trace.memo import Memo
from pymodel.trace.meta import build
from pymodel.trace.run import run_forward, watching_modules

from .cases import Case, case_of
from .tracing import cpu_ms


def measure(case: Case) -> dict[str, float | None]:
    """Milliseconds of each; None where a tool cannot do it."""
    inputs = torch.empty(case.size, dtype=getattr(torch, case.dtype), device="meta")
    model = build(case.load_class()).eval()
    memo = Memo()
    files = frozenset((str(case.path),))
    with watching_modules():
        own = min(cpu_ms(lambda: run_forward(model, lambda: ((inputs,), {}), {}, files, memo=memo)) for _ in range(6))
    times: dict[str, float | None] = {"trace": own}
    for name, tool in _TOOLS.items():
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                tool(model, inputs)
                times[name] = cpu_ms(lambda tool=tool: tool(model, inputs))  # type: ignore[misc]
        except Exception as error:
            print(f"{name} on {case.title}: {type(error).__name__}: {error}", file=sys.stderr)
            times[name] = None
    return times


def _torchinfo(model: Any, inputs: torch.Tensor) -> None:
    from torchinfo import summary

    summary(model, input_data=[inputs], device="meta", verbose=0)


def _torchview(model: Any, inputs: torch.Tensor) -> None:
    from torchview import draw_graph

    draw_graph(model, input_data=[inputs], device="meta", depth=10)


def _export(model: Any, inputs: torch.Tensor) -> None:
    torch.export.export(model, (inputs,), strict=False)


_TOOLS: dict[str, Callable[[Any, torch.Tensor], None]] = {
    "torchinfo": _torchinfo,
    "torchview": _torchview,
    "torch.export": _export,
}

if __name__ == "__main__":
    print(json.dumps(measure(case_of(sys.argv[1]))))
