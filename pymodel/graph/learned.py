"""What a run saw of its layers, brought to the modules of a trace.

A run names its modules as they were in it: with a name before them where there were several models, or inside of a
wrapper. What stands before most of the trace's own paths is taken off.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from ..schema import LayerFinding, LayerRow, MonitoredModel, Trace


@dataclass(frozen=True)
class Learned:
    """Of one sampled step, by the module paths of the trace: statistics of its layers, and what is wrong with some."""

    step: int
    layers: Mapping[str, Mapping[str, float]]
    findings: Mapping[str, LayerFinding]

    def gradient_norm(self, path: str) -> float | None:
        """Of a module's parameters and its children's together: the root of the sum of squares."""
        norms = [each["grad_norm"] for each in self._inside(path).values() if "grad_norm" in each]
        return math.sqrt(sum(norm * norm for norm in norms)) if norms else None

    def update_ratio(self, path: str) -> float | None:
        """The largest of a module's own and its children's."""
        ratios = [each["update_ratio"] for each in self._inside(path).values() if "update_ratio" in each]
        return next((ratio for ratio in ratios if math.isnan(ratio)), max(ratios, default=None))

    def output_std(self, path: str) -> float | None:
        return self.layers.get(path, {}).get("std")

    def zeros(self, path: str) -> float | None:
        """The fraction of a module's output that is 0."""
        return self.layers.get(path, {}).get("zeros")

    def finding(self, path: str) -> LayerFinding | None:
        """A module's own, else one of its children's; None where all learn."""
        return next((self.findings[each] for each in self._within(path, self.findings)), None)

    def knows(self, path: str) -> bool:
        return any(True for _ in self._within(path, self.layers))

    def _inside(self, path: str) -> dict[str, Mapping[str, float]]:
        return {each: self.layers[each] for each in self._within(path, self.layers)}

    def _within(self, path: str, paths: Iterable[str]) -> Iterable[str]:
        return (each for each in paths if not path or each == path or each.startswith(f"{path}."))


def match_learned(
    trace: Trace, row: LayerRow, findings: Iterable[LayerFinding], models: Iterable[MonitoredModel] = ()
) -> Learned:
    """What `row` says of the modules of `trace`. `models` are those of the run, where it had several."""
    class_name = trace.target.rpartition("::")[2]
    named = [each.name for each in models if each.class_name == class_name]
    before = f"{named[0]}." if named and named[0] else _find_prefix(trace, row)

    def own(path: str) -> str | None:
        return "" if f"{path}." == before else path[len(before) :] if path.startswith(before) else None

    layers = {
        name: {each: float(number) for each, number in statistics.items()}
        for path, statistics in row.layers.items()
        if (name := own(path)) is not None
    }
    return Learned(row.step, layers, {name: each for each in findings if (name := own(each.module)) is not None})


def _find_prefix(trace: Trace, row: LayerRow) -> str:
    known = {module.path for module in trace.modules if module.path}
    found: Counter[str] = Counter()
    for path in row.layers:
        parts = path.split(".")
        for start in range(len(parts)):
            if ".".join(parts[start:]) in known:
                found["".join(f"{part}." for part in parts[:start])] += 1
    return found.most_common(1)[0][0] if found else ""
