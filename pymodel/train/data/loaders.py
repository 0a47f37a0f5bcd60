"""Data sets as loaders for training, validation and test. Nothing here knows any data set by name.

One data set is split by the seed; of two the second is the test set, and validation is cut from the first. What cannot
be cut (an iterable data set, a loader with a sampler of its own) goes without validation.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch.utils.data import DataLoader, Dataset, IterableDataset, RandomSampler, SequentialSampler, Subset

from ...schema import DataSettings, PyModelError
from ..user_code import find_user_line
from .order import EpochBatches

Loader = DataLoader[Any]


class DataNotUsable(PyModelError):
    """What a source gives cannot be trained on."""


class ItemFailed(PyModelError):
    """The data set raised while it made an item.

    A worker process sends an exception as its type and a text: what is told is at the end of that text, as JSON.
    """

    def __init__(self, message: str, *, path: str | None = None, line: int | None = None, advice: str = "") -> None:
        if "ItemFailed: {" in message:
            told = json.loads(message.rpartition("ItemFailed: ")[2])
            message, path, line, advice = told["message"], told["path"], told["line"], told["advice"]
        super().__init__(message, path=path, line=line, advice=advice)

    def __str__(self) -> str:
        if torch.utils.data.get_worker_info() is None:
            return super().__str__()
        return json.dumps({name: getattr(self, name) for name in ("message", "path", "line", "advice")})


@dataclass(frozen=True)
class Sharing:
    """Which share of each batch this process takes."""

    rank: int = 0
    processes: int = 1


@dataclass(frozen=True)
class Data:
    train: Loader
    validation: Loader | None
    test: Loader | None
    order: EpochBatches | None
    """The order of the training loader where it is ours; a loader of the user's has its own."""

    @property
    def steps_per_epoch(self) -> int:
        """Batches of an epoch; 0 where that cannot be known."""
        try:
            return len(self.train) + (self.order.skip if self.order is not None else 0)
        except TypeError:
            return 0

    def batches(self, epoch: int, done: int = 0) -> Iterator[Any]:
        """The training batches of an epoch, without the first `done`.

        A sequence of processes, seeds or a user's sampler may depend on what came before: unless the order is ours and
        loaded in this process, the first batches are made and dropped.
        """
        skips = self.order is not None and self.train.num_workers == 0
        if self.order is not None:
            self.order.epoch, self.order.skip = epoch, done if skips else 0
        if self.order is not None:
            _seed_workers(self.train, self.order.seed, epoch)
        batches = iter(self.train)
        for _ in range(0 if skips else done):
            next(batches, None)
        return batches

    def held_out(self, loader: Loader, seed: int, epoch: int) -> Iterator[Any]:
        """The batches of validation or test data, the same whenever an epoch is evaluated."""
        if isinstance(loader.dataset, Items):
            _seed_workers(loader, seed, epoch)
        return iter(loader)


class Items(Dataset[Any]):
    """A data set that says which item failed."""

    def __init__(self, dataset: Dataset[Any]) -> None:
        self.dataset = dataset

    def __len__(self) -> int:
        return len(self.dataset)  # type: ignore[arg-type]

    def __getitem__(self, index: int) -> Any:
        return self.__getitems__([index])[0]

    def __getitems__(self, indices: list[int]) -> list[Any]:
        try:
            if hasattr(self.dataset, "__getitems__"):
                whole: list[Any] = self.dataset.__getitems__(indices)
                return whole
            return [self.dataset[index] for index in indices]
        except Exception as error:
            raise self._name_item(indices, error) from error

    def _name_item(self, indices: list[int], error: Exception) -> ItemFailed:
        """Which of them it was, found by asking for each alone; by its number in the user's own data set."""
        for index in indices:
            try:
                self.dataset[index]
            except Exception as own:
                return _describe(f"Item {_own_index(self.dataset, index)}", own)
        return _describe("An item", error)


def _own_index(dataset: Any, index: int) -> int:
    while isinstance(dataset, Subset):
        dataset, index = dataset.dataset, int(dataset.indices[index])
    return index


def _describe(item: str, error: Exception) -> ItemFailed:
    advice = "Mend or leave out that item, then resume the run."
    if isinstance(error, PyModelError):
        words = f"{item} of the data set: {error.message}"
        return ItemFailed(words, path=error.path, line=error.line, advice=error.advice or advice)
    path, line = find_user_line(error)
    words = f"{item} of the data set: {type(error).__name__}: {error}."
    return ItemFailed(words, path=path, line=line, advice=advice)


