"""Text, character by character: files of a folder are classes where they lie in folders, else one long text."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor
from torch.utils.data import Dataset, TensorDataset

from .loaders import DataNotUsable

ENDINGS = (".txt", ".md", ".text")


class Characters:
    """The built-in tokenizer: each character that occurs has a number, in order; 0 is for those that do not."""

    def __init__(self, text: str) -> None:
        self.characters = sorted(set(text))
        self.numbers = {character: number for number, character in enumerate(self.characters, 1)}

    @property
    def size(self) -> int:
        return len(self.characters) + 1

    def encode(self, text: str) -> Tensor:
        return torch.tensor([self.numbers.get(character, 0) for character in text], dtype=torch.int64)

    def decode(self, codes: Tensor) -> str:
        return "".join(self.characters[code - 1] if code else "\N{REPLACEMENT CHARACTER}" for code in codes.tolist())


class NextCharacters(Dataset[tuple[Tensor, Tensor]]):
    """Windows of (length,) codes, and the same moved on by one: what comes next at each place."""

    def __init__(self, vocabulary: Characters, text: str, length: int) -> None:
        self.vocabulary = vocabulary
        self.codes = vocabulary.encode(text)
        self.length = length
        self.classes = ("\N{REPLACEMENT CHARACTER}", *vocabulary.characters)

    def __len__(self) -> int:
        return (len(self.codes) - 1) // self.length

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor]:
        start = index * self.length
        window = self.codes[start : start + self.length + 1]
        return window[:-1], window[1:]


class Texts(TensorDataset):
    """Gives (length,) codes of a text, and the number of its class."""

    def __init__(self, vocabulary: Characters, codes: Tensor, labels: Tensor, classes: list[str]) -> None:
        super().__init__(codes, labels)
        self.vocabulary = vocabulary
        self.classes = classes


def read_text(path: Path, length: int) -> Dataset[tuple[Tensor, ...]]:
    """(codes, next codes) of a text; of a folder of class folders, (codes, class) with texts cut or padded to length.

    Raises:
        DataNotUsable: there is no text, too little, or it is not written in UTF-8.
    """
    if path.is_file():
        return _language(path, _read(path), length)
    files = sorted(each for each in path.rglob("*") if each.suffix.lower() in ENDINGS)
    texts = {file: _read(file) for file in files}
    if not texts:
        raise DataNotUsable("There is no text here.", path=str(path), advice=f"Files end in {', '.join(ENDINGS)}.")
    classes = sorted({file.relative_to(path).parts[0] for file in files if len(file.relative_to(path).parts) > 1})
    if len(classes) < 2:
        return _language(path, "\n".join(texts.values()), length)
    vocabulary = Characters("".join(texts.values()))
    labelled = [file for file in files if len(file.relative_to(path).parts) > 1]
    codes = torch.stack([pad(vocabulary.encode(texts[file]), length) for file in labelled])
    labels = torch.tensor([classes.index(file.relative_to(path).parts[0]) for file in labelled])
    return Texts(vocabulary, codes, labels, classes)


def pad(codes: Tensor, length: int) -> Tensor:
    """Codes cut to `length`, or filled up with 0."""
    return torch.nn.functional.pad(codes[:length], (0, max(0, length - len(codes))))


def _language(path: Path, text: str, length: int) -> NextCharacters:
    if len(text) <= length:
        words = f"The text has {len(text)} characters, and one example takes {length + 1}."
        raise DataNotUsable(words, path=str(path), advice="Choose a smaller `sequence_length`.")
    return NextCharacters(Characters(text), text, length)


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        line = path.read_bytes()[: error.start].count(b"\n") + 1
        advice = "Save the file as UTF-8."
        raise DataNotUsable("The file is not written in UTF-8.", path=str(path), line=line, advice=advice) from error
