"""The function mode of a script: models are built as in a construction until the first batch, and run as in `forward`
from there on. Nothing is optimised; what is unknown is inferred from what it meets.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn
from torch.utils import _pytree as pytree
from torch.utils.data import DataLoader

from ..cost.ledger import Ledger
from .assume import Assumptions
from .devices import ASKED, HOME
from .loaders import Samples
from .losses import broadcasts, check_target, fitting_target, is_loss
from .memo import Asker, Memo
from .meta import BuildMode, move_to_meta
from .mode import ForwardMode
from .noted import Fault, Frame
from .unknown import SPREAD, Facts, Unknown, Unsure

InputsOf = Callable[[nn.Module], dict[str, Any] | None]
"""What a model's `forward` takes, by argument, at the run's binding; None where the oracle has not been asked."""
_GRAPH_OF = vars(torch._C.TensorBase)["grad_fn"].__get__
COMPARISONS = frozenset(("__eq__", "__ne__", "eq", "ne", "__lt__", "__gt__", "__le__", "__ge__"))
ELEMENTWISE = frozenset(
    ("__add__", "__radd__", "__sub__", "__rsub__", "__mul__", "__rmul__", "__truediv__", "__rtruediv__", "sub", "add")
)


@dataclass(frozen=True)
class Witness:
    """A loss that broadcasts: the shapes of output and target, and where."""

    function: str
    operands: tuple[tuple[int, ...], ...]
    frame: Frame | None


@dataclass
class Draw:
    """A batch that was drawn: of a loader's setting, and the operations that came of it, by number.

    `samples` is the size of the data set, None where it has none; `trains`: a backward pass followed.
    """

    batch_size: int | None
    samples: int | None
    drop_last: bool
    first: int
    last: int = 0
    trains: bool = False


class StepMode(ForwardMode):
    """`started` turns true with the first batch or the first call of a model; `models_run` counts such calls."""

    def __init__(
        self,
        script: str,
        files: frozenset[str],
        poll: Callable[[], None],
        assumptions: Assumptions,
        *,
        facts: Facts,
        inputs_of: InputsOf,
        samples: Samples,
        batch: int,
        most: int,
        memo: Memo | None,
    ) -> None:
        asker = None if memo is None else Asker(memo, lambda: assumptions.asked)
        super().__init__(files, {}, poll, False, assumptions, Ledger(nn.Module()), asker, most)
        self.anywhere = frozenset((HOME,))  # what was learnt about unknown things does not tell where they are
        self.fed = 0
        """How often something that varies with the binding came up."""
        self.started = False
        self.models_run = 0
        self.batches_drawn = 0
        self.draws: list[Draw] = []
        self.witnesses: list[Witness] = []
        self.wanted: list[nn.Module] = []
        """Models of which it must be asked what they take."""
        self.modules: dict[str, nn.Module] = {}
        self.called_at: dict[int, Frame | None] = {}
        """For a fault, by its `id`, the place in the script that led to it."""
        self._script = script
        self._facts = facts
        facts.on_use, facts.on_guess = self.feed, self._doubt
        self._inputs_of = inputs_of
        self._samples = samples
        self._batch = batch
        self._build = BuildMode()

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = dict(kwargs or {})
        name = getattr(func, "__name__", str(func))
        if any(isinstance(leaf, Unknown) for leaf in pytree.tree_leaves((args, kwargs))):
            return self._meet_unknown(func, name, types, args, kwargs)
        if not self.started:
            return self._build.__torch_function__(func, types, args, kwargs)
        if name in ("__format__", "__repr__"):
            return "…"
        if name == "backward":
            return self._backward(args, kwargs)
        if name == "grad" and args:  # torch.autograd.grad
            inputs = kwargs.get("inputs", args[1] if len(args) > 1 else ())
            wanted = inputs if isinstance(inputs, (tuple, list)) else (inputs,)
            return tuple(torch.empty_like(each) for each in wanted)
        if func == _GRAPH_OF:  # answered tensors have none, and nothing here needs it
            return None
        if is_loss(name):
            self._check_loss(func, name, args, kwargs)
        return super().__torch_function__(func, types, args, kwargs)

    def _check_loss(self, func: Any, name: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        """Note what is wrong with a loss's target. Where an assumption shapes it nothing is certain."""
        if self.assumptions.everything:
            return
        try:
            check_target(name, args, kwargs)
        except RuntimeError as error:
            self._fail(func, name, args, kwargs, error)
        if broadcasts(name, args):
            shapes = tuple(tuple(each.shape) for each in args[:2])
            self.witnesses.append(Witness(name, shapes, self.script_frame()))

    def _fail(self, func: Any, name: str, args: tuple[Any, ...], kwargs: dict[str, Any], error: Exception) -> Any:
        faults = len(self.faults)
        try:
            return super()._fail(func, name, args, kwargs, error)
        finally:
            if len(self.faults) > faults:
                self.called_at[id(self.faults[-1])] = self.script_frame()

    def script_frame(self) -> Frame | None:
        """The innermost frame of the script itself."""
        frame = inspect.currentframe()
        while frame is not None:
            if frame.f_code.co_filename == self._script:
                return frame.f_code, frame.f_lasti
            frame = frame.f_back
        return None

    def _backward(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        loss, gradient = args[0], kwargs.get("gradient", args[1] if len(args) > 1 else None)
        if self.draws:
            self.draws[-1].trains, self.draws[-1].last = True, len(self.operations)
        if gradient is None and loss.numel() != 1 and not self.assumptions.is_assumed(loss):
            shape = tuple(loss.shape)
            words = f"grad can be implicitly created only for scalar outputs, not for {shape}"
            frame = self.script_frame()
            self.faults.append(Fault("backward", [shape], (shape,), words, frame, "", "", [self.maker_of(loss)]))
            self.called_at[id(self.faults[-1])] = frame

    def first_device(self, tensor: torch.Tensor) -> str:
        """In a script all is where the code sent it, models too, and on the CPU otherwise."""
        return getattr(tensor, ASKED, "cpu")

    def _meet(self, name: str, inputs: list[torch.Tensor], frame: Frame | None) -> str:
        return super()._meet(name, inputs, self.script_frame())

    def feed(self) -> None:
        """A batch, or what takes the place of one, comes in: from here on the script runs as `forward` does."""
        self.fed += 1
        self.started = True

    def _doubt(self, tensor: torch.Tensor) -> None:
        self.id_of(tensor)
        self.assumptions.doubt([tensor])

    # Unknown things.

    def _meet_unknown(self, func: Any, name: str, types: Any, args: Any, kwargs: dict[str, Any]) -> Any:
        """Go on with what an unknown operand must be; where that is not to be told, the result is unknown too."""
        operands = [*args[:2], *(kwargs[key] for key in ("input", "target", "other") if key in kwargs)]
        tensors = [each for each in operands if isinstance(each, torch.Tensor)]
        unknown = [each for each in operands if isinstance(each, Unknown)]
        if not unknown:
            unknown = [each for each in pytree.tree_leaves((args, kwargs)) if isinstance(each, Unknown)]
            return unknown[0].part(f".{name}()")
        if len(tensors) != 1 or len(unknown) != 1 or not self.started:
            return unknown[0].part(f".{name}()")
        if is_loss(name) and isinstance(operands[0], torch.Tensor):
            learnt = self._facts.learn(unknown[0], *fitting_target(name, tensors[0]), guessed=True)
        elif name in COMPARISONS or name in ELEMENTWISE:
            learnt = self._facts.learn(unknown[0], tuple(tensors[0].shape), tensors[0].dtype, guessed=True)
        else:
            return unknown[0].part(f".{name}()")
        filled = [learnt if each is unknown[0] else each for each in args]
        return self.__torch_function__(
            func, types, tuple(filled), {key: learnt if each is unknown[0] else each for key, each in kwargs.items()}
        )

    # Models.

    def adopt(self, module: nn.Module, name: str) -> None:
        """Know a model of the script by a name; its parameters move to meta."""
        if id(module) in self.paths:
            return
        move_to_meta(module)
        self.modules[name] = module
        for path, each in module.named_modules():
            self.paths.setdefault(id(each), f"{name}.{path}" if path else name)

    @contextmanager
    def calling(self) -> Iterator[None]:
        """Calls of modules go through this mode while it lasts."""
        original = nn.Module.__call__

        def call(module: nn.Module, *args: Any, **kwargs: Any) -> Any:
            if len(self.stack) == 1:
                return self._call_root(original, module, args, kwargs)
            if id(module) not in self.paths:
                return original(module, *args, **kwargs)
            return self.call_module(original, module, self.paths[id(module)], args, kwargs)

        nn.Module.__call__ = call  # type: ignore[method-assign]
        try:
            yield
        finally:
            nn.Module.__call__ = original  # type: ignore[method-assign]

    def _call_root(self, original: Any, module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        is_model = next(module.parameters(), None) is not None
        if is_model:
            self.feed()
            self.models_run += 1
        self.adopt(module, type(module).__name__)
        if is_model and any(isinstance(leaf, Unknown) for leaf in pytree.tree_leaves((args, kwargs))):
            args, kwargs = self._fill(module, args, kwargs)
        return self.call_module(original, module, self.paths[id(module)], args, kwargs)

    def _fill(self, module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """The arguments of a model's call, unknown ones replaced by what its `forward` takes."""
        names = [
            each.name
            for each in inspect.signature(module.forward).parameters.values()
            if each.kind not in (each.VAR_POSITIONAL, each.VAR_KEYWORD)
        ]
        known = self._inputs_of(module)
        if known is None:
            self.wanted.append(module)
            self._facts.changed = True
            raise Unsure(type(module).__name__)

        def fill(name: str, value: Any) -> Any:
            wanted = known.get(name)
            if not isinstance(value, Unknown) or not isinstance(wanted, torch.Tensor):
                return value
            return self._facts.learn(value, tuple(wanted.shape), wanted.dtype)

        named = dict(zip(names, args, strict=False))
        spread = kwargs.pop(SPREAD, None)
        if spread is not None:
            taken = {name for name, wanted in known.items() if isinstance(wanted, torch.Tensor)} - {*named, *kwargs}
            kwargs = {**kwargs, **{name: spread.part(f"[{name!r}]") for name in names if name in taken}}
        filled = tuple(fill(name, value) for name, value in named.items()) + args[len(named) :]
        return filled, {name: fill(name, value) for name, value in kwargs.items()}

    # Data.

    def draw(self, loader: DataLoader[Any]) -> Any:
        """A batch of a loader. The data set's own code runs for real, as it did when it was made."""
        self.started = False
        try:
            drawn = self._samples.draw(loader, self._batch)
        finally:
            self.feed()
        self.batches_drawn += 1
        samples = len(loader.dataset) if hasattr(loader.dataset, "__len__") else None
        self.draws.append(Draw(loader.batch_size, samples, loader.drop_last, len(self.operations)))
        for leaf in pytree.tree_leaves(drawn.batch):
            if isinstance(leaf, torch.Tensor):
                self.id_of(leaf)
        self.assumptions.doubt(drawn.uncertain)
        return drawn.batch
