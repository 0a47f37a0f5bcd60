"""One plain backward pass on meta: which parameters a gradient reaches, and whether autograd lets it through.

No memo is used here: what it answers has no graph behind it.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from ..cost.ledger import Ledger
from .assume import Assumptions, assuming
from .autocast import autocast_on_meta
from .leaves import tensors_in
from .mode import ForwardMode
from .noted import Frame
from .run import calling, without_collector

MAX_OPERATIONS = 3000


@dataclass(frozen=True)
class Cut:
    """An operation that took a gradient's path away: its name and place, and the parameters that lead only there."""

    function: str
    frame: Frame | None
    parameters: tuple[str, ...]
    values: int


@dataclass(frozen=True)
class Backward:
    """What a backward pass from all outputs told. `refused` is autograd's complaint where it did not go through."""

    cuts: tuple[Cut, ...] = ()
    refused: str | None = None


class _GraphMode(ForwardMode):
    """A run whose tensors can be asked for, with the graph behind them."""

    def tensor(self, name: str) -> torch.Tensor:
        """The tensor that has an id."""
        return self._kept[int(name[1:]) - 1]


def run_backward(
    model: nn.Module,
    arguments: Callable[[], tuple[tuple[Any, ...], dict[str, Any]]],
    binding: dict[str, int],
    files: frozenset[str],
    poll: Callable[[], None],
) -> Backward:
    """Run `model` and a backward pass from the sum of its outputs. What fails for other reasons tells nothing."""
    assumptions = Assumptions(binding)
    paths = {id(module): path for path, module in model.named_modules()}
    mode = _GraphMode(files, paths, poll, False, assumptions, Ledger(model))
    try:
        with torch.device("meta"):
            args, kwargs = arguments()
        with warnings.catch_warnings(), without_collector(), calling(mode), autocast_on_meta(), assuming(assumptions):
            warnings.simplefilter("ignore")
            with mode:
                output = model(*args, **kwargs)
    except (Exception, SystemExit):  # the run before told of it
        return Backward()
    ends = [each for each in tensors_in(output) if each.requires_grad]
    parameters = {name: each for name, each in model.named_parameters() if each.requires_grad and mode.known_id(each)}
    if not ends or not parameters or assumptions.made or len(mode.operations) > MAX_OPERATIONS:
        return Backward()
    try:
        gradients = torch.autograd.grad(
            ends, list(parameters.values()), list(map(torch.ones_like, ends)), allow_unused=True
        )
    except Exception as error:  # the kernels on meta, and functions of the user's own, raise what they like
        return Backward(refused=str(error) if "inplace operation" in str(error) else None)
    lost = [name for name, gradient in zip(parameters, gradients, strict=True) if gradient is None]
    return Backward(_find_cuts(mode, {name: parameters[name] for name in lost}))


def _find_cuts(mode: _GraphMode, lost: dict[str, nn.Parameter]) -> tuple[Cut, ...]:
    """For each parameter that no gradient reaches, the first operation on its way that gave something without one."""
    behind: dict[int, list[str]] = {}
    for name, parameter in lost.items():
        reached = {mode.id_of(parameter)}
        for index, operation in enumerate(mode.operations):
            if operation.module is not None or reached.isdisjoint(operation.inputs):
                continue
            if any(mode.tensor(each).requires_grad for each, _, _ in operation.outputs):
                reached.update(each for each, _, _ in operation.outputs)
            elif any(mode.tensor(each).requires_grad for each in operation.inputs):
                behind.setdefault(index, []).append(name)
                break
    return tuple(
        Cut(
            mode.operations[index].name,
            mode.operations[index].frame,
            tuple(names),
            sum(lost[name].numel() for name in names),
        )
        for index, names in behind.items()
    )
