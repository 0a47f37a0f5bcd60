"""Pairs of image and text: files of one name, `cat.png` and `cat.txt`, or class folders of such pairs."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor
from torch.utils.data import Dataset

from .images import ENDINGS, _open, read_image
from .loaders import DataNotUsable
from .text import Characters, pad


class Pairs(Dataset[tuple[Tensor, Tensor, Tensor]]):
    """Gives an image (3, side, side), the codes (length,) of its text, and the target: its class where the pairs lie in
    class folders, else its own number, by which contrastive losses know what belongs together."""

    def __init__(self, images: list[Path], codes: Tensor, targets: Tensor, side: int) -> None:
        self.images = images
        self.codes = codes
        self.targets = targets
        self.side = side

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor, Tensor]:
        return read_image(self.images[index], self.side), self.codes[index], self.targets[index]


def read_pairs(folder: Path, side: int | None, length: int) -> Pairs:
    """All images that have a text beside them.

    Raises:
        DataNotUsable: there is no pair, or an image has no text.
    """
    images = sorted(each for each in folder.rglob("*") if each.suffix.lower() in ENDINGS)
    lonely = [each for each in images if not each.with_suffix(".txt").is_file()]
    if not images or lonely:
        words = "This image has no text beside it." if lonely else "There are no images here."
        path = str(lonely[0] if lonely else folder)
        raise DataNotUsable(words, path=path, advice="Write its text in a file of the same name that ends in .txt.")
    texts = [each.with_suffix(".txt").read_text(encoding="utf-8") for each in images]
    vocabulary = Characters("".join(texts))
    codes = torch.stack([pad(vocabulary.encode(text), length) for text in texts])
    parents = sorted({each.relative_to(folder).parts[0] for each in images if each.parent != folder})
    targets = [
        parents.index(each.relative_to(folder).parts[0]) if len(parents) > 1 else n for n, each in enumerate(images)
    ]
    return Pairs(images, codes, torch.tensor(targets), side or min(_open(images[0]).size))
