"""What to feed `forward`: candidates from pins, from calls in the code, and from the layer that takes the argument."""

from __future__ import annotations

import ast
import inspect
import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import nn

from ..discover.callsites import find_forward_calls
from ..discover.document import Document
from ..discover.pins import ContainerSpec, LiteralSpec, Spec, TensorSpec, parse_input
from ..schema import Pin, Source

SPATIAL_FIRST = (32, 28, 224, 64, 16, 12)
SPATIAL_SIZES = (*SPATIAL_FIRST, *(n for n in range(1, 257) if n not in SPATIAL_FIRST))
TOKENS = 13
MIXED = 3
"""So many candidates of each of so many arguments are tried in every combination."""
USUAL_SHAPES: tuple[tuple[int | str, ...], ...] = (
    *(("B", 1, 28, 28), ("B", 3, 32, 32), ("B", 28, 28), ("B", 3, 224, 224)),
)
"""Tried for an argument when its first consumer's needs led nowhere."""
SIZE_ATTRIBUTES = ("image_size", "img_size", "input_resolution", "resolution")
LENGTH_ATTRIBUTES = ("block_size", "context_length", "max_seq_len", "seq_len", "max_len")


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


def symbols_of(inputs: tuple[ResolvedInput, ...]) -> dict[str, SymbolGuess]:
    """The symbols that the inputs' dims name, in order. A batch is 7, everything else 13, until probed."""
    found: dict[str, SymbolGuess] = {}
    for each in inputs:
        for dims in _all_dims(each.spec):
            for place, dim in enumerate(dims):
                if isinstance(dim, str):
                    for name in (node.id for node in ast.walk(ast.parse(dim)) if isinstance(node, ast.Name)):
                        is_batch = name == "B" or place == 0
                        found.setdefault(
                            name, SymbolGuess("batch" if is_batch else "length", 7 if is_batch else TOKENS)
                        )
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
    example = _example(model, parameters, document)
    if example is not None:
        yield example
    for each in (document, *neighbours):
        for call in find_forward_calls(each, name):
            if len(call.tensors) >= len(parameters) and all(call.tensors[: len(parameters)]):
                source = Source("call-site", call.path, call.line)
                yield tuple(
                    ResolvedInput(parameter, "position", TensorSpec(("B", *tensor[0][1:]), tensor[1]), source)
                    for parameter, tensor in zip(parameters, call.tensors, strict=False)
                    if tensor is not None
                )
    yield from _search(model, parameters, document)


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


def _example(model: nn.Module, parameters: list[str], document: Document) -> tuple[ResolvedInput, ...] | None:
    """Lightning's `example_input_array`: one tensor, or a tuple of them."""
    example = getattr(model, "example_input_array", None)
    tensors = example if isinstance(example, (tuple, list)) else (example,)
    if len(tensors) < len(parameters) or not parameters or not all(isinstance(each, torch.Tensor) for each in tensors):
        return None
    source = Source("attribute", document.path)
    return tuple(
        ResolvedInput(
            name, "position", TensorSpec(("B", *each.shape[1:]), str(each.dtype).removeprefix("torch.")), source
        )
        for name, each in zip(parameters, tensors, strict=False)
    )


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


def _search(model: nn.Module, parameters: list[str], document: Document) -> Iterator[tuple[ResolvedInput, ...]]:
    source = Source("search")
    templates = [list(_templates(model, parameter, document)) for parameter in parameters]
    if not parameters:
        yield ()
        return
    for specs in _combine(templates):
        yield tuple(
            ResolvedInput(parameter, "position", spec, source)
            for parameter, spec in zip(parameters, specs, strict=True)
        )


def _combine(templates: list[list[Spec]]) -> Iterator[tuple[Spec, ...]]:
    """One candidate for each argument: mixtures of the first ones, nearest to the front first, then abreast."""
    if len(templates) > 1:
        heads = itertools.product(*(range(min(len(each), MIXED)) for each in templates[:MIXED]))
        for choice in sorted(heads, key=sum):
            rest = (each[0] for each in templates[len(choice) :])
            yield (*(each[at] for each, at in zip(templates, choice, strict=False)), *rest)
    for at in range(max(map(len, templates))):
        yield tuple(candidates[min(at, len(candidates) - 1)] for candidates in templates)


def _templates(model: nn.Module, parameter: str, document: Document) -> Iterator[Spec]:
    """Specs for one argument: those of the layer that first takes it, then those of the model's first layer."""
    forward = _forward_of(type(model).__name__, document)
    unpacked = _unpacking(forward, parameter)
    consumer = _consumer(model, forward, parameter)
    yield from _reshaped(forward, parameter)
    leaves = [leaf for root in (consumer, model) if root is not None for leaf in root.modules() if _takes_input(leaf)]
    seen = set()
    for leaf in leaves[:3]:
        for spec in _specs_of(leaf, model, unpacked):
            if spec not in seen:
                seen.add(spec)
                yield spec
    if not leaves:
        yield TensorSpec(tuple(unpacked) if unpacked else ("B", 64))
        for weight in model.parameters():
            yield from (TensorSpec(("B", size)) for size in dict.fromkeys(weight.shape))
        yield from (TensorSpec(dims) for dims in (("B", "T", 64), ("B", 3, 32, 32), ("B",), ("B", "T")))
        yield TensorSpec(("B", "T"), "int64")
    else:
        yield from (TensorSpec(dims) for dims in USUAL_SHAPES)
    yield LiteralSpec("None")


