"""What the hooks tell, put together step by step on the script's own thread: as little as can be, the writer does the
rest."""

from __future__ import annotations

import functools
import time
from collections import deque
from collections.abc import Callable, Set
from dataclasses import dataclass, field
from types import FrameType, ModuleType
from typing import TYPE_CHECKING, Any

from .frames import Place, UserFrames, caller
from .guard import Guard
from .loaders import Loaders
from .losses import Loss, PendingLosses
from .optimizers import Optimizers, Track

if TYPE_CHECKING:
    from torch import Tensor
    from torch.optim import Optimizer

    from .layers import LayerSampler
    from .models import Models
    from .nonfinite import ForwardKeeper
    from .scalars import Deferred, Scalar

SAMPLE_SECONDS = 0.5
"""Between two looks at what is not recorded at every step."""
NORM_SECONDS = 1.0
MAX_DIVISIONS = 3


@dataclass
class Step:
    """One step of an optimizer."""

    track: Track
    step: int
    time: float
    epoch: int
    losses: list[Loss[float]]
    place: Place
    rates: tuple[float, ...]
    sampled: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Noted:
    """A value that the script itself shows: printed, on a bar, or logged."""

    name: str
    value: float
    step: int
    epoch: int
    time: float


@dataclass(frozen=True)
class LayerSample:
    """The statistics of a sampled step."""

    step: int
    time: float
    layers: dict[str, dict[str, float]]


@dataclass(frozen=True)
class LoopSample:
    """A line that a step came through, how far a range around it is, and the loader's pass."""

    path: str
    line: int
    counts: dict[int, tuple[int | None, int | None]]
    """By the line of a loop."""


