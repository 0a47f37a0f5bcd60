"""The first loss that is not finite: a forked copy of the process runs the step's forward pass again and finds where it
came from, while the script goes on."""

from __future__ import annotations

import json
import os
import random
import signal
import threading
import time
import warnings
import weakref
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from ..runs import to_number
from ..schema import NonFinite, dumps, from_json
from .forward_check import ForwardCheck, judge
from .frames import Place
from .models import Model
from .sites import find_loss_line, read_source

if TYPE_CHECKING:
    from .recorder import Recorder

MAX_SECONDS = 60.0
"""That the second run may take."""
COUNTED = 3
"""Forward passes after which it is known what a module counts."""
BATCH = "nonfinite.pt"


@dataclass
class Forward:
    """What the last forward pass of a model began with."""

    model: weakref.ref[nn.Module]
    name: str
    arguments: tuple[Any, ...]
    keywords: dict[str, Any]
    random: Tensor
    counts: list[tuple[nn.Module, str, Any]]


class ForwardKeeper:
    """Keeps what a model's last forward pass began with. Its tensors are kept without their history."""

    def __init__(self, recorder: Recorder) -> None:
        self._recorder = recorder
        self._last: Forward | None = None
        self._watched: set[int] = set()
        self.folder: Path | None = None
        """Where the search leaves what it finds; None until there is a run's folder."""
        self.save_batch = False
        self.found: NonFinite | None = None
        self._search: tuple[int, float] | None = None

    def watch(self, models: list[Model]) -> None:
        for model in models:
            module = model.reference()
            if module is not None and id(module) not in self._watched:
                self._watched.add(id(module))
                keep = self._recorder.guard.wrap("the first NaN", _Keeping(self, model.described.name))
                module.register_forward_pre_hook(keep, with_kwargs=True)

    def keep(self, forward: Forward) -> None:
        self._last = forward

    def on_nonfinite(self, step: int, value: float, loss: Tensor, place: Place) -> None:
        """The first time: search for where it came from."""
        if self.found is not None:
            return
        path, line = (place[0][0].co_filename, place[0][1]) if place else (None, None)
        if path is not None and line is not None:
            line = find_loss_line(read_source(path), line) or line
        self.found = NonFinite(
            step, to_number(value), f"The loss of step {step} is {to_number(value)}.", None, None, path, line
        )
        self._last, forward = None, self._last
        why = self._why_not(forward)
        if why:
            self.found = replace(self.found, words=f"{self.found.words} {why}")
        elif forward is not None and self.folder is not None:
            self._fork(forward, loss, self.folder)

    def collect(self, *, at_end: bool = False) -> None:
        """On the writer's thread: what the search has found, once it has ended."""
        if self._search is None or self.found is None or self.folder is None:
            return
        pid, begun = self._search
        while True:
            ended, _ = _wait(pid)
            if ended:
                break
            if time.monotonic() - begun > MAX_SECONDS:
                os.kill(pid, signal.SIGKILL)
            elif not at_end:
                return
            threading.Event().wait(0.02)
        self._search = None
        answer = self.folder / f"nonfinite.{self._recorder.rank}.json"
        try:
            self.found = from_json(NonFinite, json.loads(answer.read_bytes()))
            answer.unlink()
        except (OSError, ValueError) as error:
            words = f"{self.found.words} The search for where it came from ended without an answer ({error})."
            self.found = replace(self.found, words=words)

    def _why_not(self, forward: Forward | None) -> str:
        if not hasattr(os, "fork"):
            return "Where it came from is not known: without fork a second run could change the script's own."
        if torch.cuda.is_initialized():  # type: ignore[no-untyped-call]
            return "Where it came from is not known: a second run on the device could change the script's."
        if forward is None or forward.model() is None:
            return "Where it came from is not known: no forward pass of a trained model was seen before it."
        return ""

    def _fork(self, forward: Forward, loss: Tensor, folder: Path) -> None:
        assert self.found is not None
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # that other threads run: the child needs none of them
            pid = os.fork()
        if pid:
            self._search = (pid, time.monotonic())
            return
        try:
            _silence()
            answer = search(forward, self.found, loss)
            if self.save_batch:
                save_batch(forward, self.found.step, folder / BATCH)
                answer = replace(answer, batch=BATCH)
            path = folder / f"nonfinite.{self._recorder.rank}.json"
            path.write_text(dumps(answer), encoding="utf-8")
        finally:
            os._exit(0)


