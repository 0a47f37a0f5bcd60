"""A few lines of code from Python's own standard library, and the package they come from."""

import random
import re
import sysconfig
from collections import Counter
from pathlib import Path

import torch
from torch.utils.data import Dataset, TensorDataset

PACKAGES = ("asyncio", "email", "tkinter", "unittest")
LENGTH = 48
VOCABULARY = 1000
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


def tokenize(text):
    """Words, in lower case and cut at underscores, and single signs."""
    return re.findall(r"[a-z]+|[^\sa-z_]", text.lower())


def cut(tokens, numbers):
    """Windows of LENGTH token numbers, one row each. Number 0 stands for all rare tokens."""
    codes = torch.tensor([numbers.get(token, 0) for token in tokens])
    return codes[: len(codes) // LENGTH * LENGTH].view(-1, LENGTH)


def split_files():
    """For each package that is there, the windows of its training files and of its test files: no file is in both.
    And the number of each token."""
    packages = {name: texts for name in PACKAGES if (texts := read_files(name))}
    train = [tokenize("\n".join(texts[: len(texts) // 2])) for texts in packages.values()]
    test = [tokenize("\n".join(texts[len(texts) // 2 :])) for texts in packages.values()]
    common = Counter(token for tokens in train for token in tokens).most_common(VOCABULARY - 1)
    numbers = {token: number for number, (token, _) in enumerate(common, start=1)}
    pairs = [(cut(seen, numbers), cut(unseen, numbers)) for seen, unseen in zip(train, test, strict=True)]
    return dict(zip(packages, pairs, strict=True)), numbers


def make_unlabelled():
    """All the training windows, without their labels."""
    windows, _ = split_files()
    return torch.cat([train for train, _ in windows.values()])


class Snippets(Dataset):
    """Gives (codes, label): LENGTH token numbers, and which of PACKAGES they come from. Few labels in training."""

    def __init__(self, train=True, seed=0):
        generator = torch.Generator().manual_seed(seed if train else 0)
        count = LABELS_EACH if train else TEST_EACH
        windows_of, self.numbers = split_files()
        self.classes = list(windows_of)
        codes, labels = [], []
        for label, pair in enumerate(windows_of.values()):
            windows = pair[0] if train else pair[1]
            chosen = windows[torch.randperm(len(windows), generator=generator)[:count]]
            codes.append(chosen)
            labels.append(torch.full((len(chosen),), label))
        self.data = TensorDataset(torch.cat(codes), torch.cat(labels))

    def __len__(self):
        return len(self.data)

    def __getitem__(self, index):
        return self.data[index]

    def encode(self, text):
        return torch.tensor([self.numbers.get(token, 0) for token in tokenize(text)])

    def decode(self, codes):
        tokens = ["…", *self.numbers]
        return [tokens[code] for code in codes]


def make_datasets():
    return Snippets(train=True), Snippets(train=False)