class Recorder:
    """One for a process. Its `on_…` methods are the hooks' other ends."""

    def __init__(self, guard: Guard, rank: int = 0) -> None:
        self.guard = guard
        self.rank = rank
        self.frames = UserFrames()
        self.optimizers = Optimizers()
        self.loaders = Loaders()
        self.queue: deque[Step | Noted] = deque()
        self.loops: list[LoopSample] = []
        self.step = 0
        self.device: str | None = None
        """Where the first loss was."""
        self.layer_queue: deque[LayerSample] = deque()
        self._models: Models | None = None
        self.layers: LayerSampler | None = None
        self.forwards: ForwardKeeper | None = None
        self.imported_torch = False
        self.find_counts: Callable[[FrameType], dict[int, tuple[int | None, int | None]]] | None = None
        """Set by the writer, once it has read which loops there are."""
        self._pending: PendingLosses[Scalar] = PendingLosses()
        self._deferred: Deferred | None = None
        self._scaled: tuple[Tensor, Tensor] | None = None
        self._reaches: dict[tuple[Place, int], frozenset[int]] = {}
        self._clip_norm: Scalar | None = None
        self._clips = False
        self._stepping: set[int] = set()
        self._normed = self._sampled = 0.0
        self._stepped = time.perf_counter()
        self._steps_since = 0

    @property
    def epoch(self) -> int:
        training = self.loaders.training
        return 0 if training is None else training.epoch

    @functools.cached_property
    def scalars(self) -> ModuleType:
        """How numbers are read, once torch is there."""
        from . import scalars

        return scalars

    @property
    def models(self) -> Models:
        """Once torch is there."""
        if self._models is None:
            from .models import Models

            self._models = Models()
        return self._models

    def on_layers(self, step: int, at: float, found: dict[str, dict[str, float]]) -> None:
        self.layer_queue.append(LayerSample(step, at, found))

    def on_shown(self, name: str, value: float) -> None:
        """The script itself shows a value: prints it, sets it on a bar, or logs it."""
        self.queue.append(Noted(name, value, self.step, self.epoch, time.time()))

    def defer(self, scalars: list[Scalar], use: Callable[[list[float]], Any]) -> None:
        """Call `use` with the numbers as soon as they are known without waiting for a device."""
        if self._deferred is None:
            from .scalars import Deferred

            self._deferred = Deferred()
        self._deferred.add(scalars, use)

    def on_backward(self, tensors: Any) -> None:
        """A backward pass is about to run."""
        tensor = tensors[0] if isinstance(tensors, (list, tuple)) and len(tensors) == 1 else tensors
        scalars = self.scalars
        if not hasattr(tensor, "grad_fn") or tensor.numel() != 1:
            self.guard.note("the loss of some steps", "backward was called on something else than one number")
            return
        if not scalars.is_plain(tensor):
            self.guard.note("the loss of some steps", f"a {type(tensor).__name__} cannot be read from outside")
            return
        if scalars.is_capturing(tensor):
            self.guard.note("the loss", "it is inside a CUDA graph, which is replayed without Python")
            return
        if self._scaled is not None and self._scaled[0] is tensor:
            tensor = self._scaled[1]
        self._scaled = None
        place = self.frames.place(caller(2))
        value = scalars.keep(tensor)
        if self.device is None:
            self.device = tensor.device.type
        self.loaders.note_backward()
        self._pending.add(Loss(value, place, _divisor(tensor), self._find_reach(tensor, place), bool(self._stepping)))
        if self.forwards is not None and isinstance(value, float) and value - value != 0.0:
            self.forwards.on_nonfinite(self.step + 1, value, tensor, place)

    def on_scale(self, outputs: Any, scaled: Any) -> None:
        """A gradient scaler multiplied a loss."""
        if scaled is not outputs and hasattr(outputs, "numel"):
            self._scaled = (scaled, outputs.detach())

    def on_clear(self, parameters: Callable[[], Set[int]]) -> None:
        """Gradients are set to zero."""
        if self._pending.has_untaken:
            cleared = parameters()
            for track in self.optimizers.alive():
                if track.parameters and not track.in_step and track.parameters <= cleared:
                    self._pending.clear(id(track))

    def on_clip(self, norm: Tensor) -> None:
        """`clip_grad_norm_` has computed a norm, which costs nothing more to know."""
        scalars = self.scalars
        self._clips = True
        now = time.perf_counter()
        if now - self._normed >= SAMPLE_SECONDS and scalars.is_plain(norm) and not scalars.is_capturing(norm):
            self._normed = now
            self._clip_norm = scalars.keep(norm)

    def before_step(self, optimizer: Optimizer) -> None:
        track = self.optimizers.of(optimizer)
        if track.shares_run is None or not track.in_step:
            frame = caller(2)
            self.optimizers.begin_step(track, lambda: self.frames.stack(frame))
        self._stepping.add(id(track))
        now = time.perf_counter()
        if not self._clips and now - self._normed >= NORM_SECONDS:
            self._normed = now
            self._clip_norm = _gradient_norm(optimizer)
        if self.layers is not None:
            self.layers.before_step(optimizer)

    def after_step(self, optimizer: Optimizer) -> None:
        track = self.optimizers.of(optimizer)
        track.in_step = False
        self._stepping.discard(id(track))
        track.steps += 1
        self.step = max(self.step, track.steps)
        losses = self._pending.take(id(track), track.parameters)
        now = time.perf_counter()
        frame = caller(2)
        place = self.frames.place(frame)
        record = Step(track, self.step, time.time(), self.epoch, [], place, _rates(optimizer))
        self._steps_since += 1
        scalars: list[Scalar] = [each.value for each in losses]
        names: list[str] = []
        if self._clip_norm is not None:
            names.append("gradient_norm")
            scalars.append(self._clip_norm)
            self._clip_norm = None
        if now - self._sampled >= SAMPLE_SECONDS:
            self._sample(record, now, frame)
        self._use(record, losses, names, scalars)
        if self.layers is not None:
            self.layers.after_step(optimizer, self.step)

    def poll(self, *, at_end: bool = False) -> None:
        """On the writer's thread: take what has come from a device."""
        if self._deferred is not None:
            self._deferred.poll(at_end=at_end)

    def _use(self, record: Step, losses: list[Loss[Scalar]], names: list[str], scalars: list[Scalar]) -> None:
        def use(values: list[float]) -> None:
            record.losses = [
                Loss(value, each.place, each.divisor, in_step=each.in_step)
                for value, each in zip(values, losses, strict=False)
            ]
            record.sampled.update(zip(names, values[len(losses) :], strict=True))
            self.queue.append(record)

        self.defer(scalars, use)

    def _sample(self, record: Step, now: float, frame: FrameType) -> None:
        """What is recorded twice a second."""
        steps, loaders = self._steps_since, self.loaders
        seconds = now - self._stepped
        if self._sampled and seconds > 0:
            record.sampled["step_seconds"] = seconds / steps
            if loaders.training is not None:
                record.sampled["data_wait_seconds"] = loaders.wait_seconds / steps
                if loaders.examples:
                    record.sampled["throughput"] = loaders.examples / seconds
        if loaders.training is not None and loaders.training.batch_size is not None:
            record.sampled["batch_size"] = loaders.training.batch_size
        self._sampled = self._stepped = now
        self._steps_since, loaders.wait_seconds, loaders.examples = 0, 0.0, 0
        self.loops = [
            LoopSample(each.f_code.co_filename, each.f_lineno, self.find_counts(each) if self.find_counts else {})
            for each in self.frames.stack(frame)
        ]
        if self._deferred is not None:
            self._deferred.send()

    def _find_reach(self, tensor: Tensor, place: Place) -> frozenset[int] | None:
        """The parameters behind a loss; asked once for each place, and only where several optimizers may want it."""
        if len(self.optimizers) < 2 or not place:
            return None
        alive = len(self.optimizers.alive())
        key = (place, alive)
        if key not in self._reaches:
            self._reaches[key] = _leaves(tensor)
        return self._reaches[key] or None


