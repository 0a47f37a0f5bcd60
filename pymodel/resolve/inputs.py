"""What to feed `forward`: candidates from pins, from calls in the code, and from the layer that takes the argument."""

from __future__ import annotations

import ast
import inspect
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import nn

from ..discover.callsites import ForwardCall, find_forward_calls
from ..discover.document import Document
from ..discover.pins import ContainerSpec, Spec, TensorSpec, parse_input
from ..schema import Dim, Pin, Source
from .search import search

TOKENS = 13
EXAMPLE_ATTRIBUTES = ("example_input_array", "example_inputs", "dummy_inputs", "example_input")
JAXTYPING = re.compile(r"(?P<kind>[A-Z][A-Za-z0-9]*)\[.*?,\s*['\"](?P<dims>[^'\"]+)['\"]\s*\]")
JAXTYPING_DTYPES = {"Int": "int64", "Int64": "int64", "Int32": "int32", "Bool": "bool", "Float16": "float16"}


@dataclass(frozen=True)
class ResolvedInput:
    name: str
    by: Literal["position", "keyword"]
    spec: Spec
    source: Source


@dataclass(frozen=True)
class SymbolGuess:
    """A symbol's meaning, and a size at which the model should run."""

    meaning: str
    base: int


def materialise(spec: Spec, binding: Mapping[str, int], namespace: Mapping[str, Any]) -> Any:
    """The value a spec stands for at a binding; tensors are made on meta."""
    if isinstance(spec, TensorSpec):
        sizes = [dim if isinstance(dim, int) else int(eval(dim, {}, dict(binding))) for dim in spec.dims]
        dtype = getattr(torch, spec.dtype or "float32")
        return torch.empty(sizes, dtype=dtype, device="meta")
    if isinstance(spec, ContainerSpec):
        items = [materialise(item, binding, namespace) for item in spec.items]
        if spec.kind == "dict":
            return dict(zip((eval(key, {}, {}) for key in spec.keys), items, strict=True))
        return items if spec.kind == "list" else tuple(items)
    return eval(spec.expression, dict(namespace), dict(binding))


def symbols_of(inputs: tuple[ResolvedInput, ...], length: int = TOKENS) -> dict[str, SymbolGuess]:
    """The symbols that the inputs' dims name, in order. A batch is 7, everything else `length`, until probed."""
    found: dict[str, SymbolGuess] = {}
    for each in inputs:
        for dims in _all_dims(each.spec):
            for place, dim in enumerate(dims):
                if isinstance(dim, str):
                    for name in (node.id for node in ast.walk(ast.parse(dim)) if isinstance(node, ast.Name)):
                        is_batch = name == "B" or (place == 0 and "B" not in dims)
                        guess = SymbolGuess("batch", 7) if is_batch else SymbolGuess("length", length)
                        found.setdefault(name, guess)
    return found


def find_inputs(
    model: nn.Module,
    document: Document,
    neighbours: list[Document],
    name: str,
    pins: tuple[Pin, ...],
) -> Iterator[tuple[ResolvedInput, ...]]:
    """Candidates for all arguments of `forward` together, best first."""
    parameters = required_parameters(model)
    pinned = _pinned(parameters, document, pins)
    if pinned is not None:
        yield pinned
        return
    yield from _annotated(model, parameters)
    yield from _examples(model, parameters)
    for each in (document, *neighbours):
        for call in find_forward_calls(each, name):
            yield from _from_call(call, parameters)
    previous = previous_inputs(model, pins)
    if previous is not None:
        yield previous
    source = Source("search")
    for specs in search(model, parameters, document):
        yield tuple(
            ResolvedInput(parameter, "position", spec, source)
            for parameter, spec in zip(parameters, specs, strict=True)
        )


def _annotated(model: nn.Module, parameters: list[str]) -> Iterator[tuple[ResolvedInput, ...]]:
    """`x: Float[Tensor, "batch 3 height width"]`: the shapes are written down."""
    annotations = getattr(type(model).forward, "__annotations__", {})
    specs = [_from_annotation(annotations.get(parameter)) for parameter in parameters]
    if parameters and all(spec is not None for spec in specs):
        yield tuple(
            ResolvedInput(parameter, "position", spec, Source("annotation"))
            for parameter, spec in zip(parameters, specs, strict=True)
            if spec is not None
        )


