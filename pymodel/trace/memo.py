"""Asks torch each distinct question once: what a function gives for tensors of this metadata and these other arguments.

On meta tensors a function's result depends on nothing else, so a second call of the same kind is answered by a fresh
tensor of the metadata that torch itself gave the first time. Only what torch answered is ever given. An error is raised
by torch each time, and whatever could tell the difference goes to torch as well: results that alias an operand (views),
subclasses and layouts other than strided, arguments that have no value to compare, functions that are not torch's own,
functorch transforms, dispatch modes and hooks on saved tensors.

An answered tensor requires grad as torch's would, and is no leaf; but the graph behind it ends at once. Whoever walks
the graph gets `NeedsGraph`, and the run is repeated without the memo (see `run`).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from functools import cache
from typing import Any

import torch
from torch import nn

from .functions import own_functions

MAX_ANSWERS = 50_000
MAX_PARTS = 256
"""A call with more arguments than this (a table of numbers, say) is not worth remembering."""
META = torch.device("meta")

Key = tuple[Any, ...]
Tensors = list[torch.Tensor]


class Mark:
    """Tells parts of a key apart that would else be equal: `1`, `1.0` and `True`, or `f(1, 2)` and `f((1, 2))`."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __repr__(self) -> str:
        return self.name


MARKS = {name: Mark(name) for name in ("tuple", "list", "end", "slice", "keywords", "float", "true", "false", "same")}
TUPLE, LIST, END, SLICE, KEYWORDS, FLOAT, TRUE, FALSE, SAME = MARKS.values()
ATOMS = frozenset((int, str, type(None), type(...), torch.dtype, torch.layout, torch.memory_format, torch.device))
_SEQUENCES = frozenset((tuple, list, torch.Size))

_keys_of = torch._C._dispatch_keys
_creation_of = torch._C._autograd._get_creation_meta
_is_inference = torch.is_inference_mode_enabled
_count_dispatch_modes = torch._C._len_torch_dispatch_stack
_get_transform = torch._C._functorch.peek_interpreter_stack
_get_saved_hooks = torch._C._autograd._top_saved_tensors_default_hooks
_is_grad = torch.is_grad_enabled
_get_dtype = torch.get_default_dtype
_is_deterministic = torch._C._get_deterministic_algorithms
_is_autocast = torch._C._is_any_autocast_enabled
_STRIDED = _keys_of(torch.empty(0, device="meta")).raw_repr()
"""The dispatch keys of a strided meta tensor: no subclass, wrapper, lazy conjugate, sparse or quantised layout."""


class NeedsGraph(BaseException):
    """The code looks at the autograd graph, which answered tensors do not have."""


class Metadata:
    """All that a strided meta tensor is. A memo makes each one once, so they are compared by identity."""

    __slots__ = ("_source", "dtype", "name", "nbytes", "offset", "pair", "requires_grad", "shape", "stride")

    def __init__(self, described: tuple[Any, ...], requires_grad: bool) -> None:
        self.shape, self.stride, self.dtype, self.offset = described
        self.requires_grad = requires_grad
        self.name = str(self.dtype).removeprefix("torch.")
        self.nbytes = math.prod(self.shape) * self.dtype.itemsize
        self.pair: tuple[Metadata, Metadata]
        """The same without and with `requires_grad`."""
        self._source: torch.Tensor | None = None

    def make(self) -> torch.Tensor:
        """A new tensor like this. Strides with gaps or overlaps are not kept: see whether they are."""
        if self._source is None:
            self._source = torch.empty_strided(self.shape, self.stride, dtype=self.dtype, device=META)
            if self.requires_grad:
                self._source.requires_grad_().register_hook(_refuse_gradient)  # type: ignore[no-untyped-call]
        return self._source.clone()  # the cheapest way to a tensor that requires grad and is no leaf


class Output:
    """A fresh tensor that torch gave. `base`: it is a view of a tensor that nobody else has, as a linear layer's is."""

    __slots__ = ("base", "metadata")

    def __init__(self, metadata: Metadata, base: Metadata | None) -> None:
        self.metadata = metadata
        self.base = base

    def make(self) -> torch.Tensor:
        if self.base is None:
            return self.metadata.make()
        return self.base.make().as_strided(self.metadata.shape, self.metadata.stride, self.metadata.offset)


class Answer:
    """What torch said to a question: fresh tensors (`outputs`, in a `container` if there may be several), or one of the
    operands itself (`same`). Where it is neither, torch has to be asked each time; `views` is then what it gives.

    `mutated` are the operands that are written to; `pure`: no operand's metadata changed.
    """

    __slots__ = ("container", "mutated", "noted", "outputs", "pure", "same", "views")

    def __init__(self) -> None:
        self.outputs: tuple[Output | None, ...] | None = None
        self.container: Callable[[Iterable[Any]], Any] | None = None
        self.same: int | None = None
        self.views: tuple[Metadata, ...] = ()
        self.mutated: tuple[int, ...] = ()
        self.pure = False
        self.noted: Any = None
        """For the caller: whatever else depends on the question alone."""


