"""The memory that one forward keeps for its backward pass, counted operation by operation.

Each storage counts once, however many operations keep it or a view of it. Parameters and buffers are there anyway and
do not count. What is to be computed again (`torch.utils.checkpoint`) is not kept; the inputs of such a region are.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn
from torch.autograd import function as autograd_function
from torch.utils import _pytree as pytree

from .kept import Call, Place, kept_for_backward, storage_of


class Ledger:
    """Of one run. Tensors tell by `requires_grad` whether they take part in a gradient, and by their storage what they
    share memory with, so both must be as torch would have them."""

    def __init__(self, model: nn.Module) -> None:
        self._counted: dict[int, torch.UntypedStorage] = {}
        self._seen: dict[int, torch.Tensor] = {}
        self._recomputed: dict[int, torch.Tensor] = {}
        """What was made where it is computed again."""
        for tensor in (*model.parameters(), *model.buffers()):
            if not nn.parameter.is_lazy(tensor):
                self._is_new(tensor)

    def note(
        self,
        function: Any,
        name: str,
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        inputs: list[torch.Tensor],
        outputs: list[torch.Tensor],
    ) -> int:
        """Bytes that an operation keeps and that none before it kept."""
        if inputs and torch.is_grad_enabled() and _is_recomputed():
            self._recomputed.update((id(each), each) for each in outputs)
            return self._add_up([each for each in inputs if id(each) not in self._recomputed])
        return self.add(find_kept(function, name, args, kwargs, inputs, outputs), inputs, outputs)

    def add(self, kept: tuple[Place, ...], inputs: list[torch.Tensor], outputs: list[torch.Tensor]) -> int:
        """Bytes of what `find_kept` found, as far as nothing kept them before."""
        count = 0
        for kind, number in kept:
            if kind == "bytes":
                count += number
                continue
            tensor = inputs[number] if kind == "input" else outputs[number]
            if self._is_new(tensor):
                count += storage_of(tensor).nbytes()
        return count

    @contextmanager
    def watching_custom_functions(self, charge: Callable[[int], None]) -> Iterator[None]:
        """Hand the bytes that each `torch.autograd.Function` saves to `charge`: its `forward` runs without gradients,
        and it says by itself what it keeps."""
        base: Any = autograd_function._SingleLevelFunction  # where `Function.apply` finds torch's own
        context: Any = autograd_function.FunctionCtx
        apply, save = base.__mro__[1].__dict__["apply"], context.save_for_backward
        said: list[list[torch.Tensor]] = []

        def apply_and_count(cls: Any, *args: Any, **kwargs: Any) -> Any:
            said.append([])
            try:
                output = apply.__get__(None, cls)(*args, **kwargs)
            finally:
                saved = said.pop()
            inputs = [leaf for leaf in pytree.tree_leaves((args, kwargs)) if isinstance(leaf, torch.Tensor)]
            recorded = torch.is_grad_enabled() and any(each.requires_grad for each in inputs)
            if recorded and not _is_recomputed():
                charge(self._add_up(saved))
            return output

        def note_and_save(self: Any, *tensors: Any) -> None:
            if said:
                said[-1] += [tensor for tensor in tensors if isinstance(tensor, torch.Tensor)]
            save(self, *tensors)

        base.apply = classmethod(apply_and_count)
        context.save_for_backward = note_and_save
        try:
            yield
        finally:
            del base.apply
            context.save_for_backward = save

    def _add_up(self, kept: list[torch.Tensor | int] | list[torch.Tensor]) -> int:
        if not kept:
            return 0
        with torch._C.DisableTorchFunction():
            return sum(
                each if isinstance(each, int) else storage_of(each).nbytes()
                for each in kept
                if isinstance(each, int) or self._is_new(each)
            )

    def _is_new(self, tensor: torch.Tensor) -> bool:
        if id(tensor) in self._seen:  # far cheaper than to ask for its storage
            return False
        self._seen[id(tensor)] = tensor
        storage = storage_of(tensor)
        if storage._cdata in self._counted:
            return False
        self._counted[storage._cdata] = storage  # held, so that no other takes its place
        return not isinstance(tensor, nn.Parameter)  # a lazy one has its storage since a moment


def find_kept(
    function: Any,
    name: str,
    args: tuple[Any, ...],
    kwargs: dict[str, Any],
    inputs: list[torch.Tensor],
    outputs: list[torch.Tensor],
) -> tuple[Place, ...]:
    """What an operation keeps, told by place: the same for every call of the same kind."""
    if not inputs or not torch.is_grad_enabled():
        return ()
    places = {id(each): ("output", number) for number, each in enumerate(outputs)}
    places |= {id(each): ("input", number) for number, each in enumerate(inputs)}
    kept = kept_for_backward(name, Call(function, args, kwargs, inputs, outputs))
    return tuple(("bytes", each) if isinstance(each, int) else places[id(each)] for each in kept)


def _is_recomputed() -> bool:
    """Whether hooks take what autograd would keep, as those of `checkpoint` do."""
    return torch._C._autograd._top_saved_tensors_default_hooks(True) is not None
