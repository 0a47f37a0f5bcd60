"""What to feed `forward`: what pins, annotations, examples, calls and data say, then guesses at each argument."""

from __future__ import annotations

import dataclasses
import inspect
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import nn

from ..discover.document import Document
from ..discover.models import find_models
from ..discover.pins import ContainerSpec, Spec, TensorSpec, parse_input
from ..schema import Dim, Input, Pin, Source
from .guesses import guess
from .reading import read_function, read_usage
from .specs import names_in, replaced, spec_of, tensors_in, write_expression

TOKENS = 13
FURTHER = (17, 19, 23)
"""Sizes of the second and further symbols that are no batch: a size in an error is to lead back to one of them."""
EXAMPLE_ATTRIBUTES = ("example_input_array", "example_inputs", "dummy_inputs", "example_input")
JAXTYPING = re.compile(r"(?P<kind>[A-Z][A-Za-z0-9]*)\[.*?,\s*['\"](?P<dims>[^'\"]+)['\"]\s*\]")
JAXTYPING_DTYPES = {"Int": "int64", "Int64": "int64", "Int32": "int32", "Bool": "bool", "Float16": "float16"}
BATCH_AXES = ("b", "batch", "n", "bs", "batch_size")
MAX_OPTIONAL = 3
"""So many guesses at an argument that a failure asks for are tried."""


@dataclass(frozen=True)
class ResolvedInput:
    name: str
    by: Literal["position", "keyword"]
    spec: Spec
    source: Source


Inputs = tuple[ResolvedInput, ...]


@dataclass(frozen=True)
class SymbolGuess:
    """A symbol's meaning, and a size at which the model should run."""

    meaning: str
    base: int


def symbols_of(inputs: Inputs, length: int = TOKENS) -> dict[str, SymbolGuess]:
    """The symbols that the inputs' dims name, in order. A batch is 7, the first other one `length`, until probed."""
    found: dict[str, SymbolGuess] = {}
    is_named = any("B" in spec.dims for each in inputs for _, spec in tensors_in(each.spec))
    lengths = iter((length, *FURTHER))
    for each in inputs:
        for _, spec in tensors_in(each.spec):
            for place, dim in enumerate(spec.dims):
                for name in names_in(dim):
                    if name not in found:
                        is_batch = name == "B" or (place == 0 and not is_named)
                        base = 7 if is_batch else next(lengths, length)
                        found[name] = SymbolGuess("batch" if is_batch else "length", base)
    return found


def forward_parameters(model: nn.Module) -> list[inspect.Parameter]:
    """The arguments of a model's `forward`, without `self`."""
    parameters = list(inspect.signature(type(model).forward).parameters.values())
    is_static = isinstance(inspect.getattr_static(type(model), "forward"), staticmethod)
    return parameters if is_static else parameters[1:]


def required_parameters(model: nn.Module) -> list[str]:
    """Names of the positional arguments that `forward` cannot do without."""
    return [each.name for each in _required(model) if each.kind is not each.KEYWORD_ONLY]


def optional_parameters(model: nn.Module) -> list[str]:
    return [each.name for each in forward_parameters(model) if each.default is not each.empty]


def keyword_names(model: nn.Module) -> tuple[str, ...]:
    """The keywords that `forward` reads of its `**kwargs`."""
    kinds = (each.name for each in forward_parameters(model) if each.kind is each.VAR_KEYWORD)
    name = next(kinds, None)
    return read_usage(read_function(type(model).forward), name).keys if name else ()


def pinned_inputs(model: nn.Module, document: Document, pins: tuple[Pin, ...]) -> Inputs | None:
    parameters = required_parameters(model)
    for pin in pins:
        if not pin.inputs or pin.source == "previous":
            continue
        line = next((site.line for site in find_models(document) if site.target == pin.target), None)
        return _read_pin(pin, parameters, Source("pin", document.path, line))
    return None


def previous_inputs(model: nn.Module, pins: tuple[Pin, ...]) -> Inputs | None:
    """What the last good trace was fed, if it still names the arguments that `forward` takes."""
    parameters = required_parameters(model)
    for pin in pins:
        if pin.source == "previous":
            inputs = _read_pin(pin, parameters, Source("search"))
            if {each.name for each in inputs} >= set(parameters):
                return inputs
    return None


