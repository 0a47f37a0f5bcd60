"""A folder of class folders of images, read by Pillow: (3, side, side) from 0 to 1, and the class's number."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.utils.data import Dataset

from .classes import find_examples
from .loaders import DataNotUsable

ENDINGS = (".png", ".jpg", ".jpeg", ".bmp", ".gif", ".webp", ".tif", ".tiff")


class ImageFolder(Dataset[tuple[Tensor, int]]):
    def __init__(self, examples: list[tuple[Path, int]], classes: list[str], side: int) -> None:
        self.examples = examples
        self.classes = classes
        self.side = side

    def __len__(self) -> int:
        return len(self.examples)

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        path, label = self.examples[index]
        return read_image(path, self.side), label


def read_images(folder: Path, side: int | None) -> ImageFolder:
    """Classes are the subfolders, in alphabetical order. Without a side, that of the first image is taken.

    Raises:
        DataNotUsable: there are no class folders with images, or Pillow is missing.
    """
    examples, classes = find_examples(folder, ENDINGS)
    if not examples:
        advice = "Put the images of each class in a folder of its own, named after the class."
        raise DataNotUsable("There are no class folders with images here.", path=str(folder), advice=advice)
    return ImageFolder(examples, classes, side or min(_open(examples[0][0]).size))


def read_image(path: Path, side: int) -> Tensor:
    """One image as (3, side, side), from 0 to 1.

    Raises:
        DataNotUsable: the file is no image, or torn.
    """
    try:
        pixels = bytearray(_open(path).convert("RGB").resize((side, side)).tobytes())
    except OSError as error:
        raise DataNotUsable(f"This is no image: {error}.", path=str(path), advice="Remove or mend it.") from error
    return torch.frombuffer(pixels, dtype=torch.uint8).view(side, side, 3).permute(2, 0, 1).float() / 255


def _open(path: Path) -> Any:
    try:
        image = importlib.import_module("PIL.Image")
    except ImportError as error:
        words = "Images need Pillow, which is not installed."
        raise DataNotUsable(words, advice=f"`{sys.executable} -m pip install pillow`") from error
    try:
        return image.open(path)
    except OSError as error:
        raise DataNotUsable(f"This is no image: {error}.", path=str(path), advice="Remove or mend it.") from error
