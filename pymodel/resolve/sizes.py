"""The sizes of inputs that may turn out to vary, each under a name of its own until it is known what it is."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from ..discover.pins import ContainerSpec, LiteralSpec, Spec, TensorSpec
from ..schema import Dim
from .inputs import ResolvedInput, SymbolGuess

BATCH = 7
"""A batch that few other sizes are taken for."""
SPATIAL_RANKS = (4, 5)
"""Images and volumes: what follows samples and channels is space."""
WRITTEN_DOWN = frozenset(("pin", "annotation"))
"""Where inputs of these sources share a symbol, the author means them to be equal."""


@dataclass(frozen=True)
class Size:
    """One dimension of one input, or several that an expression of `symbol` ties together.

    `rank` and `place` say where it stands; `dtype` is the tensor's.
    """

    name: str
    base: int
    meaning: str
    symbol: str | None
    rank: int = 0
    place: int = 0
    dtype: str | None = None


def loosen(
    inputs: tuple[ResolvedInput, ...], guesses: Mapping[str, SymbolGuess]
) -> tuple[tuple[ResolvedInput, ...], tuple[Size, ...]]:
    """The inputs with a name for each dimension that may vary on its own, and what is known of each.

    A batch stays one size. So does a symbol that stands in an expression, in a literal, or that the author wrote down.
    Height, width and depth may vary though they came as numbers, unless the author wrote those.
    """
    sizes: dict[str, Size] = {}
    own = {name for each in inputs for name in _kept(each, guesses)}
    for name in own:
        guess = guesses[name]
        base = BATCH if guess.meaning == "batch" else guess.base
        sizes[name] = Size(name, base, guess.meaning, name)

    def loosen_symbol(dim: Dim, rank: int, place: int, dtype: str | None) -> Dim:
        if isinstance(dim, int) or dim in own or not dim.isidentifier():
            return dim
        return add(guesses[dim].base, guesses[dim].meaning, dim, rank, place, dtype)

    def loosen_dim(dim: Dim, rank: int, place: int, dtype: str | None) -> Dim:
        if isinstance(dim, int) and dim > 1 and rank in SPATIAL_RANKS and place >= 2:
            return add(dim, "size", None, rank, place, dtype)
        return loosen_symbol(dim, rank, place, dtype)

    def add(base: int, meaning: str, symbol: str | None, rank: int, place: int, dtype: str | None) -> str:
        name = f"_{len(sizes)}"
        sizes[name] = Size(name, base, meaning, symbol, rank, place, dtype)
        return name

    loosened = []
    for each in inputs:
        written = each.source.kind in WRITTEN_DOWN
        loosened.append(dataclasses.replace(each, spec=_map_dims(each.spec, loosen_symbol if written else loosen_dim)))
    ordered = sorted(sizes.values(), key=lambda size: size.meaning != "batch")
    return tuple(loosened), tuple(ordered)


def bind(inputs: tuple[ResolvedInput, ...], names: Mapping[str, Dim]) -> tuple[ResolvedInput, ...]:
    """The inputs with other names, or numbers, for their sizes."""

    def rename(dim: Dim, rank: int, place: int, dtype: str | None) -> Dim:
        return names.get(dim, dim) if isinstance(dim, str) else dim

    return tuple(dataclasses.replace(each, spec=_map_dims(each.spec, rename)) for each in inputs)


def _kept(each: ResolvedInput, guesses: Mapping[str, SymbolGuess]) -> list[str]:
    written = each.source.kind in WRITTEN_DOWN
    dims = [dim for dim in _dims_in(each.spec) if isinstance(dim, str)]
    whole = {name for name in guesses if name in dims and (written or guesses[name].meaning == "batch")}
    texts = [*(dim for dim in dims if not dim.isidentifier()), *_literals_in(each.spec)]
    return [*whole, *(name for name in guesses if any(re.search(rf"\b{name}\b", text) for text in texts))]


def _dims_in(spec: Spec) -> list[Dim]:
    if isinstance(spec, TensorSpec):
        return list(spec.dims)
    return [dim for item in spec.items for dim in _dims_in(item)] if isinstance(spec, ContainerSpec) else []


def _literals_in(spec: Spec) -> list[str]:
    if isinstance(spec, LiteralSpec):
        return [spec.expression]
    return [text for item in spec.items for text in _literals_in(item)] if isinstance(spec, ContainerSpec) else []


def _map_dims(spec: Spec, change: Callable[[Dim, int, int, str | None], Dim]) -> Spec:
    if isinstance(spec, TensorSpec):
        rank = len(spec.dims)
        dims = tuple(change(dim, rank, place, spec.dtype) for place, dim in enumerate(spec.dims))
        return dataclasses.replace(spec, dims=dims)
    if isinstance(spec, ContainerSpec):
        return dataclasses.replace(spec, items=tuple(_map_dims(item, change) for item in spec.items))
    return spec
