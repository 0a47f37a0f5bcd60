"""The sample that a model is asked about: a row of its data, a file, a text, or random numbers."""

from __future__ import annotations

import importlib
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import torch
from torch import Tensor
from torch.utils.data import default_collate

from ..discover.pins import TensorSpec
from ..export.inputs import read_inputs
from ..schema import PyModelError
from ..train.batch import BatchNotUsable, split_batch
from ..train.data.arrays import TARGET_NAMES, as_input, read_named
from ..train.data.load import ENDINGS
from .subject import Subject

IMAGES, ARRAYS = ENDINGS["images"], ENDINGS["arrays"]
Kind = Literal["image", "text", "table", "numbers"]
RANDOM_SIZE = 16
"""Of every symbol but the batch in a random sample."""


class SampleNotUsable(PyModelError):
    """A sample cannot be found or read, or is none that the model takes."""


@dataclass(frozen=True)
class Sample:
    """One sample, as a batch of one. `tokens` are a text's, `columns` a table's."""

    kind: Kind
    title: str
    inputs: tuple[Any, ...]
    keywords: dict[str, Any]
    label: int | None = None
    tokens: tuple[str, ...] = ()
    columns: tuple[str, ...] = ()

    @property
    def main(self) -> Tensor:
        """The input that is looked at: the first tensor."""
        return next(each for each in (*self.inputs, *self.keywords.values()) if isinstance(each, Tensor))


def find_sample(text: str, subject: Subject, pins: tuple[str, ...]) -> Sample:
    """What `text` means: `random`, the number of a row, a file that is there, or else the text itself.

    Raises:
        SampleNotUsable: there is no such row, the file cannot be read, or nothing turns a text into numbers.
    """
    if text == "random":
        return _describe(_make_random(pins), "random numbers", subject)
    if text.lstrip("-").isdigit():
        return _read_row(int(text), subject)
    path = Path(text)
    try:
        is_file = path.is_file()
    except (OSError, ValueError):  # a text may be longer than a path can be, or hold a zero
        is_file = False
    if not is_file:
        return _read_text(text, subject, repr(text) if len(text) < 60 else "a text")
    suffix = path.suffix.lower()
    if suffix in IMAGES:
        return _describe((_read_image(path, subject, pins),), path.name, subject)
    if suffix in ARRAYS:
        return _describe(_read_arrays(path), path.name, subject)
    try:
        return _read_text(path.read_text(encoding="utf-8"), subject, path.name)
    except UnicodeDecodeError as error:
        advice = f"Give an image ({', '.join(IMAGES)}), arrays ({', '.join(ARRAYS)}) or a text in UTF-8."
        raise SampleNotUsable("This file is no sample that can be read.", path=text, advice=advice) from error


def _read_row(index: int, subject: Subject) -> Sample:
    example = subject.example(index)
    if example is None:
        if subject.dataset is None:
            advice = "Choose a run with --run, or a source with --data."
            raise SampleNotUsable("There is no data to take a row of.", advice=advice)
        size = len(subject.dataset) if hasattr(subject.dataset, "__len__") else "fewer"
        words = f"The {subject.part} data have no row {index}: there are {size}."
        raise SampleNotUsable(words, advice="Rows are counted from 0.")
    batch = default_collate([example])
    device = next((each.device for each in subject.model.parameters()), torch.device("cpu"))
    try:
        split = split_batch(batch, subject.model, device)
    except BatchNotUsable:  # there is no target: all of it is input
        values = batch if isinstance(batch, (tuple, list)) else (batch,)
        return _describe(tuple(values), f"row {index} of the {subject.part} data", subject)
    found = _describe(split.inputs, f"row {index} of the {subject.part} data", subject, split.keywords)
    target = split.target
    is_class = isinstance(target, Tensor) and not target.is_floating_point() and target.numel() == 1
    return replace(found, label=int(target)) if is_class else found


