"""What a data factory gives, as loaders for training, validation and test. Nothing here knows any data set by name.

One data set is split by the seed; of two the second is the test set, and validation is cut from the first. What cannot
be cut (an iterable data set, a loader with a sampler of its own) goes without validation.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import torch
from torch.utils.data import DataLoader, Dataset, IterableDataset, RandomSampler, SequentialSampler, Subset

from ..schema import PyModelError
from .user_code import find, load, split_reference

HELD_OUT = 0.1
Loader = DataLoader[Any]


class DataNotUsable(PyModelError):
    """What a data factory gives cannot be trained on."""


@dataclass(frozen=True)
class Data:
    train: Loader
    validation: Loader | None
    test: Loader | None
    generator: torch.Generator
    """Orders the training batches; its state is part of a checkpoint."""

    @property
    def steps_per_epoch(self) -> int:
        """Batches of an epoch; 0 where that cannot be known."""
        return _length(self.train)


def load_data(reference: str, roots: tuple[str, ...], *, batch_size: int, seed: int) -> tuple[Data, tuple[str, ...]]:
    """Call the factory, and give its data as loaders together with the workspace files that it took.

    Raises:
        DataNotUsable: it gives neither a Dataset nor a DataLoader, or an empty one.
        Exception: whatever the user's factory raises.
    """
    path, name = split_reference(reference)
    module, files = load(path, (name.partition(".")[0],), roots)
    factory = find(module, path, name)
    line = getattr(getattr(factory, "__code__", None), "co_firstlineno", None)
    made = factory() if callable(factory) else factory
    return normalise(made, batch_size, seed, path=path, line=line, name=name), files


def normalise(
    made: Any, batch_size: int, seed: int, *, path: str | None = None, line: int | None = None, name: str = "it"
) -> Data:
    """A Dataset, a DataLoader, or up to three of them (train, validation, test) as loaders."""
    parts = list(made) if isinstance(made, (tuple, list)) else [made]
    if not 1 <= len(parts) <= 3 or not all(isinstance(part, (Dataset, DataLoader)) for part in parts):
        given = ", ".join(type(part).__name__ for part in parts[:4])
        words = f"`{name}` gives {given or 'nothing'}, where a Dataset, a DataLoader or up to three of them are needed."
        raise DataNotUsable(words, path=path, line=line, advice="Return (train, test) or (train, validation, test).")
    generator = torch.Generator().manual_seed(seed)
    train, *held_out = parts
    test = held_out[-1] if held_out else None
    validation = held_out[0] if len(held_out) == 2 else None
    if test is None:
        train, test = _cut(train, seed)
    if validation is None:
        train, validation = _cut(train, seed + 1, of=len(_dataset(parts[0])) if _is_sized(parts[0]) else 0)
    if _is_sized(train) and len(_dataset(train)) == 0:
        advice = "Look at the folder or the file that it reads."
        raise DataNotUsable(f"`{name}` gives an empty data set.", path=path, line=line, advice=advice)
    return Data(
        _loader(train, batch_size, generator, shuffle=True),
        None if validation is None else _loader(validation, batch_size, generator, shuffle=False),
        None if test is None else _loader(test, batch_size, generator, shuffle=False),
        generator,
    )


def _cut(part: Any, seed: int, of: int | None = None) -> tuple[Any, Any | None]:
    """Cut a tenth off, by the seed; nothing where that is not possible. `of` is the size that the tenth is taken of."""
    if not _is_sized(part) or (isinstance(part, DataLoader) and not _is_plain(part)):
        return part, None
    dataset = _dataset(part)
    size = int((of or len(dataset)) * HELD_OUT)
    if not 0 < size < len(dataset):
        return part, None
    order = torch.randperm(len(dataset), generator=torch.Generator().manual_seed(seed)).tolist()
    rest, held = Subset(dataset, order[size:]), Subset(dataset, order[:size])
    if isinstance(part, DataLoader):
        shuffled = isinstance(part.sampler, RandomSampler)
        return _same_loader(part, rest, shuffled), _same_loader(part, held, False)
    return rest, held


def _loader(part: Any, batch_size: int, generator: torch.Generator, *, shuffle: bool) -> Loader:
    if isinstance(part, DataLoader):
        return part
    if isinstance(part, IterableDataset):
        return DataLoader(part, batch_size=batch_size)
    lonely = shuffle and len(part) > batch_size and len(part) % batch_size == 1  # BatchNorm refuses a batch of one
    return DataLoader(part, batch_size, shuffle=shuffle, generator=generator if shuffle else None, drop_last=lonely)


def _same_loader(loader: Loader, dataset: Dataset[Any], shuffle: bool) -> Loader:
    return DataLoader(
        dataset,
        loader.batch_size,
        shuffle=shuffle,
        num_workers=loader.num_workers,
        collate_fn=loader.collate_fn,
        pin_memory=loader.pin_memory,
        drop_last=loader.drop_last and shuffle,
    )


def _dataset(part: Any) -> Any:
    return part.dataset if isinstance(part, DataLoader) else part


def _is_sized(part: Any) -> bool:
    return not isinstance(_dataset(part), IterableDataset) and hasattr(_dataset(part), "__len__")


def _is_plain(loader: Loader) -> bool:
    return loader.batch_size is not None and isinstance(loader.sampler, (RandomSampler, SequentialSampler))


def _length(loader: Iterable[Any]) -> int:
    try:
        return len(loader)  # type: ignore[arg-type]
    except TypeError:
        return 0