def _specs_of(leaf: nn.Module, model: nn.Module, unpacked: list[str]) -> Iterator[TensorSpec]:
    length = next((name for name in unpacked[1:2] if len(unpacked) <= 3), "T")
    if isinstance(leaf, (nn.Embedding, nn.EmbeddingBag)):
        yield TensorSpec(("B", length), "int64")
        yield TensorSpec(("B",), "int64")
        yield TensorSpec((length, "B"), "int64")
        for size in (*_hinted(model, LENGTH_ATTRIBUTES), 8, 4):
            yield TensorSpec(("B", size), "int64")
    elif isinstance(leaf, (nn.Conv2d, nn.ConvTranspose2d, nn.BatchNorm2d)):
        channels = leaf.num_features if isinstance(leaf, nn.BatchNorm2d) else leaf.in_channels
        for size in (*_hinted(model, SIZE_ATTRIBUTES), *SPATIAL_SIZES):
            yield TensorSpec(("B", channels, size, size))
    elif isinstance(leaf, (nn.Conv1d, nn.ConvTranspose1d, nn.BatchNorm1d)):
        channels = leaf.num_features if isinstance(leaf, nn.BatchNorm1d) else leaf.in_channels
        yield TensorSpec(("B", channels, "T"))
        yield TensorSpec(("B", channels))
        for size in (*_hinted(model, LENGTH_ATTRIBUTES), *SPATIAL_SIZES):
            yield TensorSpec(("B", channels, size))
    elif isinstance(leaf, (nn.Conv3d, nn.ConvTranspose3d)):
        for size in (16, 32, 8, 24, 64):
            yield TensorSpec(("B", leaf.in_channels, size, size, size))
    elif isinstance(leaf, nn.RNNBase):
        yield TensorSpec(("B", length, leaf.input_size) if leaf.batch_first else (length, "B", leaf.input_size))
    else:
        yield from _feature_specs(leaf, model, unpacked, length)


def _feature_specs(leaf: nn.Module, model: nn.Module, unpacked: list[str], length: str) -> Iterator[TensorSpec]:
    features = getattr(leaf, "in_features", None) or getattr(leaf, "embed_dim", None)
    if isinstance(leaf, nn.LayerNorm):
        features = leaf.normalized_shape[-1]
    if not isinstance(features, int):
        return
    if len(unpacked) == 3:
        yield TensorSpec(("B", length, features))
    yield TensorSpec(("B", features))
    yield TensorSpec(("B", length, features))
    for channels in (1, 3):
        side = round((features / channels) ** 0.5)
        if side * side * channels == features:
            yield TensorSpec(("B", channels, side, side))


def _takes_input(module: nn.Module) -> bool:
    kinds = (
        *(nn.Embedding, nn.EmbeddingBag, nn.Linear, nn.Bilinear, nn.LayerNorm, nn.MultiheadAttention),
        *(nn.Conv1d, nn.Conv2d, nn.Conv3d, nn.ConvTranspose1d, nn.ConvTranspose2d, nn.ConvTranspose3d),
        *(nn.BatchNorm1d, nn.BatchNorm2d, nn.RNNBase),
    )
    return isinstance(module, kinds)


def _reshaped(forward: ast.FunctionDef | None, parameter: str) -> Iterator[TensorSpec]:
    """`("B", 28, 28)` for `x.reshape(-1, 28, 28)` of the argument itself."""
    for node in ast.walk(forward) if forward else ():
        if isinstance(node, ast.Call) and ast.unparse(node.func) in (f"{parameter}.view", f"{parameter}.reshape"):
            sizes = node.args[0].elts if len(node.args) == 1 and isinstance(node.args[0], ast.Tuple) else node.args
            rest = [each.value for each in sizes[1:] if isinstance(each, ast.Constant) and isinstance(each.value, int)]
            if rest and len(rest) == len(sizes) - 1 and all(size > 0 for size in rest):
                yield TensorSpec(("B", *rest))


def _forward_of(name: str, document: Document) -> ast.FunctionDef | None:
    for node in ast.walk(document.tree):
        if isinstance(node, ast.ClassDef) and node.name == name:
            for statement in node.body:
                if isinstance(statement, ast.FunctionDef) and statement.name == "forward":
                    return statement
    return None


def _unpacking(forward: ast.FunctionDef | None, parameter: str) -> list[str]:
    """`["B", "T", "C"]` for `B, T, C = x.shape`."""
    for node in ast.walk(forward) if forward else ():
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Tuple):
            value = ast.unparse(node.value)
            if value in (f"{parameter}.shape", f"{parameter}.size()"):
                return [each.id for each in node.targets[0].elts if isinstance(each, ast.Name)]
    return []


def _consumer(model: nn.Module, forward: ast.FunctionDef | None, parameter: str) -> nn.Module | None:
    """The submodule that is first called on the argument."""
    calls = [node for node in ast.walk(forward) if isinstance(node, ast.Call)] if forward else []
    for call in sorted(calls, key=lambda node: (node.lineno, -node.col_offset)):
        func = ast.unparse(call.func)
        names = {node.id for argument in call.args for node in ast.walk(argument) if isinstance(node, ast.Name)}
        if func.startswith("self.") and parameter in names:
            try:
                return model.get_submodule(func.removeprefix("self."))
            except AttributeError:
                continue
    return None


def _hinted(model: nn.Module, names: tuple[str, ...]) -> list[int]:
    values = [getattr(holder, name, None) for holder in (model, *model.children()) for name in names]
    return [value for value in values if isinstance(value, int) and not isinstance(value, bool)]


def _all_dims(spec: Spec) -> Iterator[tuple[int | str, ...]]:
    if isinstance(spec, TensorSpec):
        yield spec.dims
    elif isinstance(spec, ContainerSpec):
        for item in spec.items:
            yield from _all_dims(item)
