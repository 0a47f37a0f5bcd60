"""What a model is exported and proven with: real values from pins, at sizes where a symbol stands for one."""

from __future__ import annotations

import ast
import inspect
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from torch import Tensor, nn

from ..discover.pins import ContainerSpec, InputSpec, LiteralSpec, Spec, TensorSpec, parse_input
from ..schema import Dim, PyModelError, Symbol

Values = dict[str, Any]
"""The value of each input by its name."""
Place = tuple[str | int, ...]
"""Where a tensor stands in the inputs: the input's name, then keys and indices."""


class InputsNotUsable(PyModelError):
    """The model cannot be exported with these inputs."""


@dataclass(frozen=True)
class Inputs:
    """The pins in `forward`'s order. `limits` are the first integers that an input may not hold; 2 if none is known."""

    specs: tuple[InputSpec, ...]
    limits: Mapping[str, int] = field(default_factory=dict)

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(each.name for each in self.specs)

    @property
    def symbols(self) -> tuple[str, ...]:
        found = (name for _, spec in self.tensors() for dim in spec.dims for name in symbols_of(dim))
        return tuple(dict.fromkeys(found))

    def tensors(self) -> Iterator[tuple[Place, TensorSpec]]:
        """Every tensor of the inputs, in the order in which they are flattened."""
        for each in self.specs:
            yield from _tensors((each.name,), each.spec)

    def make(self, sizes: Mapping[str, int], seed: int = 0) -> Values:
        """Real values, with each symbol at its size. The same sizes and seed give the same values."""
        generator = torch.Generator().manual_seed(seed)
        return {
            each.name: _make(each.spec, sizes, generator, self.limits.get(each.name, 2), each.name)
            for each in self.specs
        }


@dataclass(frozen=True)
class Signature:
    """How a model's `forward` takes its inputs: those before a gap by position, the others by name."""

    positional: tuple[str, ...]

    def call(self, model: Any, values: Values) -> Any:
        args, kwargs = self.split(values)
        return model(*args, **kwargs)

    def split(self, values: Values) -> tuple[tuple[Any, ...], dict[str, Any]]:
        args = tuple(values[name] for name in self.positional)
        return args, {name: value for name, value in values.items() if name not in self.positional}


def read_signature(model: nn.Module, inputs: Inputs) -> Signature:
    parameters = list(inspect.signature(model.forward).parameters.values())
    if any(each.kind is inspect.Parameter.VAR_POSITIONAL for each in parameters):
        return Signature(inputs.names)
    names = [each.name for each in parameters if each.kind is not inspect.Parameter.KEYWORD_ONLY]
    count = 0
    while count < min(len(names), len(inputs.names)) and names[count] == inputs.names[count]:
        count += 1
    unknown = set(inputs.names) - {each.name for each in parameters}
    takes_any = any(each.kind is inspect.Parameter.VAR_KEYWORD for each in parameters)
    return Signature(inputs.names if unknown and not takes_any else inputs.names[:count])


def read_inputs(pins: Sequence[str]) -> Inputs:
    """Raises InputsNotUsable where there are none, PinError where one does not follow the grammar."""
    if not pins:
        advice = "Set an example input first, or give it: `--input 'x=(B, 3, 32, 32):float32'`."
        raise InputsNotUsable("The model's inputs are not known.", advice=advice)
    return Inputs(tuple(parse_input(pin) for pin in pins))


def with_limits(inputs: Inputs, model: nn.Module, signature: Signature, sizes: Mapping[str, int]) -> Inputs:
    """The inputs with the largest integers that the model takes: of the sizes of its tables, those that run.

    Values of 0 and 1 alone would not show that any other row of an embedding is wrong.
    """
    tables = {each.num_embeddings for each in model.modules() if isinstance(each, nn.Embedding)}
    for name in {place[0] for place, spec in inputs.tensors() if _is_integer(spec)}:
        for limit in sorted(tables, reverse=True):
            wider = replace(inputs, limits={**inputs.limits, str(name): limit})
            values = wider.make(sizes)
            largest = {**values, str(name): _fill(values[str(name)], limit - 1)}
            try:
                with torch.no_grad():
                    signature.call(model, largest)
            except (IndexError, RuntimeError, ValueError):
                continue
            inputs = wider
            break
    return inputs


