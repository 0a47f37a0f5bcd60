"""A model with the right inputs, and what became of tracing it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, nullcontext
from dataclasses import asdict, dataclass, field
from typing import Any

import torch
from torch import nn

from pymodel.resolve.sizes import Size
from pymodel.schema import Construction, Source
from pymodel.trace.assemble import assemble
from pymodel.trace.memo import Memo
from pymodel.trace.meta import BuildMode, build
from pymodel.trace.places import Places
from pymodel.trace.probes import probe
from pymodel.trace.run import Run, run_forward

Tell = Callable[[dict[str, Any]], None]
Arguments = tuple[tuple[Any, ...], dict[str, Any]]


@dataclass(frozen=True)
class Case:
    """A model, and its arguments at a binding of the symbols, whose usual sizes are `symbols`."""

    name: str
    make: Callable[[], Any]
    arguments: Callable[[nn.Module, dict[str, int]], Arguments]
    symbols: dict[str, int] = field(default_factory=lambda: {"B": 7})


@dataclass(frozen=True)
class Group:
    """What is tried in one process: `cases` is called there."""

    name: str
    cases: Callable[[], Iterator[Case]]


@dataclass(frozen=True)
class Outcome:
    """How it went. `operations` were seen at the usual sizes; the shapes of `assumed` of them rest on an assumption.

    `eager` is what the real model on the CPU said of the same inputs where the trace failed; empty if it ran.
    """

    name: str
    ok: bool
    seconds: float
    operations: int = 0
    assumed: int = 0
    moved: tuple[str, ...] = ()
    """The symbols that could be moved from their usual sizes."""
    error: str | None = None
    stage: str = "forward"
    eager: str | None = None


_for_real = False


def making() -> AbstractContextManager[Any]:
    """Within this, examples make models and tensors: on meta, but for real where the real model is asked."""
    if _for_real:
        return nullcontext()
    stack = ExitStack()
    stack.enter_context(BuildMode())
    stack.enter_context(torch.device("meta"))
    return stack


def floats(*shape: int) -> torch.Tensor:
    return torch.rand(shape)


def whole(*shape: int) -> torch.Tensor:
    return torch.ones(shape, dtype=torch.int64)


def ask_real_models(group: Group, failed: list[str], tell: Tell) -> None:
    """Tell for each case that failed what the real model says of the same inputs."""
    global _for_real
    _for_real = True
    for case in group.cases():
        if case.name in failed:
            said = _ask(case)
            if "allocate memory" not in said:
                tell({"name": case.name, "eager": said})


def _ask(case: Case) -> str:
    binding = {name: 2 if name == "B" else size for name, size in case.symbols.items()}
    try:
        model = case.make().eval()
        args, kwargs = case.arguments(model, binding)
        with torch.no_grad():
            model(*args, **kwargs)
    except Exception as error:
        return _words(error)
    return ""


def run_case(case: Case) -> dict[str, Any]:
    """Build, run, probe and assemble, as an analysis does; an `Outcome` as JSON."""
    began = time.process_time()

    def outcome(ok: bool, **known: Any) -> dict[str, Any]:
        return asdict(Outcome(case.name, ok, round(time.process_time() - began, 3), **known))

    try:
        model = build(case.make).eval()
    except Exception as error:
        return outcome(False, error=_words(error), stage="build")

    memo = Memo()

    def start(binding: dict[str, int], frontier: bool, most: int) -> Run:
        return run_forward(
            model,
            lambda: case.arguments(model, binding),
            binding,
            frozenset(),
            frontier=frontier,
            most=most,
            memo=memo,
        )

    sizes = [Size(name, size, "batch" if name == "B" else "length", name) for name, size in case.symbols.items()]
    try:
        probes = probe(start, sizes)
    except Exception as error:
        return outcome(False, error=_words(error), stage="inputs")
    base = probes.base
    known = {"operations": len(base.operations), "assumed": sum(each.assumed for each in base.operations)}
    if base.faults:
        return outcome(False, error=f"{base.faults[0].function}: {base.faults[0].message}", **known)
    if base.error is not None:
        return outcome(False, error=_words(base.error), **known)
    try:
        construction = Construction(case.name, (), Source("pin"))
        assemble(
            target=case.name,
            mode="eval",
            model=model,
            construction=construction,
            inputs=(),
            probes=probes,
            sites=(),
            built=(),
            places=Places({}),
        )
    except Exception as error:
        return outcome(False, error=_words(error), stage="assemble", **known)
    return outcome(True, moved=tuple(name for name in case.symbols if name in probes.probed), **known)


def _words(error: BaseException) -> str:
    lines = str(error).strip().splitlines()
    return f"{type(error).__name__}: {lines[0] if lines else ''}"[:300]
