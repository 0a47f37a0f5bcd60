"""One run of a model's `forward` on meta tensors, and all that it told."""

from __future__ import annotations

import gc
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from ..cost.ledger import Ledger
from . import kernels as kernels  # registers what a run on meta needs
from .absent import standing_in
from .assume import UNKNOWN_SIZE, Assumptions, assuming
from .autocast import autocast_on_meta
from .devices import Mix, home_of
from .leaves import tensors_in
from .memo import Asker, Memo, NeedsGraph
from .mode import NO_LIMIT, ForwardMode, TooManyCalls
from .noted import Fault, Frame, OperationSeen, dtype_name
from .recorder import Recorder, Seen, recording
from .refusals import refusing
from .unsupported import unsupported

CERTAIN = (AttributeError, NameError, TypeError, ImportError, PermissionError, SystemExit, KeyboardInterrupt)
"""Errors that do not depend on the sizes and values that were assumed."""
MAX_TURNED = 6
"""So many choices are turned, one after the other, in search of a run that goes on."""


@dataclass
class Run:
    """What happened at one binding of the symbols, the unknown sizes (`unknown`) among them.

    `error` is what ended `forward` early, with its user frame.
    """

    binding: dict[str, int]
    events: list[tuple[int, Seen]]
    operations: list[OperationSeen]
    faults: list[Fault]
    input_ids: list[list[tuple[str, tuple[int, ...], str]]]
    outputs: list[tuple[str, tuple[int, ...], str]]
    unknown: dict[str, int]
    numbers: frozenset[str]
    choices: tuple[bool, ...]
    assumed: bool
    calls: int
    """Functions of torch that were called."""
    error: BaseException | None
    error_frame: Frame | None
    mixes: list[Mix]
    home: str | None
    doubtful: bool
    """What ended it rests on assumptions: it is no fault of the code's."""

    @property
    def is_good(self) -> bool:
        return self.error is None and not self.faults


_modes: list[ForwardMode] = []
_original_call = nn.Module.__call__


def _call_module(module: nn.Module, *args: Any, **kwargs: Any) -> Any:
    if _modes:
        mode = _modes[-1]
        path = mode.paths.get(id(module))
        if path or (path is not None and len(mode.stack) > 1):
            return mode.call_module(_original_call, module, path, args, kwargs)
    return _original_call(module, *args, **kwargs)


@contextmanager
def watching_modules() -> Iterator[None]:
    """Calls of modules can be seen while this lasts. Best around many runs: each change of `nn.Module` makes Python
    look up all attributes of all its subclasses anew."""
    before = nn.Module.__call__
    nn.Module.__call__ = _call_module  # type: ignore[method-assign]
    try:
        yield
    finally:
        nn.Module.__call__ = before  # type: ignore[method-assign]


@contextmanager
def calling(mode: ForwardMode) -> Iterator[None]:
    """Calls of the submodules that `mode` knows go through it while this lasts."""
    _modes.append(mode)
    try:
        if nn.Module.__call__ is _call_module:
            yield
        else:
            with watching_modules():
                yield
    finally:
        _modes.pop()


