"""A few lines of code from Python's own standard library, and the package they come from."""

import random
import sysconfig
from pathlib import Path

import torch
from torch.utils.data import Dataset, TensorDataset

PACKAGES = ("asyncio", "email", "tkinter", "unittest")
LENGTH = 160
LABELS_EACH = 16
TEST_EACH = 200


def read_files(package):
    """The texts of a package's files, its tests left out, in an order that is always the same."""
    folder = Path(sysconfig.get_paths()["stdlib"]) / package
    if not folder.is_dir():  # some systems leave tkinter out
        return []
    paths = sorted(path for path in folder.rglob("*.py") if "test" not in path.relative_to(folder).parts)
    texts = [path.read_text(encoding="utf-8", errors="ignore") for path in paths]
    random.Random(0).shuffle(texts)
    return texts


def encode(text):
    return torch.tensor([min(ord(character), 127) for character in text], dtype=torch.long)


def cut(texts):
    """Windows of LENGTH characters, one row each."""
    codes = encode("\n".join(texts))
    return codes[: len(codes) // LENGTH * LENGTH].view(-1, LENGTH)


def split_files():
    """For each package that is there, the windows of its training files and of its test files: no file is in both."""
    pairs = []
    for package in PACKAGES:
        texts = read_files(package)
        if texts:
            middle = len(texts) // 2
            pairs.append((cut(texts[:middle]), cut(texts[middle:])))
    return pairs


def make_unlabelled():
    """All the training windows, without their labels."""
    return torch.cat([train for train, _ in split_files()])


class Snippets(Dataset):
    """Gives (codes, label): LENGTH character codes, and which of PACKAGES they come from. Few labels in training."""

    def __init__(self, train=True, seed=0):
        generator = torch.Generator().manual_seed(seed if train else 0)
        count = LABELS_EACH if train else TEST_EACH
        codes, labels = [], []
        for label, pair in enumerate(split_files()):
            windows = pair[0] if train else pair[1]
            chosen = windows[torch.randperm(len(windows), generator=generator)[:count]]
            codes.append(chosen)
            labels.append(torch.full((len(chosen),), label))
        self.data = TensorDataset(torch.cat(codes), torch.cat(labels))

    def __len__(self):
        return len(self.data)

    def __getitem__(self, index):
        return self.data[index]


def make_datasets():
    return Snippets(train=True), Snippets(train=False)
