"""Out of memory: told by module, and the largest part of a batch that fits."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor, nn

SHOWN = 6


def is_out_of_memory(error: BaseException) -> bool:
    words = str(error).lower()
    return (
        isinstance(error, (MemoryError, torch.OutOfMemoryError))
        or type(error).__name__ == "OutOfMemoryError"
        or (isinstance(error, RuntimeError) and ("can't allocate memory" in words or "out of memory" in words))
    )


def release_memory() -> None:
    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()


@torch.no_grad()
def describe_memory(model: nn.Module, optimizer: torch.optim.Optimizer, run: Callable[[], Any], examples: int) -> str:
    """What fills the memory, the largest module first: its weights, gradients and optimizer state, and the outputs of
    its own layers for a batch of `examples`. `run` runs the model on one example."""
    outputs: dict[str, int] = {}

    def note(path: str) -> Callable[[nn.Module, Any, Any], None]:
        return lambda module, inputs, output: outputs.__setitem__(path, outputs.get(path, 0) + _bytes_of([output]))

    leaves = [(path, module) for path, module in model.named_modules() if not list(module.children())]
    hooks = [module.register_forward_hook(note(path)) for path, module in leaves]
    try:
        run()
    finally:
        for hook in hooks:
            hook.remove()
    rows = []
    for path, module in leaves:
        own = list(module.parameters(recurse=False))
        moving = [each for each in own if each.requires_grad]
        state = [value for each in moving for value in optimizer.state.get(each, {}).values()]
        rows.append(
            (
                _bytes_of(own) + _bytes_of(moving) + _bytes_of(state),
                outputs.get(path, 0) * examples,
                path or "the model",
            )
        )
    rows.sort(key=lambda row: row[0] + row[1], reverse=True)
    words = [
        f"{path}: {_show(held)} of weights, gradients and optimizer state, {_show(made)} of outputs"
        for held, made, path in rows
    ]
    return "; ".join(words[:SHOWN])


def _bytes_of(values: Iterable[Any]) -> int:
    total = 0
    for value in values:
        if isinstance(value, Tensor):
            total += value.numel() * value.element_size()
        elif isinstance(value, (tuple, list)):
            total += _bytes_of(value)
    return total


def _show(count: float) -> str:
    units = ["B", "KiB", "MiB", "GiB", "TiB"]
    while count >= 1024 and len(units) > 1:
        count, units = count / 1024, units[1:]
    return f"{count:.3g} {units[0]}"
