"""What the nodes of a graph are coloured by, with what a run saw of its layers where the overlay tells of that."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from pymodel import runs
from pymodel.graph.learned import match_learned
from pymodel.graph.overlays import LEARNED, read_overlay
from pymodel.schema import MonitoredModel, Node, Overlay, Trace
from pymodel.schema.protocol import GraphParams

from .l10n import t


@dataclass(frozen=True)
class RunLayers:
    """The samples of a run, and the models that it had."""

    sampled: runs.SampledSteps
    models: tuple[MonitoredModel, ...]


async def read_run(asked: GraphParams) -> RunLayers | None:
    """What the run that is asked for saw of its layers; None where the overlay tells of no run."""
    if asked.run is None or asked.overlay not in LEARNED:
        return None
    return await asyncio.to_thread(_read, Path(asked.run))


def _read(folder: Path) -> RunLayers:
    monitored = runs.read_monitored(folder)
    return RunLayers(runs.SampledSteps(folder), monitored.models if monitored is not None else ())


def colour_nodes(name: str, step: int | None, trace: Trace, nodes: Sequence[Node], seen: RunLayers | None) -> Overlay:
    """The overlay `name`; of a run at the sampled step `step`, or the one before it.

    Raises:
        UnknownOverlay: there is none of this name.
    """
    row = seen.sampled.read(step) if seen is not None else None
    if name in LEARNED and (seen is None or row is None):
        why = t("This run has seen nothing of its layers yet: they are looked at about once a second.")
        return Overlay(name, LEARNED[name][0], (), message=why)
    if seen is None or row is None:
        return read_overlay(name, trace, nodes)
    ailing = seen.sampled.find_ailing(row.step) if name == "health" else ()
    overlay = read_overlay(name, trace, nodes, match_learned(trace, row, ailing, seen.models))
    message = "" if overlay.readings else t("This run has seen nothing of these layers.")
    return replace(overlay, steps=seen.sampled.steps, message=message)
