"""What a run takes for granted where the code asks for the values of tensors: on meta there are none.

Three kinds. A size that depends on values (`x[x > 0]`) and a number read from a tensor (`lengths.max().item()`) are
*unknown*: each is a symbol `u0`, `u1`… with some number in one run and others in the probes. A truth value
(`if mask.any()`) is *chosen*: whatever follows could have gone the other way. What depends on any of them is assumed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch.utils import _pytree as pytree

from .assumed_numbers import AssumedFloat, AssumedInt, assumed_number
from .constants import Constants

UNKNOWN_SIZE = 5
"""How many elements are taken where values decide; the same for all, as two that must agree often do."""
UNKNOWN_NUMBER = 1
"""What is read from a tensor of numbers: also a valid index nearly everywhere."""
MAX_UNKNOWN = 64
MAX_PROBED = 3
"""So many unknown sizes become symbols; others are shown as the number that was taken."""
VALUE_READERS = frozenset(
    (
        *("item", "tolist", "__bool__", "__int__", "__float__", "__index__", "__complex__", "__contains__"),
        *("equal", "allclose", "is_nonzero", "numpy", "__array__"),
    )
)
"""Functions that answer with values, not with tensors."""
TRUTHS = frozenset(("__bool__", "__contains__", "equal", "allclose", "is_nonzero"))
_ARGUMENTS_TELL_SHAPE = frozenset(("new_zeros", "new_ones", "new_full", "new_empty", "new_tensor", "expand", "view"))
_FIRST_TELLS_SHAPE = frozenset(
    (
        *("scatter", "scatter_add", "scatter_reduce", "index_add", "index_copy", "index_fill", "index_put"),
        *("masked_scatter", "index_reduce", "slice_scatter", "select_scatter"),
    )
)
_LOSSES = frozenset(("cross_entropy", "nll_loss", "binary_cross_entropy", "binary_cross_entropy_with_logits"))
"""Losses whose shape their first argument tells."""
_FIRST_SHAPES_FIRST_ALONE = frozenset(("_pack_padded_sequence", "lstm", "gru", "rnn_tanh", "rnn_relu"))
"""Functions whose first argument tells the shape of their first result only: rows of a packed sequence."""
_DO_NOT_FIT = ("broadcast", "must match the size", "must match the existing size")


class Assumptions:
    """The assumptions of one run. `asked` grows whenever a value is asked for, known or not: a call during which it
    changed is not to be remembered."""

    def __init__(self, given: Mapping[str, int] | None = None, choices: Sequence[bool] = ()) -> None:
        self.asked = 0
        self.made = 0
        self.everything = False
        """A branch was taken on an assumed value: from here on all is assumed."""
        self.unknown: dict[str, int] = {}
        self.numbers: set[str] = set()
        """Those of `unknown` that are numbers read from tensors."""
        self.choices: list[bool] = []
        self.constants = Constants()
        self._given = given or {}
        self._wanted = tuple(choices)
        self._counts: dict[tuple[int, int], int] = {}
        self._assumed: set[int] = set()
        self._kept: list[torch.Tensor] = []

    def known(self, tensor: torch.Tensor) -> torch.Tensor | None:
        """The values of a tensor that do not depend on inputs or weights, on the CPU."""
        self.asked += 1
        return self.constants.value(tensor)

    # Assuming.

    def size(self, limit: int, smallest: int = 0) -> int:
        """A size of which only the bounds are known."""
        return self._new_unknown(UNKNOWN_SIZE, smallest, max(limit, smallest))

    def count_true(self, mask: torch.Tensor) -> int:
        """How many elements of a tensor are not zero: the same number whenever the same tensor is asked for."""
        known = self.known(mask)
        if known is not None:
            return int(known.count_nonzero())
        key = (id(mask), mask._version)
        if key not in self._counts:
            self._kept.append(mask)  # its id() must not be used again while the run lasts
            self._counts[key] = self.size(mask.numel())
        self.assume()
        return self._counts[key]

    def choose(self) -> bool:
        """The truth of something that only values decide."""
        at = len(self.choices)
        self.choices.append(self._wanted[at] if at < len(self._wanted) else False)
        self.branched()
        return self.choices[at]

    def branched(self) -> None:
        self.assume()
        self.everything = True

    def assume(self) -> None:
        """Note that what the call under way gives is assumed."""
        self.asked += 1
        self.made += 1

    def scalar(self, tensor: torch.Tensor) -> int | float | complex | bool:
        """What a tensor of one element holds."""
        known = self.known(tensor)
        if known is not None and known.numel() == 1:
            with torch._C.DisableTorchFunction():
                return known.item()
        return self._assumed_scalar(tensor.dtype)

    def _assumed_scalar(self, dtype: torch.dtype) -> int | float | complex | bool:
        if dtype == torch.bool:
            return self.choose()
        if dtype.is_complex:
            self.branched()
            return 1 + 0j
        # A number loses its mark on many ways (`int()`, `range()`): only runs at others tell then what rests on it.
        if len(self.unknown) >= MAX_PROBED:
            self.everything = True
        number = self._new_unknown(UNKNOWN_NUMBER, 0, 1 << 30)
        self.numbers.add(f"u{len(self.unknown) - 1}")
        return assumed_number(float(number) if dtype.is_floating_point else number, self.branched)

    def read(self, function: Any, name: str, args: tuple[Any, ...]) -> Any:
        """What one of the `VALUE_READERS` gives: the truth, where its tensors' values are known."""
        known = [self.known(each) if isinstance(each, torch.Tensor) else each for each in args]
        if not any(each is None for each in known):
            with torch._C.DisableTorchFunction():
                return function(*known)
        if name in TRUTHS:
            return self.choose()
        tensor: torch.Tensor = args[0]
        if name in ("numpy", "__array__"):
            self.branched()  # an array's way is not followed
            with torch._C.DisableTorchFunction():
                return torch.zeros(tensor.shape, dtype=tensor.dtype, device="cpu").numpy()
        number = self._assumed_scalar(tensor.dtype)
        if name == "tolist":
            return _nested(number, tuple(tensor.shape))
        convert = {"__int__": int, "__index__": int, "__float__": float, "__complex__": complex}.get(name)
        if convert is None or isinstance(number, convert):
            return number
        converted = convert(number)
        return assumed_number(converted, self.branched) if isinstance(converted, (int, float)) else converted

    def _new_unknown(self, usual: int, smallest: int, largest: int) -> int:
        self.assume()
        if len(self.unknown) >= MAX_UNKNOWN:
            self.everything = True
            return min(max(usual, smallest), largest)
        name = f"u{len(self.unknown)}"
        self.unknown[name] = min(max(self._given.get(name, usual), smallest), largest)
        return self.unknown[name]

    # What depends on it.

    def doubt(self, tensors: Sequence[torch.Tensor]) -> None:
        """Take the shapes of tensors for assumed; the caller keeps them alive."""
        self.made += len(tensors)
        self._assumed.update(map(id, tensors))

    def is_assumed(self, tensor: torch.Tensor) -> bool:
        return self.everything or id(tensor) in self._assumed

    def follow(self, name: str, given: tuple[tuple[Any, ...], dict[str, Any]], output: Any, made_before: int) -> bool:
        """Mark the outputs of a call whose shapes rest on an assumption; whether any do.

        The caller keeps the outputs alive: they are known by their `id()`.
        """
        arguments = pytree.tree_leaves(given)
        deciding = arguments[:1] if name in _FIRST_TELLS_SHAPE or name in _LOSSES else arguments
        if name in _ARGUMENTS_TELL_SHAPE:
            deciding = arguments[1:]
        if self.made == made_before and not any(map(self._decides, deciding)):
            return self.everything
        made = [leaf for leaf in pytree.tree_leaves(output) if isinstance(leaf, torch.Tensor)]
        # What was done in place has the shape it had.
        new = [tensor for tensor in made if not any(tensor is each for each in arguments)]
        if name in _FIRST_SHAPES_FIRST_ALONE and not any(map(self._decides, arguments[1:])):
            new = new[:1]
        self._assumed.update(map(id, new))
        return self.everything or bool(new)

    def decides(self, given: Any) -> bool:
        """Whether an unknown size or number is among the arguments of a call."""
        return bool(self.made) and any(map(self._decides, pytree.tree_leaves(given)))

    def _decides(self, value: Any) -> bool:
        if isinstance(value, torch.Tensor):
            return id(value) in self._assumed
        if isinstance(value, slice):
            return any(isinstance(each, AssumedInt) for each in (value.start, value.stop, value.step))
        return isinstance(value, (AssumedInt, AssumedFloat))


