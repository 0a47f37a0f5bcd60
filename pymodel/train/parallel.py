"""One process or several: DDP and FSDP2 of torch.distributed, started by torchrun. Nothing here is home-made."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from typing import Any, Protocol

import torch
from torch import Tensor, nn


class Processes(Protocol):
    """What the loop must know of the processes that it is one of."""

    @property
    def count(self) -> int: ...

    @property
    def rank(self) -> int: ...

    @property
    def is_first(self) -> bool: ...

    def shard(self, model: nn.Module) -> nn.Module:
        """The model as its optimizer must know it."""

    def wrap(self, model: nn.Module) -> nn.Module:
        """The model as it is called in training."""

    def accumulate(self, module: nn.Module, goes_on: bool) -> AbstractContextManager[Any]:
        """Around a backward pass; gradients are not exchanged while more of the step's batches follow."""

    def any_of(self, flag: bool) -> bool:
        """Whether the flag is set in any process."""

    def wait(self) -> None:
        """Until all have come this far: what the first has written is there for the others then."""

    def mean(self, value: Tensor) -> Tensor:
        """Of one number of each process."""

    def gather(self, model: nn.Module, optimizer: torch.optim.Optimizer) -> tuple[dict[str, Tensor], dict[str, Any]]:
        """The whole state of both, as one process would have it."""

    def load(
        self,
        model: nn.Module,
        weights: dict[str, Tensor],
        optimizer: torch.optim.Optimizer | None = None,
        state: dict[str, Any] | None = None,
    ) -> None:
        """The other way."""


class Alone:
    """One process."""

    count = 1
    rank = 0
    is_first = True

    def shard(self, model: nn.Module) -> nn.Module:
        return model

    def wrap(self, model: nn.Module) -> nn.Module:
        return model

    def accumulate(self, module: nn.Module, goes_on: bool) -> AbstractContextManager[Any]:
        return nullcontext()

    def any_of(self, flag: bool) -> bool:
        return flag

    def wait(self) -> None:
        return None

    def mean(self, value: Tensor) -> Tensor:
        return value

    def gather(self, model: nn.Module, optimizer: torch.optim.Optimizer) -> tuple[dict[str, Tensor], dict[str, Any]]:
        return model.state_dict(), optimizer.state_dict()

    def load(
        self,
        model: nn.Module,
        weights: dict[str, Tensor],
        optimizer: torch.optim.Optimizer | None = None,
        state: dict[str, Any] | None = None,
    ) -> None:
        model.load_state_dict(weights)
        if optimizer is not None and state is not None:
            optimizer.load_state_dict(state)
