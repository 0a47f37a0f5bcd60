"""A few lines of code from Python's own standard library, and the package they come from."""

import re
import sysconfig
from collections import Counter
from functools import cache
from pathlib import Path

import torch
from torch.utils.data import Dataset, TensorDataset

LIBRARY = Path(sysconfig.get_paths()["stdlib"])
PACKAGES = ("asyncio", "email", "unittest", "xml")
LENGTH = 48
VOCABULARY = 1000
LABELS_EACH = 16
VALIDATION_EACH = 50
TEST_EACH = 150


def read_package(package):
    """The texts of a package's files, its tests left out: those for training and those for testing, about equal."""
    paths = [path for path in (LIBRARY / package).rglob("*.py") if "test" not in path.relative_to(LIBRARY).parts]
    paths.sort(key=lambda path: (-path.stat().st_size, path))
    texts = [path.read_text(encoding="utf-8", errors="ignore") for path in paths]
    return texts[::2], texts[1::2]


def tokenize(text):
    """Words, in lower case and cut at underscores, and single signs."""
    return re.findall(r"[a-z]+|[^\sa-z_]", text.lower())


@cache
def number_tokens():
    """A number for each of the common tokens of the training files. Number 0 stands for all rare ones."""
    texts = (text for package in PACKAGES for text in read_package(package)[0])
    common = Counter(token for text in texts for token in tokenize(text)).most_common(VOCABULARY - 1)
    return {token: number for number, (token, _) in enumerate(common, start=1)}


def encode(text):
    numbers = number_tokens()
    return torch.tensor([numbers.get(token, 0) for token in tokenize(text)])


def cut(text):
    """Windows of LENGTH token numbers, one row each."""
    codes = encode(text)
    return codes[: len(codes) // LENGTH * LENGTH].view(-1, LENGTH)


class Pairs(Dataset):
    """Gives (window, another window of the same file, the file's number). No label says what the file is about."""

    def __init__(self):
        texts = [text for package in PACKAGES for text in read_package(package)[0]]
        texts += [path.read_text(encoding="utf-8", errors="ignore") for path in sorted(LIBRARY.glob("*.py"))]
        windows = [each for each in map(cut, texts) if len(each) > 1]
        self.windows = torch.cat(windows)
        sizes = torch.tensor([len(each) for each in windows])
        self.files = torch.arange(len(windows)).repeat_interleave(sizes)
        self.sizes = sizes.tolist()
        self.starts = (sizes.cumsum(0) - sizes).tolist()

    def __len__(self):
        return len(self.windows)

    def __getitem__(self, index):
        file = self.files[index]
        start, size = self.starts[file], self.sizes[file]
        step = int(torch.randint(1, size, ()))
        other = start + (index - start + step) % size
        return self.windows[index], self.windows[other], file


class Snippets(TensorDataset):
    """Gives (codes, label): LENGTH token numbers, and which of PACKAGES they come from. Few labels in training.

    `part` is "train", "validation" (other windows of the same files) or "test" (files that training never saw).
    """

    classes = PACKAGES

    def __init__(self, part="train", seed=0):
        generator = torch.Generator().manual_seed(seed if part == "train" else 0)
        codes, labels = [], []
        for label, package in enumerate(PACKAGES):
            seen, unseen = read_package(package)
            windows = cut("\n".join(unseen if part == "test" else seen))
            order = torch.randperm(len(windows), generator=torch.Generator().manual_seed(0))
            if part == "train":
                few = order[VALIDATION_EACH:]
                order = few[torch.randperm(len(few), generator=generator)]
            count = {"train": LABELS_EACH, "validation": VALIDATION_EACH, "test": TEST_EACH}[part]
            chosen = windows[order[:count]]
            codes.append(chosen)
            labels.append(torch.full((len(chosen),), label))
        super().__init__(torch.cat(codes), torch.cat(labels))

    def encode(self, text):
        return encode(text)

    def decode(self, codes):
        tokens = ["…", *number_tokens()]
        return [tokens[code] for code in codes]


def make_datasets(seed=0):
    return Snippets("train", seed), Snippets("validation"), Snippets("test")
