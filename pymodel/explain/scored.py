"""A model's score of one class as a function of what is attributed: the pixels, the columns, or a text's embeddings."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from ..schema import PyModelError
from ..train.loss import to_prediction
from .prediction import last_place
from .sample import Sample
from .subject import Subject

MOST_FEATURES = 64
"""Parts that methods which leave parts out tell apart: more would need more runs than one waits for."""


class NotAttributable(PyModelError):
    """There is nothing continuous in a sample that an answer could be attributed to."""


@dataclass(frozen=True)
class Scored:
    """`input` is (1, …), compared with `baseline`, all zeros. `features` numbers its parts and has its shape.

    Calling it with (B, …) gives the scores (B, classes).
    """

    model: nn.Module
    sample: Sample
    input: Tensor
    features: Tensor
    embedding: nn.Embedding | None

    @property
    def baseline(self) -> Tensor:
        return torch.zeros_like(self.input)

    @property
    def parts(self) -> int:
        return int(self.features.max()) + 1

    def __call__(self, values: Tensor) -> Tensor:
        batch = len(values)
        if self.embedding is None:
            return last_place(to_prediction(self._run(values, batch)))
        numbers = _repeat(self.sample.main, batch)

        def replace(module: nn.Module, given: Sequence[Any], output: Tensor) -> Tensor | None:
            return values if given and given[0].shape == numbers.shape else None

        handle = self.embedding.register_forward_hook(replace)
        try:
            return last_place(to_prediction(self._run(numbers, batch)))
        finally:
            handle.remove()

    def score(self, values: Tensor, target: int) -> float:
        with torch.no_grad():
            return float(self(values)[0, target])

    def reduce(self, values: Tensor) -> Tensor:
        """Attributions of the input as what is shown: (height, width) of an image, one number a token or column."""
        whole = values[0].detach().float()
        if self.sample.kind == "image":
            return whole.sum(0)
        if self.embedding is not None:
            return whole.sum(-1)
        return whole if whole.dim() <= 2 else whole.flatten(1)

    def _run(self, values: Tensor, batch: int) -> Any:
        main = self.sample.main
        inputs = [values if each is main else _repeat(each, batch) for each in self.sample.inputs]
        keywords = {
            name: values if each is main else _repeat(each, batch) for name, each in self.sample.keywords.items()
        }
        return self.model(*inputs, **keywords)


def prepare_scored(subject: Subject, sample: Sample) -> Scored:
    """What of a sample can be attributed to.

    Raises:
        NotAttributable: it is of whole numbers, and no embedding of the model takes them.
    """
    main = sample.main
    if main.is_floating_point():
        return Scored(subject.model, sample, main.detach(), _number_parts(main, sample), None)
    embedding, output = _find_embedding(subject.model, sample)
    tokens = torch.arange(output.shape[1]) // -(-output.shape[1] // MOST_FEATURES)
    features = tokens.view(1, -1, *[1] * (output.dim() - 2)).expand_as(output)
    return Scored(subject.model, sample, output, features.to(output.device), embedding)


@torch.no_grad()
def _find_embedding(model: nn.Module, sample: Sample) -> tuple[nn.Embedding, Tensor]:
    found: list[tuple[nn.Embedding, Tensor]] = []

    def note(module: nn.Module, given: Sequence[Any], output: Tensor) -> None:
        if isinstance(module, nn.Embedding) and given and torch.equal(given[0], sample.main):
            found.append((module, output.detach()))

    layers = [each for each in model.modules() if isinstance(each, nn.Embedding)]
    handles = [each.register_forward_hook(note) for each in layers]
    try:
        model(*sample.inputs, **sample.keywords)
    finally:
        for handle in handles:
            handle.remove()
    if not found:
        words = "The sample is of whole numbers, and no nn.Embedding of the model takes them as they are."
        raise NotAttributable(words, advice="Attributions need numbers that can be changed a little.")
    return found[0]


def _number_parts(main: Tensor, sample: Sample) -> Tensor:
    """Cells of a grid over an image, all channels together; else single numbers, neighbours together where many."""
    if sample.kind == "image":
        height, width = main.shape[2:]
        cell = max(1, -(-max(height, width) // 8))
        rows, columns = torch.arange(height) // cell, torch.arange(width) // cell
        grid = rows.unsqueeze(1) * (int(columns[-1]) + 1) + columns
        return grid.expand_as(main).to(main.device)
    count = main[0].numel()
    return (torch.arange(count) // -(-count // MOST_FEATURES)).view_as(main[:1]).to(main.device)


def _repeat(value: Any, batch: int) -> Any:
    """A batch of one as a batch of more."""
    is_single = isinstance(value, Tensor) and value.dim() > 0 and len(value) == 1
    return value.expand(batch, *value.shape[1:]) if is_single else value
