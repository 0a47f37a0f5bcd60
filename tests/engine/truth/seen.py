"""What a real value was, in the terms of a document: a tensor's shape and dtype, an int, a tuple of such."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import torch


@dataclass(frozen=True, slots=True)
class Tensor:
    shape: tuple[int, ...]
    dtype: str

    def __str__(self) -> str:
        return f"{show(self.shape)} {self.dtype}"


@dataclass(frozen=True, slots=True)
class Int:
    value: int

    def __str__(self) -> str:
        return str(self.value)


@dataclass(frozen=True, slots=True)
class Tuple:
    items: tuple[Seen, ...]

    def __str__(self) -> str:
        return f"({', '.join(map(str, self.items))})"


@dataclass(frozen=True, slots=True)
class Other:
    type: str

    def __str__(self) -> str:
        return f"a {self.type}"


Seen = Tensor | Int | Tuple | Other


@dataclass(frozen=True, slots=True)
class Place:
    """A name that was assigned, or an expression (then `text` is empty) by its exact range; columns in characters."""

    path: str
    line: int
    column: int
    end_line: int
    end_column: int
    text: str = ""


def summarise(value: Any) -> Seen:
    if isinstance(value, torch.Tensor):
        return Tensor(tuple(value.shape), str(value.dtype).removeprefix("torch."))
    if type(value) is int:
        return Int(value)
    if isinstance(value, (tuple, list)):
        return Tuple(tuple(map(summarise, value)))
    return Other(type(value).__name__)


def tensors_of(value: Any) -> Iterator[torch.Tensor]:
    """The tensors within nested tuples, lists and dicts, in order."""
    if isinstance(value, torch.Tensor):
        yield value
    elif isinstance(value, (tuple, list)):
        for item in value:
            yield from tensors_of(item)
    elif isinstance(value, dict):
        for item in value.values():
            yield from tensors_of(item)


def show(dims: tuple[int | str, ...] | list[int | str]) -> str:
    inner = ", ".join(map(str, dims))
    return f"({inner},)" if len(dims) == 1 else f"({inner})"
