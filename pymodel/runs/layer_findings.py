"""Which modules do not learn, or soon will not, by their last samples."""

from __future__ import annotations

import math
from collections import defaultdict, deque
from statistics import median

from ..schema import LayerFinding

SAMPLES = 3
"""In a row, before anything is said."""
KEPT = 64
DEAD_ZEROS = 0.999
VANISHING_RATIO = 1e-6
"""Of the largest gradient norm in the model."""
GROWTH = 100.0
"""Of a gradient norm, over the median of the samples before."""
HUGE = 1e6
"""A standard deviation of outputs that no later layer can use."""


class LayerHistory:
    """The last samples of each module."""

    def __init__(self) -> None:
        self._samples: dict[str, deque[dict[str, float]]] = defaultdict(lambda: deque(maxlen=KEPT))
        self._findings: dict[tuple[str, str], LayerFinding] = {}

    @property
    def findings(self) -> tuple[LayerFinding, ...]:
        return tuple(self._findings.values())

    @property
    def last(self) -> dict[str, dict[str, float]]:
        return {path: samples[-1] for path, samples in self._samples.items()}

    def add(self, step: int, layers: dict[str, dict[str, float]]) -> None:
        for path, statistics in layers.items():
            self._samples[path].append(statistics)
        norms = [each["grad_norm"] for each in layers.values() if math.isfinite(each.get("grad_norm", math.nan))]
        largest = max(norms, default=0.0)
        for path in layers:
            recent = list(self._samples[path])
            for state, words in (
                ("dead", _dead(recent)),
                ("vanishing", _vanishing(recent, largest)),
                ("exploding", _exploding(recent)),
            ):
                key = (path, state)
                if words and key not in self._findings:
                    self._findings[key] = LayerFinding(path, state, step, words)  # type: ignore[arg-type]
                elif not words:
                    self._findings.pop(key, None)


def _dead(samples: list[dict[str, float]]) -> str:
    zeros = [each.get("zeros", 0.0) for each in samples[-SAMPLES:]]
    if len(zeros) == SAMPLES and min(zeros) >= DEAD_ZEROS:
        return f"{100 * zeros[-1]:.4g} % of its outputs are 0 in the last {SAMPLES} samples"
    return ""


def _vanishing(samples: list[dict[str, float]], largest: float) -> str:
    norms = [each["grad_norm"] for each in samples[-SAMPLES:] if "grad_norm" in each]
    if len(norms) == SAMPLES and largest > 0 and max(norms) < VANISHING_RATIO * largest:
        return f"its gradient's norm is {norms[-1]:.3g}, the largest one of the model {largest:.3g}"
    return ""


def _exploding(samples: list[dict[str, float]]) -> str:
    spread = [each.get("std", 0.0) for each in samples[-SAMPLES:]]
    if len(spread) == SAMPLES and min(spread) > HUGE:
        return f"its outputs have a standard deviation of {spread[-1]:.3g}"
    norms = [each["grad_norm"] for each in samples if math.isfinite(each.get("grad_norm", math.nan))]
    if len(norms) > SAMPLES and norms[-1] > GROWTH * (usual := median(norms[:-1])) > 0:
        return f"its gradient's norm is {norms[-1]:.3g}, before it was {usual:.3g}"
    return ""