def _divisor(tensor: Tensor) -> float | None:
    """By what number a loss was divided last, or multiplied with the inverse of; by how much in all, if repeatedly."""
    divisor, made = 1.0, tensor.grad_fn
    for _ in range(MAX_DIVISIONS):
        kind = type(made).__name__
        if made is None or kind not in ("DivBackward0", "MulBackward0"):
            break
        other = made._saved_other  # type: ignore[attr-defined]
        if other is None or other.device.type != "cpu" or other.numel() != 1 or not (number := float(other.item())):
            break
        divisor *= number if kind == "DivBackward0" else 1 / number
        made = made.next_functions[0][0]
    return round(divisor, 6) if divisor > 1 else None


def _leaves(tensor: Tensor) -> frozenset[int]:
    """The ids of the parameters that a backward pass from `tensor` reaches."""
    found, seen, waiting = set(), set(), [tensor.grad_fn]
    while waiting:
        node = waiting.pop()
        if node is None or node in seen:
            continue
        seen.add(node)
        variable = getattr(node, "variable", None)
        if variable is not None:
            found.add(id(variable))
        waiting.extend(each for each, _ in node.next_functions)
    return frozenset(found)


def _rates(optimizer: Optimizer) -> tuple[float, ...]:
    rates = []
    for group in optimizer.param_groups:
        rate = group.get("lr")
        if isinstance(rate, (int, float)):
            rates.append(float(rate))
        elif rate is not None and rate.device.type == "cpu":
            rates.append(float(rate.item()))
    return tuple(rates)


def _gradient_norm(optimizer: Optimizer) -> Scalar | None:
    """The norm over all gradients of an optimizer. None where they are on several devices or spread over processes."""
    import torch

    from . import scalars

    gradients = [each.grad for group in optimizer.param_groups for each in group["params"] if each.grad is not None]
    plain = [each for each in gradients if scalars.is_plain(each) and each.layout is torch.strided]
    if not plain or len(plain) < len(gradients) or len({each.device for each in plain}) > 1:
        return None
    if scalars.is_capturing(plain[0]):
        return None
    with torch.no_grad():
        norm = torch.linalg.vector_norm(torch.stack([each.float() for each in torch._foreach_norm(plain)]))
        scale = getattr(optimizer, "grad_scale", None)
        return scalars.keep(norm if scale is None else norm / scale.to(norm.device))
