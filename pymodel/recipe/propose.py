"""A first recipe for a model, from what its trace and the workspace tell; with the reason of each choice."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ..schema import (
    ComputeSettings,
    DataSettings,
    Dim,
    LossSettings,
    ModelSettings,
    OptimizerSettings,
    Recipe,
    RunSettings,
    ScheduleSettings,
    Trace,
)

ATTENTION = ("MultiheadAttention", "TransformerEncoder", "TransformerEncoderLayer", "TransformerDecoderLayer")
RECURRENT = ("LSTM", "GRU", "RNN")
MEMORY = 2**30
"""Bytes of activations that a first batch may keep."""
LARGEST, SMALLEST = 64, 4


@dataclass(frozen=True)
class Proposal:
    """A recipe, and why, by section and setting."""

    recipe: Recipe
    reasons: dict[tuple[str, str], str]


def propose_recipe(trace: Trace, data: str, folder: Path) -> Proposal:
    """A recipe with paths from `folder` on. The loss is `auto`, as only the labels can tell: the run says which."""
    kinds = {module.class_ for module in trace.modules}
    reasons: dict[tuple[str, str], str] = {("loss", "name"): _reason_of_loss(trace)}
    batch_size = _batch_size(trace)
    if batch_size < LARGEST:
        reasons["data", "batch_size"] = "what this model keeps for its backward pass would not fit with more"
    optimizer, schedule = OptimizerSettings(), ScheduleSettings()
    if kinds & set(ATTENTION) or any("attention" in kind.lower() for kind in kinds):
        optimizer = OptimizerSettings(learning_rate=3e-4, clip_norm=1.0)
        schedule = ScheduleSettings("cosine", warmup_steps=100)
        reasons["schedule", "name"] = "attention trains more steadily when the rate rises first and falls to the end"
    elif kinds & set(RECURRENT):
        optimizer = OptimizerSettings(clip_norm=1.0)
        reasons["optimizer", "clip_norm"] = "gradients through time may explode"
    construction = trace.construction
    recipe = Recipe(
        ModelSettings(
            _from(trace.target, folder),
            construction.expression if construction else None,
            construction.prelude if construction else (),
        ),
        DataSettings(_from(data, folder), batch_size=batch_size),
        LossSettings(),
        optimizer,
        schedule,
        compute=ComputeSettings(),
        run=RunSettings(),
    )
    return Proposal(recipe, reasons)


def _reason_of_loss(trace: Trace) -> str:
    outputs = trace.modules[0].outputs if trace.modules else ()
    if len(outputs) != 1 or not outputs[0]:
        return "by the first batch's labels"
    dims = outputs[0]
    shape = f"({', '.join(map(str, dims))}{',' if len(dims) == 1 else ''})"
    if len(dims) > 1 and isinstance(dims[-1], int) and dims[-1] > 1:
        return f"cross_entropy if the labels are classes: the model gives {shape}"
    return f"bce if the labels are 0 and 1, mse if they are other numbers: the model gives {shape}"


def _batch_size(trace: Trace) -> int:
    """The largest power of two whose activations keep within `MEMORY`."""
    if trace.totals is None:
        return LARGEST
    size = LARGEST
    while size > SMALLEST and _value(trace.totals.activation_bytes, trace, size) > MEMORY:
        size //= 2
    return size


def _value(dim: Dim, trace: Trace, batch: int) -> float:
    if not isinstance(dim, str):
        return dim
    sizes = {name: symbol.probed[0] if symbol.probed else 1 for name, symbol in trace.symbols.items()}
    sizes |= {name: batch for name, symbol in trace.symbols.items() if symbol.meaning == "batch"}
    try:
        return float(eval(dim, {"__builtins__": {}, "max": max, "min": min}, sizes))
    except NameError:
        return 0  # a size that only values tell


def _from(reference: str, folder: Path) -> str:
    path, separator, name = reference.rpartition("::")
    place = Path(path if separator else reference)
    if place.is_absolute() and place.is_relative_to(folder):
        place = place.relative_to(folder)
    return f"{place.as_posix()}::{name}" if separator else reference if reference == "random" else place.as_posix()