class Memo:
    """Questions answered so far, for all runs of this process and of those forked from it."""

    def __init__(self) -> None:
        self.answers: dict[Key, Answer] = {}
        self.functions = own_functions()
        self.hits = 0
        self.misses = 0
        self._metadata: dict[tuple[Any, ...], tuple[Metadata, Metadata]] = {}

    def remember(self, key: Key, answer: Answer) -> None:
        if len(self.answers) < MAX_ANSWERS:
            self.answers[key] = answer

    def metadata(self, described: tuple[Any, ...]) -> tuple[Metadata, Metadata]:
        """The one `Metadata` of `(shape, stride, dtype, offset)`, without and with `requires_grad`."""
        pair = self._metadata.get(described)
        if pair is None:
            pair = Metadata(described, False), Metadata(described, True)
            pair[0].pair = pair[1].pair = pair
            self._metadata[described] = pair
        return pair


@cache
def shared_memo() -> Memo:
    """The one of this process. Made before any user code runs, it knows torch's functions as torch has them."""
    return Memo()


class Asker:
    """The memo's side of one run: knows the metadata of the tensors it has met, until something may change them.

    What was answered while `count_assumptions()` changed rests on an assumption of the run: it is not remembered.
    """

    def __init__(self, memo: Memo, count_assumptions: Callable[[], int] = lambda: 0) -> None:
        self.memo = memo
        self._count_assumptions = count_assumptions
        self._functions = memo.functions
        self._answers = memo.answers
        self._pairs: dict[int, tuple[Metadata, Metadata]] = {}
        self._met: Tensors = []  # their ids must not be used again

    def forget(self) -> None:
        """Something may have changed tensors out of sight."""
        self._pairs.clear()

    def ask(
        self, function: Any, args: tuple[Any, ...], kwargs: dict[str, Any], operands: Tensors
    ) -> tuple[Any, Answer | None] | None:
        """The result of a call, from torch or in its place, and what is remembered of the call.

        None, with nothing called, where what the result depends on cannot be compared. Appends the tensors among the
        arguments to `operands`. Raises what torch raises.
        """
        key = self._key(function, args, kwargs, operands)
        if key is None:
            return None
        answer = self._answers.get(key)
        if answer is None:
            return self._learn(key, function, args, kwargs, operands)
        if not answer.mutated or all(_may_be_written(operands[place]) for place in answer.mutated):
            if answer.outputs is not None:
                self.memo.hits += 1
                return self._make(answer), answer
            if answer.same is not None:
                self.memo.hits += 1
                return operands[answer.same], answer
        if answer.mutated or not answer.pure:
            self._pairs.clear()
        output = function(*args, **kwargs)
        if answer.views:
            for each, metadata in zip((output,) if answer.container is None else output, answer.views, strict=True):
                self._met.append(each)
                self._pairs[id(each)] = metadata.pair
        return output, answer

    # Questions.

    def _key(self, function: Any, args: tuple[Any, ...], kwargs: dict[str, Any], operands: Tensors) -> Key | None:
        state = _state() if function in self._functions else None
        if state is None:
            return None
        parts: list[Any] = [function, state]
        if not self._read(args, parts, operands):
            return None
        if kwargs:
            if "out" in kwargs:
                return None
            parts.append(KEYWORDS)
            for name, value in kwargs.items():
                parts.append(name)
                if not self._read((value,), parts, operands):
                    return None
        if len(parts) > MAX_PARTS:
            return None
        if len(operands) > 1:
            first: dict[int, int] = {}
            for place, each in enumerate(operands):
                first.setdefault(id(each), place)
            if len(first) < len(operands):  # code may ask whether two are one
                parts.append(SAME)
                parts += [first[id(each)] for each in operands]
        return tuple(parts)

    def _read(self, values: Iterable[Any], parts: list[Any], operands: Tensors) -> bool:
        """Append what is to be compared of each value, and the tensors. False where a value has nothing to compare."""
        for value in values:
            kind = type(value)
            if kind is torch.Tensor or kind is nn.Parameter:
                pair = self._pairs.get(id(value)) or self._meet(value)
                if pair is None:
                    return False
                parts.append(pair[value.requires_grad])
                operands.append(value)
            elif kind in ATOMS:
                parts.append(value)
            elif kind is bool:
                parts.append(TRUE if value else FALSE)
            elif kind is float:
                if value != value:
                    return False
                parts += (FLOAT, value)
            elif kind in _SEQUENCES:
                if len(value) > MAX_PARTS:
                    return False
                parts.append(LIST if kind is list else TUPLE)  # an index to `x[…]` is another thing as a list
                if not self._read(value, parts, operands):
                    return False
                parts.append(END)
            elif kind is slice:
                bounds = (value.start, value.stop, value.step)
                if not all(bound is None or type(bound) is int for bound in bounds):
                    return False
                parts.append(SLICE)
                parts += bounds
            else:
                return False
        return True

    def _meet(self, tensor: torch.Tensor) -> tuple[Metadata, Metadata] | None:
        if _keys_of(tensor).raw_repr() != _STRIDED:
            return None
        pair = self.memo.metadata((tuple(tensor.shape), tensor.stride(), tensor.dtype, tensor.storage_offset()))
        self._met.append(tensor)
        self._pairs[id(tensor)] = pair
        return pair

    def _make(self, answer: Answer) -> Any:
        assert answer.outputs is not None
        made: list[torch.Tensor | None] = []
        for each in answer.outputs:
            if each is None:
                made.append(None)
                continue
            tensor = each.make()
            self._met.append(tensor)
            self._pairs[id(tensor)] = each.metadata.pair
            made.append(tensor)
        return made[0] if answer.container is None else answer.container(made)

    # What is not known yet.

    def _learn(
        self, key: Key, function: Any, args: tuple[Any, ...], kwargs: dict[str, Any], operands: Tensors
    ) -> tuple[Any, Answer | None]:
        self.memo.misses += 1
        assumptions = self._count_assumptions()
        before = [(self._pairs[id(each)][each.requires_grad], each.is_leaf, each._version) for each in operands]
        writable = [_may_be_written(each) for each in operands]
        self._pairs.clear()
        output = function(*args, **kwargs)
        if self._count_assumptions() != assumptions:
            return output, None
        answer = Answer()
        answer.mutated = tuple(place for place, each in enumerate(operands) if each._version != before[place][2])
        answer.pure = all(
            (self._meet(each) or (None, None))[each.requires_grad] is metadata and each.is_leaf == leaf
            for each, (metadata, leaf, _) in zip(operands, before, strict=True)
        )
        if answer.pure and all(writable[place] for place in answer.mutated):
            self._describe(answer, output, operands)
        self.memo.remember(key, answer)
        return output, answer

    def _describe(self, answer: Answer, output: Any, operands: Tensors) -> None:
        """Note what torch gave, and whether fresh tensors of that metadata are as good."""
        for place, operand in enumerate(operands):
            if output is operand:
                answer.same = place
                return
        kind = type(output)
        alone = kind is torch.Tensor
        if not alone and kind not in (tuple, list) and kind.__module__ != "torch.return_types":
            return
        tensors = (output,) if alone else tuple(output)
        answer.container = None if alone else kind
        storages = {each.untyped_storage()._cdata for each in operands}
        outputs = tuple(None if each is None else self._imitate(each, storages) for each in tensors)
        if any(outputs) and all(each is None or made for each, made in zip(tensors, outputs, strict=True)):
            answer.outputs = outputs
            return
        pairs = [self._meet(each) if type(each) is torch.Tensor else None for each in tensors]
        views = tuple(pair[each.requires_grad] for pair, each in zip(pairs, tensors, strict=True) if pair is not None)
        if len(views) == len(tensors):
            answer.views = views

    def _imitate(self, tensor: Any, storages: set[int]) -> Output | None:
        """A fresh tensor; None for one that shares memory with what has `storages`, or that cannot be imitated."""
        pair = self._meet(tensor) if type(tensor) is torch.Tensor else None
        if pair is None:
            return None
        storage = tensor.untyped_storage()
        if storage._cdata in storages:
            return None
        storages.add(storage._cdata)
        base = None
        if tensor._base is not None:
            base_pair = self._meet(tensor._base)
            if base_pair is None:
                return None
            base = base_pair[tensor._base.requires_grad]
        output = Output(pair[tensor.requires_grad], base)
        return output if _traits(output.make()) == _traits(tensor) else None


def _traits(tensor: torch.Tensor) -> tuple[Any, ...]:
    """What code may see of a tensor."""
    creation = None if tensor._base is None else _creation_of(tensor)
    metadata = tensor.shape, tensor.stride(), tensor.storage_offset(), tensor.untyped_storage().nbytes()
    return (*metadata, tensor.requires_grad, tensor.is_leaf, creation)


def _may_be_written(tensor: torch.Tensor) -> bool:
    """Whether autograd has nothing to say against an operation in place."""
    return tensor._base is None and not (tensor.requires_grad and tensor.is_leaf)


def _state() -> tuple[Any, ...] | None:
    """What a function's answer depends on beside its arguments; None where user code may take part in it."""
    if (
        _is_inference()
        or _count_dispatch_modes()
        or _get_transform() is not None
        or _get_saved_hooks(False) is not None
    ):
        return None
    autocast = _is_autocast() and tuple(
        (torch.is_autocast_enabled(device), torch.get_autocast_dtype(device)) for device in ("cpu", "cuda")
    )
    return _is_grad(), _get_dtype(), _is_deterministic(), autocast


def _refuse_gradient(gradient: torch.Tensor) -> None:
    raise NeedsGraph
