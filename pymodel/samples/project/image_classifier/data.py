"""Handwritten digits as RGB images of 12 by 12 pixels. DATA.md says where they come from."""

import gzip
from pathlib import Path

import torch
from torch.nn.functional import interpolate
from torch.utils.data import Dataset

FILE = Path(__file__).parent / "digits.bin.gz"
SIZE = 12
TEST_SHARE = 0.2


class Digits(Dataset):
    """Gives (image, label): a float tensor (3, 12, 12) with values from 0 to 1, and a digit."""

    def __init__(self, train=True):
        content = bytearray(gzip.decompress(FILE.read_bytes()))
        records = torch.frombuffer(content, dtype=torch.uint8).view(-1, 65)
        order = torch.randperm(len(records), generator=torch.Generator().manual_seed(0))
        test_size = int(len(records) * TEST_SHARE)
        records = records[order[test_size:] if train else order[:test_size]]

        images = records[:, :64].view(-1, 1, 8, 8).float() / 16
        images = interpolate(images, size=(SIZE, SIZE), mode="bilinear", align_corners=False)
        self.images = images.repeat(1, 3, 1, 1)
        self.labels = records[:, 64].long()

    def __len__(self):
        return len(self.labels)

    def __getitem__(self, index):
        return self.images[index], self.labels[index]


def make_datasets():
    return Digits(train=True), Digits(train=False)
