"""What an answer rests on: each method's attributions of one class's score to the parts of a sample."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from ..export.packages import require
from ..schema import Prediction, PyModelError
from .methods import METHODS, Found, NotForThisModel
from .prediction import predict
from .sample import Sample
from .scored import Scored, prepare_scored
from .subject import Subject


class MethodUnknown(PyModelError):
    """There is no method of that name, or no class of that number."""


@dataclass(frozen=True)
class Attribution:
    """`values` are (height, width) of an image, one number a token or column; None where `reason` says why not. `total`
    is their sum, and `expected` what it would be in theory, for methods that have one."""

    method: str
    title: str
    how: str
    values: Tensor | None
    total: float | None = None
    expected: float | None = None
    reason: str | None = None

    @property
    def error(self) -> float | None:
        """How far the sum is from what it should be: the completeness error."""
        return None if self.total is None or self.expected is None else self.total - self.expected


@dataclass(frozen=True)
class Attributions:
    """Of the class `target`, whose score is `score`, and `baseline_score` with nothing but zeros to see."""

    prediction: Prediction
    target: int
    target_name: str
    score: float
    baseline_score: float
    found: tuple[Attribution, ...]


def explain_attributions(
    subject: Subject,
    sample: Sample,
    methods: tuple[str, ...] = (),
    class_index: int | None = None,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> Attributions:
    """By all methods that fit the sample, or by those that are named.

    Raises:
        PackageMissing: Captum is not installed.
        MethodUnknown: there is no such method or class.
        NotAttributable: the sample is of whole numbers that no embedding takes.
    """
    require("captum")
    unknown = [name for name in methods if name not in METHODS]
    if unknown:
        raise MethodUnknown(f"There is no method `{unknown[0]}`.", advice=f"Choose among {', '.join(METHODS)}.")
    with torch.no_grad():
        output = subject.model(*sample.inputs, **sample.keywords)
    prediction = predict(output, subject.classes, subject.loss, sample.label)
    scored = prepare_scored(subject, sample)
    with torch.no_grad():
        scores = scored(scored.input)[0]
    target = prediction.answers[0].index if class_index is None else class_index
    if not 0 <= target < len(scores):
        words = f"There is no class {target}: the model gives {len(scores)}."
        raise MethodUnknown(words, advice="They are counted from 0.")
    chosen = methods or tuple(METHODS)
    found = []
    for number, name in enumerate(chosen):
        progress(number, len(chosen))
        found.append(_attribute(name, scored, target))
    known = {answer.index: answer.name for answer in prediction.answers}
    name = known.get(target) or (subject.classes[target] if target < len(subject.classes) else str(target))
    baseline = scored.score(scored.baseline, target)
    return Attributions(prediction, target, name, float(scores[target]), baseline, tuple(found))


def _attribute(name: str, scored: Scored, target: int) -> Attribution:
    title, method = METHODS[name]
    try:
        found: Found = method(scored, target)
    except NotForThisModel as reason:
        return Attribution(name, title, "", None, reason=str(reason))
    values = found.values.detach().float().cpu()
    shown = values if values.shape != scored.input.shape else scored.reduce(values)
    if not found.is_complete:
        return Attribution(name, title, found.how, shown)
    expected = scored.score(scored.input, target) - scored.score(scored.baseline, target)
    return Attribution(name, title, found.how, shown, float(values.double().sum()), expected)
