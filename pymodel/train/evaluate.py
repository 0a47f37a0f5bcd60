"""What a model is worth on held-out data: loss, accuracy, and metrics of torchmetrics."""

from __future__ import annotations

import ast
import importlib
import sys
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from ..schema import PyModelError
from .batch import Batch
from .loss import Loss, to_prediction


class MetricNotUsable(PyModelError):
    """A metric is not installed or cannot be made."""


@dataclass(frozen=True)
class Measure:
    """A metric of torchmetrics under the name that its curve has."""

    name: str
    metric: Any


def make_measures(texts: tuple[str, ...], loss: str, output: Tensor) -> tuple[Measure, ...]:
    """`F1Score`, or `FBetaScore(beta=0.5)`. For classes its task and their number are filled in.

    Raises:
        MetricNotUsable: torchmetrics is missing, or has no such class, or its arguments do not do.
    """
    if not texts:
        return ()
    try:
        torchmetrics = importlib.import_module("torchmetrics")
    except (ImportError, RuntimeError) as error:
        advice = f"Install it with `{sys.executable} -m pip install torchmetrics`, or leave `metrics` out."
        raise MetricNotUsable(f"torchmetrics cannot be imported: {error}.", advice=advice) from error
    task = {"cross_entropy": {"task": "multiclass", "num_classes": output.shape[1] if output.dim() > 1 else 2}}
    defaults = task.get(loss, {"task": "binary"} if loss == "bce" else {})
    return tuple(_make(torchmetrics, text, defaults) for text in texts)


def _make(torchmetrics: Any, text: str, defaults: dict[str, Any]) -> Measure:
    try:
        call = ast.parse(text, mode="eval").body
        name = call.func if isinstance(call, ast.Call) else call
        if not isinstance(name, ast.Name):
            raise ValueError("it is no name and no call of one")
        given = call.keywords if isinstance(call, ast.Call) else []
        keywords = {each.arg: ast.literal_eval(each.value) for each in given if each.arg}
        kind = getattr(torchmetrics, name.id)
        takes_task = "task" in getattr(kind.__new__, "__code__", kind.__init__.__code__).co_varnames
        return Measure(name.id.lower(), kind(**({**defaults, **keywords} if takes_task else keywords)))
    except (AttributeError, SyntaxError, TypeError, ValueError) as error:
        advice = "Write it as `F1Score` or `FBetaScore(beta=0.5)`."
        raise MetricNotUsable(f"The metric `{text}` cannot be made: {error}.", advice=advice) from error


@dataclass
class Evaluation:
    """Collects batches; `values` gives their means. Nothing leaves the device before."""

    loss: Loss
    measures: tuple[Measure, ...] = ()
    losses: list[Tensor] = field(default_factory=list)
    sizes: list[int] = field(default_factory=list)
    corrects: list[Tensor] = field(default_factory=list)
    answers: int = 0

    def __post_init__(self) -> None:
        for measure in self.measures:
            measure.metric.reset()

    def add(self, output: Any, batch: Batch) -> None:
        self.losses.append(self.loss.compute(output, batch.target))
        self.sizes.append(batch.size)
        if self.loss.count_correct is not None:
            correct, count = self.loss.count_correct(output, batch.target)
            self.corrects.append(correct)
            self.answers += count
        for measure in self.measures:
            measure.metric.update(to_prediction(output).cpu(), batch.target.cpu())

    def values(self, name: str) -> dict[str, float]:
        """`<name>/loss` and the others; empty where there was no batch."""
        if not self.losses:
            return {}
        weights = torch.tensor(self.sizes, dtype=torch.float32, device=self.losses[0].device)
        values = {f"{name}/loss": float((torch.stack(self.losses).float() * weights).sum() / weights.sum())}
        if self.answers:
            values[f"{name}/accuracy"] = int(torch.stack(self.corrects).sum()) / self.answers
        for measure in self.measures:
            values[f"{name}/{measure.name}"] = float(measure.metric.compute())
        return values