_active: list[Assumptions] = []


@contextmanager
def assuming(assumptions: Assumptions) -> Iterator[None]:
    """Kernels on meta ask `assumptions` for what they cannot know while this lasts (see `kernels`)."""
    _active.append(assumptions)
    try:
        yield
    finally:
        _active.pop()


def active_assumptions() -> Assumptions:
    """Those of the run that is under way.

    Raises:
        NotImplementedError: there is none; the words are torch's own for a meta tensor without data.
    """
    if not _active:
        raise NotImplementedError("Cannot copy out of meta tensor; no data!")
    return _active[-1]


def _nested(value: Any, shape: tuple[int, ...]) -> Any:
    return [_nested(value, shape[1:]) for _ in range(shape[0])] if shape else value


def fitting_output(name: str, args: Sequence[Any], message: str) -> Any:
    """What a call gives that failed only because assumed sizes do not fit each other, if that can be said."""
    tensors = [each for each in args if isinstance(each, torch.Tensor)]
    if not tensors:
        return None
    if name.endswith("_") and not name.endswith("__"):
        return tensors[0]
    if name in ("split", "split_with_sizes") and len(args) > 1 and isinstance(args[1], (list, tuple)):
        dim = args[2] if len(args) > 2 else 0
        return tuple(torch.tensor_split(tensors[0], len(args[1]), dim=dim))
    if any(words in message for words in _DO_NOT_FIT):
        widest = max(tensors, key=lambda each: (each.dim(), each.numel()))
        return tensors[0] if name.startswith("__i") else torch.empty_like(widest)
    return None
