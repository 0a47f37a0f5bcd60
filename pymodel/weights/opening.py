"""A weight file, open: what it holds, and each tensor mapped from disk when it is asked for."""

from __future__ import annotations

import contextlib
import mmap
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import torch
from torch import Tensor

from .pickled import copy_tensors
from .safetensors import TensorPlace, read_header
from .structure import WeightsNotReadable, check_zip, find_kind


@dataclass(frozen=True)
class Weights:
    """The tensors of a file by name. `shared` gives, for a tied tensor, the name that it was first met under."""

    path: Path
    places: Mapping[str, TensorPlace]
    metadata: Mapping[str, str]
    shared: Mapping[str, str]
    _content: mmap.mmap

    def read(self, name: str) -> Tensor:
        """One tensor, mapped: its bytes are read when they are looked at. Writing to it changes no file."""
        place = self.places[name]
        if not place.bytes:
            return torch.empty(place.shape, dtype=place.dtype)
        count = place.bytes // place.dtype.itemsize
        return torch.frombuffer(self._content, dtype=place.dtype, count=count, offset=place.start).view(place.shape)

    def release(self) -> None:
        """Let go of the memory that tensors' bytes lie in. They are read from disk again when they are looked at: what
        was written to them is lost."""
        if hasattr(mmap, "MADV_DONTNEED"):
            self._content.madvise(mmap.MADV_DONTNEED)


@contextlib.contextmanager
def open_weights(path: Path) -> Iterator[Weights]:
    """Open a file of weights; tensors that were read stay usable after it is closed.

    Raises:
        WeightsNotReadable: it holds no plain weights, is damaged, or would do more than be read.
    """
    kind = find_kind(path)
    with contextlib.ExitStack() as stack:
        if kind == "safetensors":
            file: BinaryIO = stack.enter_context(path.open("rb"))
        else:
            if kind == "zip":
                check_zip(path)
            file = stack.enter_context(tempfile.TemporaryFile(prefix="pymodel-weights-"))
            copy_tensors(path, file)
            file.flush()
        size = file.seek(0, 2)
        file.seek(0)
        places, metadata = read_header(file, path, size)
        if not places:
            advice = "Save weights with `torch.save(model.state_dict(), path)`."
            raise WeightsNotReadable("This file holds no tensors.", path=str(path), advice=advice)
        content = mmap.mmap(file.fileno(), size, access=mmap.ACCESS_COPY)
        yield Weights(path, places, metadata, _find_shared(places), content)


def load_weights(path: Path) -> dict[str, Tensor]:
    """The state dict in a file, mapped from disk.

    Raises:
        WeightsNotReadable: as `open_weights`.
    """
    with open_weights(path) as weights:
        return {name: weights.read(name) for name in weights.places}


def _find_shared(places: Mapping[str, TensorPlace]) -> dict[str, str]:
    first: dict[tuple[int, int], str] = {}
    shared = {}
    for name, place in places.items():
        earlier = first.setdefault((place.start, place.bytes), name) if place.bytes else name
        if earlier != name:
            shared[name] = earlier
    return shared