def _read_text(text: str, subject: Subject, title: str) -> Sample:
    tokenizer = subject.tokenizer
    if tokenizer is None:
        words = "Nothing is known that turns a text into the model's numbers."
        advice = (
            "Give the data set a method `encode(text)`, and `decode(numbers)` to show them, or keep a `tokenizer` in "
            "it; then name the run, or the data with --data. A row's number or `random` works without."
        )
        raise SampleNotUsable(words, advice=advice)
    numbers = tokenizer.numbers(text)
    if not len(numbers):
        raise SampleNotUsable("The text is empty.", advice="Give a few words.")
    return _describe((numbers.unsqueeze(0),), title, subject)


def _read_image(path: Path, subject: Subject, pins: tuple[str, ...]) -> Tensor:
    """(1, channels, height, width) from 0 to 1, as large as the model's images are."""
    channels, height, width = _image_size(subject, pins)
    try:
        image = importlib.import_module("PIL.Image")
    except ImportError as error:
        advice = f"`{sys.executable} -m pip install pillow`"
        raise SampleNotUsable("Images need Pillow, which is not installed.", advice=advice) from error
    try:
        opened = image.open(path).convert("L" if channels == 1 else "RGBA" if channels == 4 else "RGB")
        pixels = bytearray(opened.resize((width, height)).tobytes())
    except (OSError, ValueError, image.DecompressionBombError) as error:
        raise SampleNotUsable(f"This is no image: {error}.", path=str(path), advice="Choose another.") from error
    values = torch.frombuffer(pixels, dtype=torch.uint8).view(height, width, channels)
    return values.permute(2, 0, 1).unsqueeze(0).float() / 255


def _image_size(subject: Subject, pins: tuple[str, ...]) -> tuple[int, int, int]:
    example = subject.example(0)
    first = example[0] if isinstance(example, (tuple, list)) and example else example
    if not isinstance(first, Tensor):
        first = next((each[0] for each in _make_random(pins) if isinstance(each, Tensor) and each.dim() == 4), None)
    if not isinstance(first, Tensor) or first.dim() != 3 or len(first) not in (1, 3, 4):
        advice = "An image fits a model whose input is (B, 1 or 3, height, width)."
        raise SampleNotUsable("The model takes no images.", advice=advice)
    channels, height, width = first.shape
    return channels, height, width


def _read_arrays(path: Path) -> tuple[Tensor, ...]:
    """The first example of each array but the target."""
    named = read_named(path)
    inputs = [values for name, values in named.items() if name not in TARGET_NAMES]
    return tuple(as_input(values[:1]) for values in inputs)


def _make_random(pins: tuple[str, ...]) -> tuple[Any, ...]:
    inputs = read_inputs(pins)
    batch = next(
        (each.spec.dims[0] for each in inputs.specs if isinstance(each.spec, TensorSpec) and each.spec.dims), None
    )
    return tuple(inputs.make({name: 1 if name == batch else RANDOM_SIZE for name in inputs.symbols}).values())


def _describe(inputs: tuple[Any, ...], title: str, subject: Subject, keywords: dict[str, Any] | None = None) -> Sample:
    sample = Sample("numbers", title, inputs, keywords or {})
    tensors = [each for each in (*inputs, *sample.keywords.values()) if isinstance(each, Tensor)]
    if not tensors:
        raise SampleNotUsable("The sample has no tensor.", advice="Choose another.")
    main = tensors[0]
    if main.dim() == 4 and main.shape[1] in (1, 3, 4) and main.is_floating_point():
        return replace(sample, kind="image")
    if main.dim() == 2 and not main.is_floating_point():
        tokenizer = subject.tokenizer
        tokens = tokenizer.tokens(main[0]) if tokenizer else [f"#{number}" for number in main[0].tolist()]
        return replace(sample, kind="text", tokens=tuple(tokens))
    if main.dim() == 2:
        named = tuple(subject.columns)
        names = named if len(named) == main.shape[1] else tuple(f"feature {n}" for n in range(main.shape[1]))
        return replace(sample, kind="table", columns=names)
    return sample
