"""Sets a model to train or to evaluate, whatever its class makes of `train`."""

from __future__ import annotations

from torch import nn


def set_training(model: nn.Module, training: bool) -> None:
    """As `model.train(training)` does, which classes may override: to keep a part frozen, and that is heard; or for
    another purpose and with other arguments (`def train(self, positives, negatives)`), and then only the flags are set.
    """
    try:
        model.train(training)
    except Exception:  # the user's method, which may raise what it likes
        for each in model.modules():
            each.training = training
