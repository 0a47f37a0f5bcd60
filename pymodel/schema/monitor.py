"""What a run of somebody's own script keeps beside its metrics: `monitor.<rank>.json` and `layers.<rank>.jsonl`."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from .runs import MetricRow, Number

SiteKind = Literal["loss", "backward", "step", "epoch", "batch"]
LayerState = Literal["dead", "exploding", "vanishing"]


@dataclass(frozen=True)
class CodeSite:
    """A line of the script, and what it did last. `text` is the line as it was when it ran, without its indentation: a
    line that reads differently now is another one."""

    kind: SiteKind
    path: str
    line: int
    text: str
    name: str | None = None
    """The metric that `value` belongs to: of a loss `train/loss`, of an optimizer's step `learning_rate`."""
    value: Number | None = None
    done: int | None = None
    """Of a loop: how many times its body has begun."""
    total: int | None = None
    """Of a loop: how many times its body will run, where that is known."""


@dataclass(frozen=True)
class Operand:
    """A tensor that went into an operation. Of its finite values, the least and the greatest."""

    name: str
    shape: tuple[int, ...]
    dtype: str
    nonfinite: int
    minimum: Number | None = None
    maximum: Number | None = None


@dataclass(frozen=True)
class NonFinite:
    """Where NaN or an infinity came up first: the step, and of its forward pass the operation whose result was the
    first with a value that is not finite. Without `operation` only the step is known; `words` say why."""

    step: int
    value: Number
    words: str
    module: str | None = None
    """`blocks.7.mlp`; the empty string is the model itself."""
    operation: str | None = None
    path: str | None = None
    line: int | None = None
    operands: tuple[Operand, ...] = ()
    recent: tuple[MetricRow, ...] = ()
    """The last steps before it."""
    layers: dict[str, dict[str, Number]] = field(default_factory=dict)
    """The last statistics of each module from before it."""
    batch: str | None = None
    """The file in the run's folder that `pymodel run --replay` runs the step from, if it was saved."""


@dataclass(frozen=True)
class LayerFinding:
    """A module whose statistics say that it does not learn, or soon will not."""

    module: str
    state: LayerState
    step: int
    words: str


@dataclass(frozen=True)
class MonitoredModel:
    """A model that an optimizer trains. `name` goes before the paths of its modules where there are several."""

    name: str
    class_name: str
    path: str | None
    line: int | None
    parameters: int


@dataclass(frozen=True)
class Gap:
    """Something that was not recorded, and why."""

    what: str
    why: str


@dataclass(frozen=True)
class Monitored:
    """`monitor.<rank>.json`, replaced atomically twice a second while the script runs."""

    step: int = 0
    updated: float = 0.0
    sites: tuple[CodeSite, ...] = ()
    meanings: dict[str, str] = field(default_factory=dict)
    """What each metric is, in words: `train/loss`: `the mean of 4 losses, each divided by 4`."""
    models: tuple[MonitoredModel, ...] = ()
    findings: tuple[LayerFinding, ...] = ()
    nonfinite: NonFinite | None = None
    gaps: tuple[Gap, ...] = ()
    commit: str | None = None
    """The revision of the script's repository; what was changed since is in `source/changes.diff`."""


@dataclass(frozen=True)
class LayerRow:
    """A line of `layers.<rank>.jsonl`: of a sampled step, the statistics of each module by its path. `mean`, `std` and
    `zeros` (a fraction) are of its output, `grad_norm` and `update_ratio` (update ÷ weight) of its parameters."""

    step: int
    time: float
    layers: dict[str, dict[str, Number]]