@contextmanager
def without_collector() -> Iterator[None]:
    """Nearly all that a run makes lives as long as the run: looking for garbage in between is a sixth of its time, and
    half of the time in which modules are read and loaded."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


def run_forward(
    model: nn.Module,
    arguments: Callable[[], tuple[tuple[Any, ...], dict[str, Any]]],
    binding: dict[str, int],
    files: frozenset[str],
    *,
    record: bool = True,
    frontier: bool = True,
    most: int = NO_LIMIT,
    poll: Callable[[], None] = lambda: None,
    memo: Memo | None = None,
) -> Run:
    """Run `model` on the arguments that `arguments()` makes. Never raises for what the user's code does: faults and
    the error that ended the run are in the answer. Cancellation, a BaseException, passes through, and so does
    `TooManyCalls`, where more than `most` functions of torch are called.

    With a `memo` the answer is the same and comes sooner. Where the run fails and something was assumed before, other
    assumptions are tried: code that checks its values goes on where they are as it wants them.
    """

    def once(choices: Sequence[bool], binding: dict[str, int]) -> Run:
        for each in (memo, None) if memo is not None else (None,):
            run = _run_once(model, arguments, binding, choices, files, record, frontier, most, poll, each)
            if run is not None:
                return run
        raise AssertionError("without a memo there always is a run")

    run = once((), binding)
    return run if run.is_good or not run.assumed else _assume_otherwise(run, once, binding)


def _assume_otherwise(
    first: Run, once: Callable[[Sequence[bool], dict[str, int]], Run], binding: dict[str, int]
) -> Run:
    """The run that gets furthest when the last choices before a failure are turned, then when all numbers are sizes."""
    best, choices = first, list(first.choices)
    for _ in range(MAX_TURNED):
        if best.is_good or not choices:
            break
        attempt = once((*choices[:-1], not choices[-1]), binding)
        if attempt.is_good or len(attempt.operations) > len(best.operations):
            best, choices = attempt, list(attempt.choices)
        else:
            choices.pop()
    if not best.is_good and best.unknown:
        alike = {name: UNKNOWN_SIZE for name in best.unknown if name not in binding}
        attempt = once(best.choices, {**binding, **alike})
        best = attempt if attempt.is_good else best
    return best


def _run_once(
    model: nn.Module,
    arguments: Callable[[], tuple[tuple[Any, ...], dict[str, Any]]],
    binding: dict[str, int],
    choices: Sequence[bool],
    files: frozenset[str],
    record: bool,
    frontier: bool,
    most: int,
    poll: Callable[[], None],
    memo: Memo | None,
) -> Run | None:
    """One run; None where it cannot be had with a memo."""
    paths = {id(module): path for path, module in model.named_modules()}
    assumptions = Assumptions(binding, choices)
    ledger = Ledger(model)
    asker = None if memo is None else Asker(memo, lambda: assumptions.asked)
    mode = ForwardMode(files, paths, poll, frontier, assumptions, ledger, asker, most)
    recorder = Recorder(mode.device_of, assumptions.is_assumed, mode.known_id)
    error: BaseException | None = None
    frame: Frame | None = None
    output: Any = None
    doubtful = False
    with torch.device("meta"):
        args, kwargs = arguments()
    mode.home = home_of(model)
    for tensor in tensors_in(args, kwargs):
        mode.take_input(tensor)
    input_ids = [_tensors(mode, value) for value in (*args, *kwargs.values())]
    try:
        with (
            warnings.catch_warnings(),
            without_collector(),
            calling(mode),
            autocast_on_meta(),
            refusing(mode),
            assuming(assumptions),
            standing_in(mode),
            ledger.watching_custom_functions(mode.charge),
            mode,
        ):
            warnings.simplefilter("ignore")
            if record:
                with recording(recorder):
                    output = model(*args, **kwargs)
            else:
                output = model(*args, **kwargs)
    except (Exception, SystemExit, KeyboardInterrupt) as caught:
        error, frame = unsupported(caught) or caught, raising_frame(caught, files)
        doubtful = not isinstance(caught, CERTAIN) and (assumptions.everything or assumptions.decides(mode.given))
    except NeedsGraph:
        return None
    if mode.calls > most:
        raise TooManyCalls  # user code caught it all the same
    if memo is not None and mode.needs_graph:
        return None
    return Run(
        {**binding, **assumptions.unknown},
        recorder.events,
        mode.operations,
        mode.faults,
        input_ids,
        _tensors(mode, output),
        assumptions.unknown,
        frozenset(assumptions.numbers),
        tuple(assumptions.choices),
        assumptions.made > 0,
        mode.calls,
        error,
        frame,
        mode.mixes,
        mode.home,
        doubtful,
    )


def _tensors(mode: ForwardMode, value: Any) -> list[tuple[str, tuple[int, ...], str]]:
    with torch._C.DisableTorchFunction():
        return [(mode.id_of(tensor), tuple(tensor.shape), dtype_name(tensor.dtype)) for tensor in tensors_in(value)]


def raising_frame(error: BaseException, files: frozenset[str]) -> Frame | None:
    """The innermost frame of the user's files in an error's traceback."""
    found: Frame | None = None
    traceback = error.__traceback__
    while traceback is not None:
        if traceback.tb_frame.f_code.co_filename in files:
            found = traceback.tb_frame.f_code, traceback.tb_lasti
        traceback = traceback.tb_next
    return found