def make_data(
    made: Any,
    settings: DataSettings,
    seed: int,
    *,
    path: str | None = None,
    line: int | None = None,
    sharing: Sharing = Sharing(),
) -> Data:
    """A Dataset, a DataLoader, or up to three of them (train, validation, test) as loaders.

    Raises:
        DataNotUsable: it is something else, or empty; `path` and `line` say where it is made.
    """
    parts = list(made) if isinstance(made, (tuple, list)) else [made]
    if not 1 <= len(parts) <= 3 or not all(isinstance(part, (Dataset, DataLoader)) for part in parts):
        given = ", ".join(type(part).__name__ for part in parts[:4])
        words = f"`{settings.source.rpartition('::')[2]}` gives {given or 'nothing'}, "
        words += "where a Dataset, a DataLoader or up to three of them are needed."
        raise DataNotUsable(words, path=path, line=line, advice="Return (train, test) or (train, validation, test).")
    train, *held_out = parts
    test = held_out[-1] if held_out else None
    validation = held_out[0] if len(held_out) == 2 else None
    size = len(_dataset(train)) if _is_sized(train) else 0
    if test is None:
        train, test = _cut(train, seed, int(size * settings.test))
    if validation is None:
        train, validation = _cut(train, seed + 1, int(size * settings.validation))
    if _is_sized(train) and len(_dataset(train)) == 0:
        advice = "Look at the folder or the file that it reads."
        raise DataNotUsable(f"`{settings.source}` gives an empty data set.", path=path, line=line, advice=advice)
    loader, order = _training_loader(train, settings, seed, sharing)
    return Data(loader, _plain_loader(validation, settings), _plain_loader(test, settings), order)


def _cut(part: Any, seed: int, size: int) -> tuple[Any, Any | None]:
    """Cut `size` items off, by the seed; nothing where that is not possible."""
    if not _is_sized(part) or (isinstance(part, DataLoader) and not _is_plain(part)):
        return part, None
    dataset = _dataset(part)
    if not 0 < size < len(dataset):
        return part, None
    order = torch.randperm(len(dataset), generator=torch.Generator().manual_seed(seed)).tolist()
    rest, held = Subset(dataset, order[size:]), Subset(dataset, order[:size])
    if isinstance(part, DataLoader):
        shuffled = isinstance(part.sampler, RandomSampler)
        return _same_loader(part, rest, shuffled), _same_loader(part, held, False)
    return rest, held


def _training_loader(
    part: Any, settings: DataSettings, seed: int, sharing: Sharing
) -> tuple[Loader, EpochBatches | None]:
    if isinstance(part, (DataLoader, IterableDataset)):
        if sharing.processes > 1:
            words = "Several processes share a data set with a length; this gives a loader or an iterable data set."
            raise DataNotUsable(words, advice="Return the Dataset itself.")
        return part if isinstance(part, DataLoader) else DataLoader(part, settings.batch_size), None
    order = EpochBatches(len(part), settings.batch_size, seed=seed, rank=sharing.rank, processes=sharing.processes)
    pinned = torch.accelerator.is_available()
    loader = DataLoader(
        Items(part),
        batch_sampler=order,
        num_workers=settings.workers,
        pin_memory=pinned,
        generator=torch.Generator(),
    )
    return loader, order


def _plain_loader(part: Any | None, settings: DataSettings) -> Loader | None:
    """A loader of held-out data: in order, by this process alone."""
    if part is None or isinstance(part, DataLoader):
        return part
    if isinstance(part, IterableDataset):
        return DataLoader(part, settings.batch_size)
    return DataLoader(Items(part), settings.batch_size, num_workers=settings.workers, generator=torch.Generator())


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


def _seed_workers(loader: Loader, seed: int, epoch: int) -> None:
    """What a data set draws in a worker process is a matter of seed and epoch alone."""
    if loader.generator is not None:
        loader.generator.manual_seed(seed * 1_000_003 + epoch)


def _dataset(part: Any) -> Any:
    return part.dataset if isinstance(part, DataLoader) else part


def _is_sized(part: Any) -> bool:
    return not isinstance(_dataset(part), IterableDataset) and hasattr(_dataset(part), "__len__")


def _is_plain(loader: Loader) -> bool:
    return loader.batch_size is not None and isinstance(loader.sampler, (RandomSampler, SequentialSampler))
