"""What a model answers, in words: classes with their probabilities, or numbers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from torch import Tensor

from ..schema import Answer, Prediction
from ..train.loss import to_prediction

MOST = 10
"""Classes that are told."""


def predict(output: Any, classes: Sequence[str], loss: str, label: int | None) -> Prediction:
    """`output` is of a batch of one. Several columns are class scores; one is a yes or no where the loss says so.

    Raises:
        LossNotFound: the output has no tensor.
    """
    scores = final_scores(output)
    told = None if label is None else _name(label, classes)
    if len(scores) > 1 and loss not in ("mse", "l1", "bce"):
        probabilities = scores.softmax(0)
        best = probabilities.topk(min(MOST, len(scores))).indices.tolist()
        found = [_answer(index, scores, classes, float(probabilities[index])) for index in best]
        return Prediction(tuple(found), "softmax of the outputs", told)
    if loss == "bce":
        probabilities = scores.sigmoid()
        found = [
            _answer(index, scores, classes, float(probabilities[index])) for index in range(min(MOST, len(scores)))
        ]
        return Prediction(tuple(found), "sigmoid of the outputs", told)
    found = [_answer(index, scores, classes, None) for index in range(min(MOST, len(scores)))]
    return Prediction(tuple(found), "the outputs themselves", told)


def final_scores(output: Any) -> Tensor:
    """(classes,) of a batch of one: of a sequence or of an image of scores the last place's."""
    scores = to_prediction(output)
    return last_place(scores)[0].detach().float()


def last_place(scores: Tensor) -> Tensor:
    """(B, classes) of (B, …): of a sequence (B, T, classes) its end; of a map (B, classes, H, W) its mean."""
    if scores.dim() == 1:
        return scores.unsqueeze(1)
    if scores.dim() == 3:
        return scores[:, -1]
    return scores.flatten(2).mean(2) if scores.dim() > 3 else scores


def _answer(index: int, scores: Tensor, classes: Sequence[str], probability: float | None) -> Answer:
    return Answer(index, _name(index, classes), float(scores[index]), probability)


def _name(index: int, classes: Sequence[str]) -> str:
    return classes[index] if 0 <= index < len(classes) else str(index)