def _from_annotation(annotation: Any) -> TensorSpec | None:
    dims_text = getattr(annotation, "dim_str", None)
    kind = "Float"
    if dims_text is None:
        match = JAXTYPING.search(annotation) if isinstance(annotation, str) else None
        if match is None:
            return None
        dims_text, kind = match["dims"], match["kind"]
    else:
        kind = next((each for each in JAXTYPING_DTYPES if str(annotation).startswith(each)), "Float")
    names = dims_text.split()
    if not names or any(name.startswith(("*", "...")) or name == "_" for name in names):
        return None
    dims = [int(name) if name.isdigit() else name.lstrip("#?") for name in names]
    if isinstance(dims[0], str) and dims[0].lower() in ("b", "batch", "n", "bs", "batch_size"):
        dims[0] = "B"
    return TensorSpec(tuple(dims), JAXTYPING_DTYPES.get(kind, "float32"))


def _examples(model: nn.Module, parameters: list[str]) -> Iterator[tuple[ResolvedInput, ...]]:
    """Lightning's `example_input_array` and the like: tensors that the author calls an example."""
    for name in EXAMPLE_ATTRIBUTES:
        value = getattr(model, name, None)
        given = value if isinstance(value, (tuple, list)) else (value,)
        tensors = [each for each in given if isinstance(each, torch.Tensor)]
        if parameters and len(tensors) == len(given) >= len(parameters):
            shapes = [tuple(tensor.shape) for tensor in tensors]
            dtypes = [str(tensor.dtype).removeprefix("torch.") for tensor in tensors]
            yield _batched(parameters, list(zip(shapes, dtypes, strict=True)), Source("attribute"))


def _from_call(call: ForwardCall, parameters: list[str]) -> Iterator[tuple[ResolvedInput, ...]]:
    tensors = [tensor for tensor in call.tensors[: len(parameters)] if tensor is not None]
    if not parameters or len(tensors) < len(parameters):
        return
    source = Source("call-site", call.path, call.line)
    if any(dtype == "int64" and len(shape) == 2 for shape, dtype in tensors):
        yield _batched(parameters, tensors, source, "T")
    yield _batched(parameters, tensors, source)


def _batched(
    parameters: list[str], tensors: list[tuple[tuple[int, ...], str]], source: Source, length: str | None = None
) -> tuple[ResolvedInput, ...]:
    """Tensors of given sizes with their common first size as the batch, and the second of ids as `length`."""
    batch = tensors[0][0][:1]
    inputs = []
    for parameter, (shape, dtype) in zip(parameters, tensors, strict=False):
        dims: tuple[Dim, ...] = ("B", *shape[1:]) if shape[:1] == batch and shape else shape
        if length is not None and dtype == "int64" and len(dims) == 2:
            dims = (dims[0], length)
        inputs.append(ResolvedInput(parameter, "position", TensorSpec(dims, dtype), source))
    return tuple(inputs)


def required_parameters(model: nn.Module) -> list[str]:
    """Names of the arguments that `forward` cannot do without."""
    signature = inspect.signature(type(model).forward)
    return [
        parameter.name
        for parameter in list(signature.parameters.values())[1:]
        if parameter.default is parameter.empty
        and parameter.kind in (parameter.POSITIONAL_OR_KEYWORD, parameter.POSITIONAL_ONLY)
    ]


def _pinned(parameters: list[str], document: Document, pins: tuple[Pin, ...]) -> tuple[ResolvedInput, ...] | None:
    for pin in pins:
        if not pin.inputs or pin.source == "previous":
            continue
        line = next((n for n, text in enumerate(document.lines, 1) if "# pymodel:" in text), None)
        source = Source("pin", document.path, line)
        return _read_pin(pin, parameters, source)
    return None


def previous_inputs(model: nn.Module, pins: tuple[Pin, ...]) -> tuple[ResolvedInput, ...] | None:
    """What the last good trace was fed, if it still names the arguments that `forward` takes."""
    parameters = required_parameters(model)
    for pin in pins:
        if pin.source == "previous":
            inputs = _read_pin(pin, parameters, Source("search"))
            if {each.name for each in inputs} >= set(parameters):
                return inputs
    return None


def _read_pin(pin: Pin, parameters: list[str], source: Source) -> tuple[ResolvedInput, ...]:
    specs = [parse_input(text, path=source.path, line=source.line) for text in pin.inputs]
    specs.sort(key=lambda each: parameters.index(each.name) if each.name in parameters else len(parameters))
    return tuple(
        ResolvedInput(each.name, "position" if each.name in parameters else "keyword", each.spec, source)
        for each in specs
    )


def _all_dims(spec: Spec) -> Iterator[tuple[int | str, ...]]:
    if isinstance(spec, TensorSpec):
        yield spec.dims
    elif isinstance(spec, ContainerSpec):
        for item in spec.items:
            yield from _all_dims(item)
