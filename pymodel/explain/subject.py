"""What is explained: a model with its weights, and the data that it was trained on, where they are known."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.data import Subset

from ..export.weights import load_into
from ..runs import read_request, read_run
from ..schema import DataSettings, ExplainRequest, ExportRequest, ModelSettings, Recipe, TrainRequest
from ..train.data import Sharing, load_data
from ..train.data.loaders import Items
from ..train.user_code import build_model


@dataclass(frozen=True)
class Subject:
    """A model in eval mode. `dataset` is what was held out of training, else the training data, else None; `loss` the
    recipe's, or `auto`; `weights` the file they are from, or `fresh`."""

    model: nn.Module
    weights: str
    dataset: Any | None
    part: str
    loss: str

    @property
    def classes(self) -> Sequence[str]:
        """The names of the classes, by torchvision's convention: the data set's `classes`."""
        named = self._own("classes")
        return [str(each) for each in named] if isinstance(named, (list, tuple)) else []

    @property
    def columns(self) -> Sequence[str]:
        """The names of a table's columns."""
        named = self._own("columns")
        return [str(each) for each in named] if isinstance(named, (list, tuple)) else []

    @property
    def tokenizer(self) -> Tokenizer | None:
        """What turns texts into the model's numbers: the data set itself, or what it keeps as its tokenizer."""
        for holder in (self._own("encode") and self._innermost, self._own("tokenizer"), self._own("vocabulary")):
            if holder is not None and callable(getattr(holder, "encode", None)):
                return Tokenizer(holder.encode, getattr(holder, "decode", None))
        return None

    def example(self, index: int) -> Any | None:
        """An item of the data set; None where it has no such one."""
        if self.dataset is None or index < 0:
            return None
        if hasattr(self.dataset, "__getitem__") and hasattr(self.dataset, "__len__"):
            return self.dataset[index] if index < len(self.dataset) else None
        return next(islice(iter(self.dataset), index, None), None)

    @property
    def _innermost(self) -> Any:
        dataset = self.dataset
        while isinstance(dataset, (Subset, Items)):
            dataset = dataset.dataset
        return dataset

    def _own(self, name: str) -> Any:
        return getattr(self._innermost, name, None)


@dataclass(frozen=True)
class Tokenizer:
    encode: Callable[[str], Any]
    decode: Callable[[Any], Any] | None

    def numbers(self, text: str) -> Tensor:
        """The text's token numbers, (tokens,)."""
        encoded = self.encode(text)
        encoded = getattr(encoded, "ids", encoded)
        return torch.as_tensor(encoded, dtype=torch.int64).flatten()

    def tokens(self, numbers: Tensor) -> list[str]:
        """Each token as a text: all at once where the decoder gives a list, else one by one."""
        if self.decode is None:
            return [f"#{number}" for number in numbers.tolist()]
        decoded = self.decode(numbers)
        if isinstance(decoded, (list, tuple)) and len(decoded) == len(numbers):
            return [str(each) for each in decoded]
        return [str(self.decode(numbers[place : place + 1])) for place in range(len(numbers))]


def load_subject(request: ExplainRequest) -> Subject:
    """The model that a request names, with its weights and data.

    Raises:
        PyModelError: something is missing or does not fit, in words.
        Exception: whatever the user's code raises.
    """
    torch.manual_seed(0)
    trained = _read_training(request)
    settings = ModelSettings(request.target, request.construction, request.prelude)
    model, _ = build_model(settings, Path(), request.roots)
    weights = load_into(model, ExportRequest(request.target, run=request.run, weights=request.weights))
    model.eval()
    if trained is None:
        return Subject(model, weights, None, "", "auto")
    data, _ = load_data(trained, model, Sharing())
    parts = (("test", data.test), ("validation", data.validation), ("training", data.train))
    part, loader = next((name, loader) for name, loader in parts if loader is not None)
    return Subject(model, weights, loader.dataset, part, trained.recipe.loss.name)


def _read_training(request: ExplainRequest) -> TrainRequest | None:
    """What the run was trained by; with `data`, that source instead."""
    found = read_request(read_run(Path(request.run))) if request.run else None
    trained = found if isinstance(found, TrainRequest) else None
    if request.data is None:
        return trained
    recipe = Recipe(ModelSettings(request.target), DataSettings(request.data))
    return TrainRequest(recipe, str(Path.cwd()), None, request.inputs, request.roots)
