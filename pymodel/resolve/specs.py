"""Between specs and values: what a spec stands for at given sizes, and the spec that a value is an instance of."""

from __future__ import annotations

import ast
import dataclasses
from collections.abc import Iterator, Mapping
from typing import Any

import torch

from ..discover.pins import ContainerSpec, LiteralSpec, Spec, TensorSpec
from ..schema import Dim

Place = tuple[int, ...]
"""Where a tensor stands within nested containers: the index at each level, empty for the spec itself."""
LITERALS = (bool, int, float, str, type(None))
MAX_DEPTH = 4


def materialise(spec: Spec, binding: Mapping[str, int], namespace: Mapping[str, Any]) -> Any:
    """The value a spec stands for at a binding; tensors are made on meta."""
    if isinstance(spec, TensorSpec):
        dtype = getattr(torch, spec.dtype or "float32")
        return torch.empty(sizes_of(spec, binding), dtype=dtype, device="meta")
    if isinstance(spec, ContainerSpec):
        items = [materialise(item, binding, namespace) for item in spec.items]
        if spec.kind == "dict":
            return dict(zip((eval(key, {}, {}) for key in spec.keys), items, strict=True))
        if spec.kind in ("list", "tuple"):
            return items if spec.kind == "list" else tuple(items)
        maker = eval(spec.kind, {"torch": torch, **namespace}, {})
        return maker(**dict(zip(spec.keys, items, strict=True))) if spec.keys else maker(*items)
    return eval(spec.expression, {"torch": torch, **namespace}, dict(binding))


def sizes_of(spec: TensorSpec, binding: Mapping[str, int]) -> list[int]:
    return [dim if isinstance(dim, int) else int(eval(dim, {}, dict(binding))) for dim in spec.dims]


def write_expression(spec: Spec) -> str:
    """Python that makes what a spec stands for, with torch and the symbols in scope."""
    if isinstance(spec, TensorSpec):
        dims = ", ".join(map(str, spec.dims))
        if spec.dtype in (None, "float32"):
            return f"torch.randn({dims})" if spec.dims else "torch.randn(())"
        return f"torch.zeros(({dims}{',' if len(spec.dims) == 1 else ''}), dtype=torch.{spec.dtype})"
    if isinstance(spec, LiteralSpec):
        return spec.expression
    items = [write_expression(item) for item in spec.items]
    if spec.kind == "dict":
        return "{" + ", ".join(f"{key}: {item}" for key, item in zip(spec.keys, items, strict=True)) + "}"
    if spec.kind == "list":
        return f"[{', '.join(items)}]"
    if spec.kind == "tuple":
        return f"({', '.join(items)}{',' if len(items) == 1 else ''})"
    named = [f"{key}={item}" for key, item in zip(spec.keys, items, strict=True)] if spec.keys else items
    return f"{spec.kind}({', '.join(named)})"


def spec_of(value: Any, namespace: Mapping[str, Any], depth: int = 0) -> Spec | None:
    """The spec of a value, sizes as they are; None for what cannot be written down."""
    if isinstance(value, torch.Tensor):
        return TensorSpec(tuple(value.shape), str(value.dtype).removeprefix("torch."))
    if isinstance(value, LITERALS):
        return LiteralSpec(repr(value))
    if isinstance(value, (torch.dtype, torch.device)):
        return LiteralSpec(str(value) if isinstance(value, torch.dtype) else f"torch.device({str(value)!r})")
    if depth > MAX_DEPTH:
        return None
    keys: tuple[str, ...] = ()
    if isinstance(value, Mapping) and all(isinstance(key, (str, int)) for key in value):
        kind, keys, inner = "dict", tuple(map(repr, value)), list(value.values())
    elif isinstance(value, tuple) and hasattr(value, "_fields"):
        kind, keys, inner = _named(value, namespace), tuple(value._fields), list(value)
    elif dataclasses.is_dataclass(value) and not isinstance(value, type):
        fields = [field.name for field in dataclasses.fields(value) if field.init]
        kind, keys, inner = _named(value, namespace), tuple(fields), [getattr(value, name) for name in fields]
    elif isinstance(value, (list, tuple)):
        kind, inner = ("list" if isinstance(value, list) else "tuple"), list(value)
    else:
        return None
    specs = [spec_of(item, namespace, depth + 1) for item in inner]
    known = [spec for spec in specs if spec is not None]
    return ContainerSpec(kind, tuple(known), keys) if kind and len(known) == len(specs) else None


def _named(value: Any, namespace: Mapping[str, Any]) -> str:
    """The name by which a value's class is known, empty if it is not."""
    name = type(value).__name__
    return name if namespace.get(name) is type(value) else ""


def tensors_in(spec: Spec, place: Place = ()) -> Iterator[tuple[Place, TensorSpec]]:
    if isinstance(spec, TensorSpec):
        yield place, spec
    elif isinstance(spec, ContainerSpec):
        for index, item in enumerate(spec.items):
            yield from tensors_in(item, (*place, index))


def replaced(spec: Spec, place: Place, new: Spec) -> Spec:
    """A spec with another one at a place."""
    if not place or not isinstance(spec, ContainerSpec):
        return new
    items = list(spec.items)
    items[place[0]] = replaced(items[place[0]], place[1:], new)
    return dataclasses.replace(spec, items=tuple(items))


def names_in(dim: Dim) -> list[str]:
    """The symbols of a dim, in order."""
    if isinstance(dim, int):
        return []
    return [
        node.id for node in ast.walk(ast.parse(dim)) if isinstance(node, ast.Name) and node.id not in ("max", "min")
    ]
