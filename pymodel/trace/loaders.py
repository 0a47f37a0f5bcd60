"""One batch of a data loader, of the size that a run wants, made by the data set and collated as the loader does."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch.utils import _pytree as pytree
from torch.utils.data import DataLoader

SAMPLES = 3
"""How many samples of a data set are compared: sizes in which they differ are not certain."""


@dataclass(frozen=True)
class Drawn:
    """A batch on meta, and those of its tensors whose sizes differ from sample to sample."""

    batch: Any
    uncertain: list[torch.Tensor]


@contextmanager
def drawing(draw: Callable[[DataLoader[Any]], Any]) -> Iterator[None]:
    """While this lasts, going through a loader gives one batch: what `draw` makes of it."""
    original = DataLoader.__iter__

    def iterate(loader: DataLoader[Any]) -> Any:
        return iter((draw(loader),))

    DataLoader.__iter__ = iterate  # type: ignore[method-assign]
    try:
        yield
    finally:
        DataLoader.__iter__ = original  # type: ignore[method-assign]


class Samples:
    """Samples of data sets, each drawn once. Data sets are the user's: what they raise passes through."""

    def __init__(self) -> None:
        self._drawn: dict[int, tuple[Any, list[Any]]] = {}

    def draw(self, loader: DataLoader[Any], size: int) -> Drawn:
        """A batch of `size` samples; a loader that does not batch gives a sample as it is."""
        samples = self._samples(loader.dataset)
        collate: Callable[[Any], Any] = loader.collate_fn
        batched = loader.batch_size is not None or loader.batch_sampler is not None
        batches = [_to_meta(collate([sample] * size if batched else sample)) for sample in samples]
        leaves = [pytree.tree_leaves(batch) for batch in batches]
        uncertain = [
            first
            for first, *others in zip(*leaves, strict=False)
            if isinstance(first, torch.Tensor) and any(getattr(each, "shape", None) != first.shape for each in others)
        ]
        return Drawn(batches[0], uncertain)

    def _samples(self, dataset: Any) -> list[Any]:
        if id(dataset) not in self._drawn:
            if hasattr(dataset, "__getitem__"):
                last = len(dataset) - 1
                found = [dataset[index] for index in dict.fromkeys((0, last // 2, max(last, 0)))]
            else:
                found = [sample for sample, _ in zip(dataset, range(SAMPLES), strict=False)]
            self._drawn[id(dataset)] = dataset, found
        return self._drawn[id(dataset)][1]


def _to_meta(batch: Any) -> Any:
    def convert(value: Any) -> Any:
        if not isinstance(value, torch.Tensor):
            return value
        with torch._C.DisableTorchFunction():
            return torch.empty_like(value, device="meta")

    return pytree.tree_map(convert, batch)
