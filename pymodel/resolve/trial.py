"""What a trial run of a model told: the data that the oracle judges and repairs by."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from torch import nn

Shape = tuple[int, ...]


@dataclass(frozen=True)
class Failure:
    """What ended a trial: the exception, and the torch function that raised it with its operands' shapes (empty where
    Python itself did)."""

    cause: BaseException
    function: str = ""
    operands: tuple[Shape, ...] = ()
    arguments: tuple[Any, ...] = ()
    """All arguments of that function, tensors as their shapes."""

    @property
    def message(self) -> str:
        return str(self.cause)


@dataclass(frozen=True)
class Attempt:
    """How a trial run went: the shapes that came out, how many operations it got through, and what ended it."""

    output_shapes: tuple[Shape, ...]
    progress: int
    failure: Failure | None = None

    @property
    def error(self) -> str | None:
        """The failure in one line of words, None for a run that reached its end."""
        if self.failure is None:
            return None
        words = self.failure.message.strip().splitlines()
        return words[0] if words else type(self.failure.cause).__name__

    @property
    def failed_on(self) -> Shape | None:
        """The shape of the first operand of the operation that failed."""
        return self.failure.operands[0] if self.failure and self.failure.operands else None


@dataclass(frozen=True)
class Engine:
    """How to run what the oracle wants to try, so that it knows nothing of tracing: `build` makes a model from its
    construction, all on meta; `values` evaluates other code with large tensors on meta; `attempt` runs a model once."""

    build: Callable[[Callable[[], Any]], nn.Module]
    values: Callable[[Callable[[], Any]], Any]
    attempt: Callable[[nn.Module, tuple[Any, ...], dict[str, Any]], Attempt]