def annotated_inputs(model: nn.Module) -> Iterator[Inputs]:
    """`x: Float[Tensor, "batch 3 height width"]`: the shapes are written down."""
    annotations = getattr(type(model).forward, "__annotations__", {})
    required = _required(model)
    specs = [_from_annotation(annotations.get(parameter.name)) for parameter in required]
    if required and all(spec is not None for spec in specs):
        yield tuple(
            ResolvedInput(parameter.name, _by(parameter), spec, Source("annotation"))
            for parameter, spec in zip(required, specs, strict=True)
            if spec is not None
        )


def _from_annotation(annotation: Any) -> TensorSpec | None:
    dims_text = getattr(annotation, "dim_str", None)
    kind = "Float"
    if not isinstance(dims_text, str):
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
    if isinstance(dims[0], str) and dims[0].lower() in BATCH_AXES:
        dims[0] = "B"
    return TensorSpec(tuple(dims), JAXTYPING_DTYPES.get(kind, "float32"))


def example_inputs(model: nn.Module, namespace: Mapping[str, Any]) -> Iterator[Inputs]:
    """Lightning's `example_input_array` and the like: values that the author calls an example."""
    for name in EXAMPLE_ATTRIBUTES:
        value = getattr(model, name, None)
        if value is None or callable(value):
            continue
        if isinstance(value, dict):
            yield from given_inputs(model, (), value, Source("attribute"), namespace)
        else:
            values = value if isinstance(value, (tuple, list)) else (value,)
            yield from given_inputs(model, tuple(values), {}, Source("attribute"), namespace)


def given_inputs(
    model: nn.Module, args: tuple[Any, ...], kwargs: Mapping[str, Any], source: Source, namespace: Mapping[str, Any]
) -> Iterator[Inputs]:
    """Candidates for values that somebody gives to `forward`: their common first size is the batch."""
    names = [each.name for each in forward_parameters(model) if each.kind is not each.KEYWORD_ONLY]
    if forward_parameters(model) and forward_parameters(model)[-1].kind is inspect.Parameter.VAR_KEYWORD:
        names = names[:-1]
    names += [names[-1] if names else "input"] * (len(args) - len(names))
    specs = [spec_of(value, namespace) for value in (*args, *kwargs.values())]
    known = [spec for spec in specs if spec is not None]
    if len(known) < len(specs) or not set(required_parameters(model)) <= {*names[: len(args)], *kwargs}:
        return
    named: list[tuple[str, Literal["position", "keyword"]]] = [(name, "position") for name in names[: len(args)]]
    named += [(name, "keyword") for name in kwargs]
    inputs = tuple(ResolvedInput(name, by, spec, source) for (name, by), spec in zip(named, known, strict=True))
    if any(spec.dtype == "int64" and len(spec.dims) == 2 for each in inputs for _, spec in tensors_in(each.spec)):
        yield batched(inputs, "T")
    yield batched(inputs)


def of_one_sample(inputs: Inputs) -> Iterator[Inputs]:
    """The same inputs with a batch of one: where it was thought to be, then where sequences were thought to stand."""
    yield _with_dims(inputs, lambda _, spec: tuple(1 if dim == "B" else dim for dim in spec.dims))
    yield _with_dims(inputs, lambda _, spec: _first_alone(spec.dims))


def _first_alone(dims: tuple[Dim, ...]) -> tuple[Dim, ...]:
    return (1, *("T" if dim == "B" else dim for dim in dims[1:])) if len(dims) > 1 else dims


def batched(inputs: Inputs, length: str | None = None) -> Inputs:
    """Inputs of given sizes with their common first size as the batch, and the second of ids as `length`."""
    tensors = [spec for each in inputs for _, spec in tensors_in(each.spec)]
    batch = next((spec.dims[0] for spec in tensors if spec.dims), None)

    def dims_of(name: str, spec: TensorSpec) -> tuple[Dim, ...]:
        dims = ("B", *spec.dims[1:]) if spec.dims and spec.dims[0] == batch else spec.dims
        if length is not None and spec.dtype == "int64" and len(dims) == 2:
            dims = (dims[0], "E" if dims[0] == 2 and "edge" in name else length)
        return dims

    return _with_dims(inputs, dims_of)


def _with_dims(inputs: Inputs, dims_of: Callable[[str, TensorSpec], tuple[Dim, ...]]) -> Inputs:
    """The same inputs with other dims of each tensor, told by its argument's name."""
    found = []
    for each in inputs:
        spec = each.spec
        for place, tensor in list(tensors_in(spec)):
            spec = replaced(spec, place, TensorSpec(dims_of(each.name, tensor), tensor.dtype))
        found.append(dataclasses.replace(each, spec=spec))
    return tuple(found)


