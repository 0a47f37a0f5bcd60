"""Faults of training steps that raise nothing."""

from __future__ import annotations

from ..schema import Diagnostic
from ..trace.script import Broadcast
from .words import show


def explain_broadcast(found: Broadcast) -> Diagnostic:
    """A loss that broadcasts its target against its output: every sample is compared with every other."""
    output, target = show(found.output), show(found.target)
    words = (
        f"`{found.function}` compares an output of {output} with a target of {target}: both are broadcast, "
        "so samples are compared with other samples. Give both the same shape."
    )
    place = found.location
    return Diagnostic("broadcast-loss", "warning", words, place.path, place.start, place.end)
