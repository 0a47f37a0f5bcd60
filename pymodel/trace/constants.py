"""Values that are known though tensors are on meta: those that code made from nothing but sizes and numbers.

`torch.arange(T)`, a causal mask or the sizes of a pyramid's levels hold the same in every run. How each was made is
kept, not what it holds; that is worked out on the CPU when the code asks for it, so that sizes and branches which rest
on it are as certain as any other.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch.utils import _pytree as pytree
from torch.utils._device import _device_constructors

from .devices import carry

LARGEST = 1 << 16
"""No value of more elements than this is worked out."""
KNOWN_VALUE = "_pymodel_value"
"""The attribute of a tensor on meta that holds what it held before it was moved there."""
_UNPREDICTABLE = ("rand", "empty", "bernoulli", "multinomial", "normal", "dropout", "poisson", "new_empty")
_SAME_FOR_ANY_INPUT: dict[str, Callable[..., torch.Tensor]] = {
    "zeros_like": torch.zeros,
    "ones_like": torch.ones,
    "new_zeros": torch.zeros,
    "new_ones": torch.ones,
}
_IN_PLACE = re.compile(
    r"(?!_).*[^_]_$|__setitem__|__i(add|sub|mul|truediv|floordiv|pow|mod|and|or|xor|lshift|rshift)__"
)
_MOVES = frozenset(
    (
        *("to", "cpu", "cuda", "type", "type_as", "float", "double", "half", "bfloat16", "int", "long", "bool"),
        *("contiguous", "detach", "clone"),
    )
)
"""What changes neither sizes nor, but for rounding, values."""


@dataclass(frozen=True)
class _Recipe:
    """A call that makes a value, and which of the tensors in its answer it is."""

    function: Callable[..., Any]
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    place: int


class Constants:
    """What is known in one run. The caller keeps the tensors alive: they are known by their `id()`."""

    def __init__(self) -> None:
        self._recipes: dict[int, _Recipe] = {}
        self._values: dict[int, torch.Tensor | None] = {}
        self._moved_are_known = True

    def note(self, function: Any, name: str, args: tuple[Any, ...], kwargs: dict[str, Any], output: Any) -> None:
        """Remember how the tensors of `output` were made, if from what is known."""
        if "out" in kwargs:
            self.forget()
            return
        first = args[0] if args else None
        if isinstance(first, torch.Tensor) and not self._knows(first):
            if name in _SAME_FOR_ANY_INPUT and isinstance(output, torch.Tensor) and output.numel() <= LARGEST:
                shape = tuple(output.shape)
                self._add(output, _Recipe(_SAME_FOR_ANY_INPUT[name], (shape,), {"dtype": output.dtype}, 0))
            return
        tensors = [leaf for leaf in pytree.tree_leaves((args, kwargs)) if isinstance(leaf, torch.Tensor)]
        if not tensors and function not in _device_constructors():
            return
        made = [leaf for leaf in pytree.tree_leaves(output) if isinstance(leaf, torch.Tensor)]
        if _IN_PLACE.match(name) or (name not in _MOVES and any(new is old for new in made for old in tensors)):
            if any(map(self._knows, tensors)):
                self.forget()
            return
        if name.startswith(_UNPREDICTABLE) or not all(map(self._knows, tensors)):
            return
        for place, tensor in enumerate(made):
            if tensor.numel() > LARGEST or tensor is first:
                continue
            if name in _MOVES:
                self._add(tensor, _Recipe(torch.Tensor.to, (first, tensor.dtype), {}, 0))
            else:
                self._add(tensor, _Recipe(function, args, kwargs, place))

    def forget(self) -> None:
        """Something known was written to: what else looks at the same memory is not followed."""
        self._recipes.clear()
        self._values.clear()
        self._moved_are_known = False

    def value(self, tensor: torch.Tensor) -> torch.Tensor | None:
        """What a tensor on meta would hold, on the CPU; None where that is not known."""
        if id(tensor) not in self._recipes:
            return getattr(tensor, KNOWN_VALUE, None) if self._moved_are_known else None
        if id(tensor) not in self._values:
            self._values[id(tensor)] = self._work_out(self._recipes[id(tensor)], tensor)
        return self._values[id(tensor)]

    def _add(self, tensor: torch.Tensor, recipe: _Recipe) -> None:
        self._recipes[id(tensor)] = recipe
        self._values.pop(id(tensor), None)

    def _knows(self, tensor: torch.Tensor) -> bool:
        return id(tensor) in self._recipes or (self._moved_are_known and hasattr(tensor, KNOWN_VALUE))

    def _work_out(self, recipe: _Recipe, like: torch.Tensor) -> torch.Tensor | None:
        def real(value: Any) -> Any:
            if not isinstance(value, torch.Tensor):
                return value
            known = self.value(value)
            if known is None:
                raise _Unknown
            return known

        try:
            args, kwargs = pytree.tree_map(real, (recipe.args, recipe.kwargs))
            if recipe.function in _device_constructors() or "device" in kwargs:
                kwargs["device"] = "cpu"
            with torch._C.DisableTorchFunction(), torch.no_grad():
                made = pytree.tree_leaves(recipe.function(*args, **kwargs))
            found = [leaf for leaf in made if isinstance(leaf, torch.Tensor)][recipe.place]
        except (_Unknown, RuntimeError, TypeError, ValueError, IndexError, NotImplementedError):
            return None  # it is made in a way that cannot be repeated here
        return found if found.shape == like.shape and found.dtype == like.dtype else None


class _Unknown(Exception):
    """A part of a recipe is not known."""


def move_knowing(tensor: torch.Tensor) -> torch.Tensor:
    """A tensor on meta in the place of a real one, whose value stays known if it is no parameter and not large."""
    moved = tensor.detach().to("meta")
    if not isinstance(tensor, torch.nn.Parameter) and tensor.numel() <= LARGEST and tensor.device.type == "cpu":
        setattr(moved, KNOWN_VALUE, tensor.detach())
    return carry(tensor, moved)
