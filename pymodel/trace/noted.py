"""What a run notes: the operations that it did, and those that failed."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from types import CodeType
from typing import Any

import torch

Frame = tuple[CodeType, int]
"""A code object and the offset of its running instruction: resolved to a range by `co_positions`, when asked."""


@dataclass(slots=True)
class OperationSeen:
    """One call of a torch function, or of a submodule (`module` is its path then)."""

    name: str
    type: str
    parent: int
    frame: Frame | None
    inputs: list[str]
    outputs: list[tuple[str, tuple[int, ...], str]]
    module: str | None = None
    input_shapes: tuple[tuple[int, ...], ...] = ()
    flops: int = 0
    bytes: int = 0
    """What it adds to the memory that is kept for the backward pass."""
    error: str | None = None
    assumed: bool = False
    """The shape of what it gave rests on an assumption."""


@dataclass
class Fault:
    """An operation that failed: its operands' shapes, and where."""

    function: str
    operands: list[tuple[int, ...]]
    arguments: tuple[Any, ...]
    message: str
    frame: Frame | None
    module: str
    module_type: str
    made_by: list[int]
    """For each operand, the index of the operation that made it; -1 where it is an input or a parameter."""
    went_on: bool = False
    doubtful: bool = False
    """It rests on what was assumed: another run may not have it, so it is not told."""


@cache
def dtype_name(dtype: torch.dtype) -> str:
    """`float32`."""
    return str(dtype).removeprefix("torch.")


def without_data(value: Any) -> Any:
    """An argument without its tensors' data: shapes as tuples, numbers as they are."""
    if isinstance(value, torch.Tensor):
        return tuple(value.shape)
    if isinstance(value, (list, tuple)):
        return tuple(without_data(item) for item in value)
    return value if isinstance(value, (int, float, str, bool, type(None))) else str(value)
