"""The inputs that a model is exported with: real tensors from pins, at sizes where a symbol stands for one."""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from ..discover.pins import ContainerSpec, InputSpec, LiteralSpec, Spec, TensorSpec, parse_input
from ..schema import PyModelError

TRACED, CHECKED = 2, 3
"""Sizes of the first symbol at export, and at the second check: 0 and 1 are special to exporters."""


class InputsNotUsable(PyModelError):
    """The model cannot be exported with these inputs."""


@dataclass(frozen=True)
class Inputs:
    """The pins in `forward`'s order."""

    specs: tuple[InputSpec, ...]

    @property
    def symbols(self) -> tuple[str, ...]:
        found: dict[str, None] = {}
        for spec in self.specs:
            if isinstance(spec.spec, TensorSpec):
                for dim in spec.spec.dims:
                    found |= dict.fromkeys(symbols_of(dim))
        return tuple(found)

    def make(self, sizes: Mapping[str, int]) -> tuple[Any, ...]:
        """Real values, with each symbol at its size. Seeded: the same sizes give the same values."""
        generator = torch.Generator().manual_seed(0)
        return tuple(_make(each.spec, sizes, generator) for each in self.specs)

    def dynamic_shapes(self, *, named: bool) -> tuple[Any, ...]:
        """What the exporter is told of each input: which dimensions may vary, and for ONNX how they are called."""
        return tuple(_dynamic(each.spec, named) for each in self.specs)


def read_inputs(pins: Sequence[str]) -> Inputs:
    """Raises InputsNotUsable where there are none, PinError where one does not follow the grammar."""
    if not pins:
        advice = "Set an example input first, or give it: `--input 'x=(B, 3, 32, 32):float32'`."
        raise InputsNotUsable("The model's inputs are not known.", advice=advice)
    return Inputs(tuple(parse_input(pin) for pin in pins))


def symbols_of(dim: int | str) -> tuple[str, ...]:
    if isinstance(dim, int):
        return ()
    names = (node.id for node in ast.walk(ast.parse(dim, mode="eval")) if isinstance(node, ast.Name))
    return tuple(name for name in names if name not in ("max", "min"))


def size_of(dim: int | str, sizes: Mapping[str, int]) -> int:
    if isinstance(dim, int):
        return dim
    return int(eval(dim, {"__builtins__": {}, "max": max, "min": min}, dict(sizes)))


def _make(spec: Spec, sizes: Mapping[str, int], generator: torch.Generator) -> Any:
    if isinstance(spec, TensorSpec):
        return _make_tensor(spec, sizes, generator)
    if isinstance(spec, LiteralSpec):
        return ast.literal_eval(spec.expression)
    if isinstance(spec, ContainerSpec) and spec.kind == "dict":
        values = (_make(item, sizes, generator) for item in spec.items)
        return dict(zip(map(ast.literal_eval, spec.keys), values, strict=True))
    return [_make(item, sizes, generator) for item in spec.items]


def _make_tensor(spec: TensorSpec, sizes: Mapping[str, int], generator: torch.Generator) -> Tensor:
    shape = [size_of(dim, sizes) for dim in spec.dims]
    dtype = getattr(torch, spec.dtype or "float32", None)
    if not isinstance(dtype, torch.dtype):
        raise InputsNotUsable(f"torch has no dtype `{spec.dtype}`.", advice="Write float32, int64 or another of it.")
    if dtype.is_floating_point or dtype.is_complex:
        return torch.randn(shape, generator=generator).to(dtype)
    return torch.randint(0, 2, shape, generator=generator).to(dtype)


def _dynamic(spec: Spec, named: bool) -> Any:
    if isinstance(spec, TensorSpec):
        return {axis: _dim(dim, named) for axis, dim in enumerate(spec.dims) if isinstance(dim, str)}
    if isinstance(spec, ContainerSpec):
        items = [_dynamic(item, named) for item in spec.items]
        return dict(zip(map(ast.literal_eval, spec.keys), items, strict=True)) if spec.kind == "dict" else items
    return None


def _dim(dim: str, named: bool) -> Any:
    return dim if named and dim.isidentifier() else torch.export.Dim.DYNAMIC
