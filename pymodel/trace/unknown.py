"""A stand-in for what a script could not make: a data set that is not there, an argument that nobody gave.

What is done with it tells what it must be: fed to a model, compared with an output. `Facts` remembers that, so that the
next pass has a tensor in its place.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from math import prod
from typing import Any

import torch

TRANSPARENT = frozenset(
    (
        *("to", "cuda", "cpu", "float", "long", "half", "bfloat16", "int", "detach", "clone", "contiguous", "type"),
        *("requires_grad_", "pin_memory", "copy_", "type_as"),
    )
)
"""Methods that give a tensor of the same shape."""
SPREAD = "__pymodel_spread__"
"""The one key of an unknown mapping in `model(**batch)`: it stands for all that the model takes."""
FLATTENING = frozenset(("view", "reshape", "flatten", "squeeze", "unsqueeze"))
"""Methods that keep the number of values."""
Shape = tuple[int, ...]


class Unsure(Exception):
    """Something unknown was asked for its truth, its size or its value."""


@dataclass
class Facts:
    """What has been found out about unknown things, by their path, at one binding of the symbols."""

    known: dict[str, tuple[Shape, torch.dtype]] = field(default_factory=dict)
    changed: bool = False
    guessed: set[str] = field(default_factory=set)
    """Those that could be of another shape just as well: a target, told by its loss alone."""
    on_use: Callable[[], None] = lambda: None
    """Called when something known takes the place of an unknown thing."""
    on_guess: Callable[[torch.Tensor], None] = lambda tensor: None
    """Called with a tensor that is guessed."""

    def forget(self) -> None:
        """Begin anew, at another binding; what is unknown stays bound to these facts."""
        self.known.clear()
        self.guessed.clear()

    def get(self, path: str) -> torch.Tensor | None:
        found = self.known.get(path)
        if found is None:
            return None
        self.on_use()
        tensor = torch.empty(found[0], dtype=found[1], device="meta")
        if path in self.guessed:
            self.on_guess(tensor)
        return tensor

    def learn(self, unknown: Unknown, shape: Shape, dtype: torch.dtype, guessed: bool = False) -> torch.Tensor:
        """Remember what `unknown` must be, or is taken to be; a tensor to go on with."""
        origin = unknown.flattens
        if origin is not None:
            alike = [
                known for known, _ in self.known.values() if prod(known) == prod(shape) and len(known) > len(shape)
            ]
            self.learn(origin, alike[0] if alike else shape, dtype, guessed)
        elif unknown.path not in self.known:
            self.known[unknown.path] = shape, dtype
            self.changed = True
            if guessed:
                self.guessed.add(unknown.path)
        return torch.empty(shape, dtype=dtype, device="meta")


class Unknown:
    """Can be passed on, taken apart and called; whatever comes of it is unknown too, or known by its path."""

    def __init__(self, path: str, facts: Facts, flattens: Unknown | None = None, owner: Unknown | None = None) -> None:
        self.path = path
        self.facts = facts
        self.flattens = flattens
        self.owner = owner

    def part(self, key: object) -> Any:
        """An item or attribute of it: a tensor if it is known by now."""
        path = f"{self.path}{key}"
        known = self.facts.get(path)
        return Unknown(path, self.facts) if known is None else known

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return Unknown(f"{self.path}.{name}", self.facts, owner=self)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        method = self.path.rpartition(".")[2]
        if self.owner is not None and method in TRANSPARENT:
            return self.owner
        if self.owner is not None and method in FLATTENING:
            return Unknown(f"{self.path}()", self.facts, flattens=self.owner.flattens or self.owner)
        return self.part("()")

    def keys(self) -> tuple[str, ...]:
        return (SPREAD,)

    def items(self) -> tuple[tuple[str, Any], ...]:
        return ((SPREAD, self),)

    def __getitem__(self, key: object) -> Any:
        if key == SPREAD:
            return self
        return self.part(f"[{key!r}]" if isinstance(key, (int, str)) else "[…]")

    def __setitem__(self, key: object, value: Any) -> None:
        """Nothing keeps it."""

    def __iter__(self) -> Iterator[Any]:
        return iter((self.part("[*]"),))

    def __next__(self) -> Any:
        return self.part("[*]")

    def __enter__(self) -> Any:
        return self

    def __exit__(self, *error: object) -> None:
        """It holds nothing."""

    def __bool__(self) -> bool:
        raise Unsure(self.path)

    __len__ = __index__ = __int__ = __float__ = __contains__ = __bool__

    def _combine(self, other: Any) -> Any:
        # A tensor's own operator knows more: it is asked next.
        return NotImplemented if isinstance(other, torch.Tensor) else self.part("'")

    __add__ = __radd__ = __sub__ = __rsub__ = __mul__ = __rmul__ = __truediv__ = __rtruediv__ = _combine
    __floordiv__ = __rfloordiv__ = __mod__ = __rmod__ = __pow__ = __rpow__ = __matmul__ = __rmatmul__ = _combine
    __lt__ = __le__ = __gt__ = __ge__ = __eq__ = __ne__ = __and__ = __or__ = _combine
    __hash__ = object.__hash__

    def __neg__(self) -> Any:
        return self.part("-")

    def __format__(self, spec: str) -> str:
        return "…"

    def __repr__(self) -> str:
        return "…"