def _is_integer(spec: TensorSpec) -> bool:
    dtype = getattr(torch, spec.dtype or "float32", None)
    return isinstance(dtype, torch.dtype) and not dtype.is_floating_point and dtype != torch.bool


def _fill(value: Any, number: int) -> Any:
    return torch.full_like(value, number) if isinstance(value, Tensor) else value


def symbols_of(dim: Dim) -> tuple[str, ...]:
    if isinstance(dim, int):
        return ()
    names = (node.id for node in ast.walk(ast.parse(dim, mode="eval")) if isinstance(node, ast.Name))
    return tuple(name for name in names if name not in ("max", "min"))


def size_of(dim: Dim, sizes: Mapping[str, int]) -> int:
    """A dimension as a number.

    Raises:
        NameError: it has a symbol that `sizes` lacks.
    """
    if isinstance(dim, int):
        return dim
    return int(eval(dim, {"__builtins__": {}, "max": max, "min": min}, dict(sizes)))


def to_device(values: Values, device: torch.device) -> Values:
    return dict(
        torch.utils._pytree.tree_map(lambda leaf: leaf.to(device) if isinstance(leaf, Tensor) else leaf, values)
    )


def describe_symbols(symbols: Mapping[str, Symbol], names: Sequence[str]) -> dict[str, Symbol]:
    """Each symbol as the trace found it; the first that it does not know is taken for the batch."""
    unknown = {name: Symbol("size" if index else "batch", (2,)) for index, name in enumerate(names)}
    return {name: symbols.get(name, unknown[name]) for name in names}


def _tensors(place: Place, spec: Spec) -> Iterator[tuple[Place, TensorSpec]]:
    if isinstance(spec, TensorSpec):
        yield place, spec
    elif isinstance(spec, ContainerSpec):
        keys = map(ast.literal_eval, spec.keys) if spec.kind == "dict" else range(len(spec.items))
        for key, item in zip(keys, spec.items, strict=True):
            yield from _tensors((*place, key), item)


def _make(spec: Spec, sizes: Mapping[str, int], generator: torch.Generator, limit: int, name: str) -> Any:
    if isinstance(spec, TensorSpec):
        return _make_tensor(spec, sizes, generator, limit)
    if isinstance(spec, LiteralSpec):
        return _evaluate(spec.expression, sizes, name)
    items = [_make(item, sizes, generator, limit, name) for item in spec.items]
    if spec.kind == "dict":
        return dict(zip(map(ast.literal_eval, spec.keys), items, strict=True))
    if spec.kind in ("list", "tuple"):
        return tuple(items) if spec.kind == "tuple" else items
    advice = "Export a module whose forward takes the tensors themselves."
    raise InputsNotUsable(f"The input `{name}` is a `{spec.kind}`, which exporters do not take.", advice=advice)


def _evaluate(expression: str, sizes: Mapping[str, int], name: str) -> Any:
    try:
        return ast.literal_eval(expression)
    except ValueError:
        pass
    try:
        return eval(expression, {"torch": torch}, dict(sizes))
    except Exception as error:  # it is the user's own expression
        advice = f"Write it with torch alone, or give `--input '{name}=…'`."
        raise InputsNotUsable(f"The input `{name}={expression}` cannot be made: {error}.", advice=advice) from error


def _make_tensor(spec: TensorSpec, sizes: Mapping[str, int], generator: torch.Generator, limit: int) -> Tensor:
    shape = [size_of(dim, sizes) for dim in spec.dims]
    dtype = getattr(torch, spec.dtype or "float32", None)
    if not isinstance(dtype, torch.dtype):
        raise InputsNotUsable(f"torch has no dtype `{spec.dtype}`.", advice="Write float32, int64 or another of it.")
    if dtype.is_floating_point or dtype.is_complex:
        return torch.randn(shape, generator=generator).to(dtype)
    return torch.randint(0, 2 if dtype == torch.bool else limit, shape, generator=generator).to(dtype)
