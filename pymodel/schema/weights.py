"""What is told of the numbers in a file of weights."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Histogram:
    """`counts` of equally wide bins from `low` to `high`; the last one holds `high` itself."""

    low: float
    high: float
    counts: tuple[int, ...]


@dataclass(frozen=True)
class Statistics:
    """Of the finite values alone, None where there is none. `std` is the whole population's; `l1` and `l2` are norms;
    `zeros`, `nan` and `inf` are counts."""

    elements: int
    mean: float | None
    std: float | None
    min: float | None
    max: float | None
    l1: float | None
    l2: float | None
    zeros: int
    nan: int
    inf: int
    histogram: Histogram | None


@dataclass(frozen=True)
class TensorReport:
    """One tensor. `shared_with` is the name that it was first met under, where two names are one tensor."""

    name: str
    dtype: str
    dims: tuple[int, ...]
    bytes: int
    shared_with: str | None
    statistics: Statistics


@dataclass(frozen=True)
class TensorChange:
    """What another file has done to a tensor: its largest difference, the norm of the difference to the tensor's own,
    and the cosine between the two. None where they cannot be compared, or are not finite."""

    name: str
    kind: Literal["same", "changed", "reshaped", "added", "removed"]
    max_abs: float | None = None
    relative: float | None = None
    cosine: float | None = None


@dataclass(frozen=True)
class TensorValues:
    """Values of a tensor from the element `start` on, in the order they lie in. What is not finite is a text."""

    name: str
    dtype: str
    dims: tuple[int, ...]
    start: int
    values: tuple[float | int | str, ...]


@dataclass(frozen=True)
class WeightsReport:
    """A file of weights; `changes` are those of the file `against`, if one was given."""

    path: str
    bytes: int
    metadata: dict[str, str]
    tensors: tuple[TensorReport, ...]
    against: str | None = None
    changes: tuple[TensorChange, ...] = ()