class _Keeping:
    """A model's forward pre-hook."""

    def __init__(self, keeper: ForwardKeeper, name: str) -> None:
        self._keeper = keeper
        self._name = name
        self._passes: list[dict[tuple[int, str], Any]] = []
        self._counts: list[tuple[nn.Module, str]] | None = None

    def __call__(self, module: nn.Module, arguments: tuple[Any, ...], keywords: dict[str, Any]) -> None:
        if not torch.is_grad_enabled() or self._keeper.found is not None:
            return
        if self._counts is None:
            self._learn_counts(module)
        counts = [(each, name, each.__dict__.get(name)) for each, name in self._counts or ()]
        kept = (detach(arguments), detach(keywords))
        self._keeper.keep(Forward(weakref.ref(module), self._name, *kept, torch.get_rng_state(), counts))

    def _learn_counts(self, module: nn.Module) -> None:
        """Numbers that a module changes from one pass to the next (`self.calls += 1`), to be set back for another."""
        modules = {id(each): each for each in module.modules()}
        now = {
            (key, name): value
            for key, each in modules.items()
            for name, value in each.__dict__.items()
            if type(value) in (int, float)
        }
        self._passes.append(now)
        if len(self._passes) == COUNTED:
            first = self._passes[0]
            moved = {key for later in self._passes[1:] for key, value in later.items() if first.get(key) != value}
            self._counts = [(modules[key], name) for key, name in moved if key in modules]
            self._passes.clear()


def search(forward: Forward, known: NonFinite, loss: Tensor | None) -> NonFinite:
    """Run the forward pass again as it began, and say where the first value that is not finite came from."""
    model = forward.model()
    assert model is not None
    torch.set_num_threads(1)  # a forked child has none of the others
    restore(forward)
    check = ForwardCheck(model)
    with torch.enable_grad():
        check.run(model, forward.arguments, forward.keywords)
    found = judge(known.step, known.value, check.origins)
    if found is not None:
        return replace(found, module=".".join(part for part in (forward.name, found.module or "") if part))
    again = "In a second run of the forward pass on the same batch all values are finite"
    module = None if loss is None else _find_in_graph(loss, model)
    if module is not None:
        words = f"{known.words} {again}; in the step itself it came up behind the weights of `{module}`."
        return replace(known, module=module, words=words)
    return replace(
        known, words=f"{known.words} {again}: it came up in what follows the model, on this line or after it."
    )


def restore(forward: Forward) -> None:
    torch.set_rng_state(forward.random)
    for module, name, value in forward.counts:
        module.__dict__[name] = value


def _find_in_graph(loss: Tensor, model: nn.Module) -> str | None:
    """The module whose weights were the last to be used before the first saved value that is not finite."""
    names = {id(each): path.rpartition(".")[0] for path, each in model.named_parameters()}
    nodes, waiting = {}, [loss.grad_fn]
    while waiting:
        node = waiting.pop()
        if node is not None and id(node) not in nodes:
            nodes[id(node)] = node
            waiting.extend(each for each, _ in node.next_functions)
    module = None
    for node in sorted(nodes.values(), key=lambda each: each._sequence_nr()):
        if hasattr(node, "variable"):
            continue
        saved = [getattr(node, name) for name in dir(node) if name.startswith("_saved_")]
        if any(isinstance(each, Tensor) and each.is_floating_point() and not each.isfinite().all() for each in saved):
            return module
        for each, _ in node.next_functions:
            module = names.get(id(getattr(each, "variable", None)), module)
    return None


def save_batch(forward: Forward, step: int, path: Path) -> None:
    """All that a second run needs but the script: `torch.load` reads it with `weights_only=True`."""
    model = forward.model()
    assert model is not None
    content = {
        "step": step,
        "name": forward.name,
        "class": type(model).__qualname__,
        "arguments": _plain(forward.arguments),
        "keywords": _plain(forward.keywords),
        "state": model.state_dict(),
        "training": {path: each.training for path, each in model.named_modules()},
        "counts": [
            (path, name, value)
            for path, each in model.named_modules()
            for at, name, value in forward.counts
            if at is each
        ],
        "random": forward.random,
        "python_random": random.getstate(),
    }
    temporary = path.with_suffix(".tmp")
    torch.save(content, temporary)
    temporary.replace(path)


def detach(value: Any, depth: int = 4) -> Any:
    """The same values without their graph; what is no tensor and holds none stays itself."""
    if isinstance(value, Tensor):
        return value.detach() if value.requires_grad else value
    if depth and type(value) in (tuple, list):
        return type(value)(detach(each, depth - 1) for each in value)
    if depth and type(value) is dict:
        return {key: detach(each, depth - 1) for key, each in value.items()}
    return value


def _plain(value: Any) -> Any:
    """A value as `weights_only` allows it.

    Raises:
        TypeError: it holds an object of the script's own.
    """
    if value is None or isinstance(value, (Tensor, bool, int, float, str)):
        return value
    if isinstance(value, Mapping):
        return {str(key): _plain(each) for key, each in value.items()}
    if isinstance(value, (tuple, list)):
        return type(value)(_plain(each) for each in value)
    raise TypeError(f"the batch holds a {type(value).__name__}, which cannot be kept")


def _silence() -> None:
    """What the model prints, it has printed."""
    nowhere = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1, 2):
        os.dup2(nowhere, descriptor)


def _wait(pid: int) -> tuple[bool, int]:
    try:
        ended, status = os.waitpid(pid, os.WNOHANG)
    except ChildProcessError:  # the script has waited for all its children itself
        return True, 0
    return ended == pid, status