def guessed_inputs(
    model: nn.Module, document: Document, comments: Mapping[str, tuple[int | str, ...]]
) -> tuple[list[inspect.Parameter], list[Iterator[Spec]]]:
    """The arguments that have to be given, with guesses at each; a `*args` alone counts as one argument."""
    parameters = _required(model)
    if not parameters:
        parameters = [each for each in forward_parameters(model) if each.kind is each.VAR_POSITIONAL][:1]
    lists = [list(dict.fromkeys(guess(model, each.name, document, comments.get(each.name, ())))) for each in parameters]
    ids = TensorSpec(("B", "T"), "int64")
    if any(ids == each[0] for each in lists):  # where tokens go in, so do targets for each of them
        for parameter, specs in zip(parameters, lists, strict=True):
            if re.fullmatch("labels?|targets?|y", parameter.name) and ids in specs:
                specs.remove(ids)
                specs.insert(0, ids)
    return parameters, [iter(each) for each in lists]


def assemble(parameters: list[inspect.Parameter], specs: tuple[Spec, ...], source: Source) -> Inputs:
    return tuple(
        ResolvedInput(parameter.name, _by(parameter), spec, source)
        for parameter, spec in zip(parameters, specs, strict=True)
    )


def with_optional(
    model: nn.Module,
    document: Document,
    inputs: Inputs,
    names: list[str],
    comments: Mapping[str, tuple[int | str, ...]],
) -> Iterator[Inputs]:
    """The same inputs and one optional argument more, or one that was None as a tensor, for each name asked for."""
    optional = {*optional_parameters(model), *keyword_names(model)}
    for name in names:
        given = {each.name: number for number, each in enumerate(inputs)}
        specs = [
            spec
            for _, spec in zip(
                range(MAX_OPTIONAL + 2), guess(model, name, document, comments.get(name, ())), strict=False
            )
            if not _is_none(spec)
        ]
        for spec in specs[:MAX_OPTIONAL]:
            if name in given and _is_none(inputs[given[name]].spec):
                number = given[name]
                new = dataclasses.replace(inputs[number], spec=spec, source=Source("search"))
                yield (*inputs[:number], new, *inputs[number + 1 :])
            elif name in optional and name not in given:
                yield (*inputs, ResolvedInput(name, "keyword", spec, Source("search")))


def describe_input(found: ResolvedInput) -> Input:
    """The schema's form of an input."""
    spec = found.spec
    if not isinstance(spec, TensorSpec):
        return Input(found.name, found.by, None, None, write_expression(spec), found.source)
    return Input(found.name, found.by, spec.dims, spec.dtype or "float32", write_expression(spec), found.source)


def show_inputs(inputs: Inputs) -> str:
    """In words for a person, as pins are written."""
    return ", ".join(f"{each.name}={_show_spec(each.spec)}" for each in inputs) or "none"


def _show_spec(spec: Spec) -> str:
    if not isinstance(spec, TensorSpec):
        return write_expression(spec)
    dims = ", ".join(map(str, spec.dims)) + ("," if len(spec.dims) == 1 else "")
    return f"({dims}){'' if spec.dtype in (None, 'float32') else f':{spec.dtype}'}"


def _required(model: nn.Module) -> list[inspect.Parameter]:
    kinds = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.KEYWORD_ONLY)
    return [each for each in forward_parameters(model) if each.default is each.empty and each.kind in kinds]


def _by(parameter: inspect.Parameter) -> Literal["position", "keyword"]:
    return "keyword" if parameter.kind is parameter.KEYWORD_ONLY else "position"


def _is_none(spec: Spec) -> bool:
    return not isinstance(spec, (TensorSpec, ContainerSpec)) and spec.expression == "None"


def _read_pin(pin: Pin, parameters: list[str], source: Source) -> Inputs:
    specs = [parse_input(text, path=source.path, line=source.line) for text in pin.inputs]
    specs.sort(key=lambda each: parameters.index(each.name) if each.name in parameters else len(parameters))
    return tuple(
        ResolvedInput(each.name, "position" if each.name in parameters else "keyword", each.spec, source)
        for each in specs
    )


def are_tensors(values: Any) -> bool:
    return any(isinstance(leaf, torch.Tensor) for leaf in torch.utils._pytree.tree_leaves(values))
