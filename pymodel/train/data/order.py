"""The order of training examples: a function of seed and epoch, so that any batch of any epoch can be gone to."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch.utils.data import Sampler


class EpochBatches(Sampler[list[int]]):
    """Index lists of an epoch's batches. Of several processes each takes every so many-th index of each batch."""

    def __init__(
        self, length: int, batch_size: int, *, seed: int = 0, shuffle: bool = True, rank: int = 0, processes: int = 1
    ) -> None:
        self.length = length
        self.batch_size = batch_size
        self.seed = seed
        self.shuffle = shuffle
        self.rank = rank
        self.processes = processes
        self.epoch = 0
        self.skip = 0
        """Batches at the start of the epoch that are left out: a resumed run has done them."""

    def __len__(self) -> int:
        whole, rest = divmod(self.length, self.batch_size)
        return whole + (self._keeps(rest, whole) if rest else 0)

    def __iter__(self) -> Iterator[list[int]]:
        if self.shuffle:
            generator = torch.Generator().manual_seed(self.seed * 1_000_003 + self.epoch)
            order = torch.randperm(self.length, generator=generator).tolist()
        else:
            order = list(range(self.length))
        for number in range(self.skip, len(self)):
            batch = order[number * self.batch_size : (number + 1) * self.batch_size]
            yield batch[self.rank :: self.processes][: max(1, len(batch) // self.processes)]

    def _keeps(self, rest: int, whole: int) -> bool:
        """A last batch of one is left out in training, as BatchNorm refuses it; one that not all share, too."""
        return not (whole and self.shuffle and rest == 1) and rest >= self.processes
