"""The function mode that runs a model on meta tensors and notes every operation: what, where, from which tensors.

An operation whose answer depends on values goes on with an assumed one (see `assume`); an operation whose shapes do not
fit is noted as a fault, and the run goes on with the shape it should have given (see `frontier`). What torch has been
asked before is answered by the `memo`.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from types import FrameType
from typing import Any

import torch
from torch import nn
from torch.overrides import TorchFunctionMode
from torch.utils import _pytree as pytree

from ..cost.flops import count_flops
from ..cost.kept import Place
from ..cost.ledger import Ledger, find_kept
from . import packed
from .assume import Assumptions, fitting_output
from .assumed_numbers import plain
from .autocast import autocast_dtype
from .constants import move_knowing
from .devices import ASKED, HOME, UNNAMED, Mix, destination, differing, named_device, shown
from .dtypes import dtype_of_type, refuse_mixed
from .frontier import expected_output, repair_module
from .handlers import is_caught
from .kernels import STAND_INS
from .leaves import tensors_in
from .memo import META, Answer, Asker, NeedsGraph
from .meta import move
from .noted import Fault, Frame, OperationSeen, dtype_name, without_data
from .refusals import output_of_pattern
from .roles import Role, describe
from .unsupported import refuse_nested

MAX_FAULTS = 20
NO_LIMIT = sys.maxsize
_is_autocast = torch._C._is_any_autocast_enabled
Noted = tuple[tuple[tuple[tuple[int, ...], str], ...], int, tuple[Place, ...]]
"""What the memo holds of an answer for us: shapes and dtypes that come out, FLOPs, and what is kept for backward."""
Known = tuple[str, str, int]
"""Of a tensor: its id, its nominal device, and the index of the operation that made it."""
Asked = tuple[Any, list[torch.Tensor], Answer | None]
"""An output, the tensors that were given, and the memo's answer, unless torch refused."""


class TooManyCalls(BaseException):
    """A run asks more of torch than it may. Not an Exception: user code may not catch it."""


class ForwardMode(TorchFunctionMode):
    """Everything one run of `forward` did. Use within `calling` (see `run`), which tells it of submodules."""

    def __init__(
        self,
        files: frozenset[str],
        paths: dict[int, str],
        poll: Callable[[], None],
        frontier: bool,
        assumptions: Assumptions,
        ledger: Ledger,
        asker: Asker | None = None,
        most: int = NO_LIMIT,
    ) -> None:
        super().__init__()
        self.most = most
        self.calls = 0
        """Functions of torch that were called, of which there may be `most`."""
        self.ledger = ledger
        self.assumptions = assumptions
        self.asker = asker
        self.needs_graph = False
        """The memo was used where its tensors will not do: this run tells nothing."""
        self.files = files
        self.paths = paths
        self.poll = poll
        self.use_frontier = frontier
        self.operations: list[OperationSeen] = []
        self.faults: list[Fault] = []
        self.stack: list[int] = [-1]
        self.path_stack: list[nn.Module] = []
        self.given: Any = ()
        """The arguments of the call under way, as the code gave them."""
        self.mixes: list[Mix] = []
        self._sent_by: dict[str, int] = {}
        """For the id of a tensor that is not at home, the operation that made or sent it there."""
        self.home: str | None = HOME
        """Where the model's construction puts it, if it says so; None where devices are not followed."""
        self.anywhere: frozenset[str] = frozenset()
        """Devices that suit any other."""
        self._frames: list[Frame | None] = []
        self._kept: list[torch.Tensor] = []
        self._known: dict[int, Known] = {}
        self._moved: dict[int, torch.Tensor] = {}

    # What is known of a tensor.

    def device_of(self, tensor: torch.Tensor) -> str:
        """The device that the code asked for, as it is shown."""
        return shown(self.nominal_device(tensor), self.home or "cpu")

    def nominal_device(self, tensor: torch.Tensor) -> str:
        return (self._known.get(id(tensor)) or self._introduce(tensor))[1]

    def maker_of(self, tensor: torch.Tensor) -> int:
        """The operation that made a tensor; -1 where it is an input or a parameter."""
        known = self._known.get(id(tensor))
        return known[2] if known else -1

    def id_of(self, tensor: torch.Tensor) -> str:
        """The id of what the tensor holds now; an in-place operation gives it a new one."""
        return (self._known.get(id(tensor)) or self._introduce(tensor))[0]

    def known_id(self, tensor: torch.Tensor) -> str:
        """Its id; empty for what no operation has given or taken yet."""
        known = self._known.get(id(tensor))
        return known[0] if known else ""

    def first_device(self, tensor: torch.Tensor) -> str:
        """Where a tensor is that no operation of the run made: with the model, unless it is marked."""
        return HOME if isinstance(tensor, nn.Parameter) else getattr(tensor, ASKED, HOME)

    def take_input(self, tensor: torch.Tensor, like: torch.Tensor | None = None) -> None:
        """Know a tensor that is given to the model: it is where the model is, or where another one is."""
        self._introduce(tensor, HOME if like is None else self.device_of(like))

    def _introduce(self, tensor: torch.Tensor, device: str | None = None, maker: int = -1) -> Known:
        refuse_nested(tensor)
        device = self.first_device(tensor) if device is None else device
        self._kept.append(tensor)  # its id() must not be used again while the run lasts
        self._known[id(tensor)] = known = f"t{len(self._kept)}", device, maker
        return known

    # Torch functions.

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        name, role = describe(func)
        kwargs = kwargs or {}
        if name == "type" and (dtype := dtype_of_type(*args[1:], **kwargs)) is not None:
            return self.__torch_function__(torch.Tensor.to, types, (args[0], dtype))
        if role == "get":
            got = func(*args, **kwargs)
            return self._follow_view(args[0], got) if isinstance(got, torch.Tensor) else got
        if role == "device":
            place = self.nominal_device(args[0])
            return func(*args, **kwargs) if place in (HOME, UNNAMED, "cpu") else torch.device(place)
        self.calls += 1
        if self.calls > self.most:
            raise TooManyCalls
        self.poll()
        if role == "read":
            return self.assumptions.read(func, name, args)
        if role == "walk" and self.asker is not None:
            self.needs_graph = True
            raise NeedsGraph
        given = self.given = (args, kwargs)
        made_before = self.assumptions.made
        if _is_autocast() and (dtype := autocast_dtype(name)) is not None:
            args, kwargs = self._cast(args, dtype), self._cast(kwargs, dtype)
        asked = self._ask(func, name, args, kwargs) if role == "compute" and "device" not in kwargs else None
        if asked is None:
            args, kwargs = self._on_meta(args), self._on_meta(kwargs)
            output = self._run(func, name, role, args, dict(kwargs))
        else:
            output, inputs, answer = asked
            self._note(func, name, args, kwargs, inputs, output, None, answer)
        if self.assumptions.made:
            rests = self.assumptions.follow(name, given, output, made_before)
            if self.operations:
                self.operations[-1].assumed |= rests
            if rests:
                return output
        self.assumptions.constants.note(func, name, args, kwargs, output)
        return output

    def _follow_view(self, source: torch.Tensor, view: torch.Tensor) -> torch.Tensor:
        """`x.T`, `x.data`: another look at the same tensor, of which the same is known."""
        if view is not source:
            self._kept.append(view)
            self._known[id(view)] = self._known.get(id(source)) or self._introduce(source)
            if self.assumptions.is_assumed(source):
                self.assumptions.doubt([view])
        return view

    def _cast(self, values: Any, dtype: torch.dtype) -> Any:
        """The floating operands in the dtype that autocast wants; they stay who they were."""

        def convert(value: Any) -> Any:
            if not isinstance(value, torch.Tensor):
                return value
            with torch._C.DisableTorchFunction():
                if not value.is_floating_point() or value.dtype in (dtype, torch.float64):
                    return value
                cast = value.to(dtype)
            self._kept.append(cast)
            self._known[id(cast)] = self._known.get(id(value)) or self._introduce(value)
            return cast

        return pytree.tree_map(convert, values)

    def _ask(self, func: Any, name: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Asked | None:
        """What torch says, or said before; None where the memo cannot put the question."""
        if self.asker is None:
            return None
        inputs: list[torch.Tensor] = []
        try:
            said = self.asker.ask(func, args, kwargs, inputs)
            refuse_mixed(name, args, kwargs)
        except (RuntimeError, ValueError, IndexError, TypeError) as error:
            return self._fail(func, name, args, kwargs, error), tensors_in(args, kwargs), None
        return None if said is None else (said[0], inputs, said[1])

    def _run(self, func: Any, name: str, role: Role, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        device, answer = None, None
        if role == "make" or "device" in kwargs:
            device = named_device(kwargs) if role == "make" or kwargs["device"] is not None else None
            kwargs["device"] = META
        if role == "move" and args and isinstance(args[0], torch.Tensor):
            device = destination(args, kwargs, self.nominal_device) if name == "to" else name
            output = move(func, args, kwargs)
            if output is args[0] and device is not None and device != self.nominal_device(output):
                output = torch.ops.aten.alias.default(output)
        elif role == "stand-in" and (shaped := STAND_INS.get(name) or packed.in_place_of(name, args)) is not None:
            output = self._call(shaped, name, args, kwargs)
        elif (asked := self._ask(func, name, args, kwargs)) is not None:
            output, _, answer = asked
        else:
            output = self._call(func, name, args, kwargs)
        self._note(func, name, args, kwargs, tensors_in(args, kwargs), output, device, answer)
        return output

    def _call(self, func: Any, name: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        if self.asker is not None:
            self.asker.forget()
        try:
            output = func(*args, **kwargs)
            refuse_mixed(name, args, kwargs)
            return output
        except (RuntimeError, ValueError, IndexError, TypeError) as error:
            return self._fail(func, name, args, kwargs, error)

    def _on_meta(self, values: Any) -> Any:
        def convert(value: Any) -> Any:
            if not isinstance(value, torch.Tensor) or value.device.type == "meta":
                return plain(value)
            if id(value) not in self._moved:
                self._kept.append(value)
                with torch._C.DisableTorchFunction():
                    self._moved[id(value)] = moved = move_knowing(value)
                self._introduce(moved, getattr(moved, ASKED, UNNAMED))  # it stands outside of the model
            return self._moved[id(value)]

        return pytree.tree_map(convert, values)

    def _fail(self, func: Any, name: str, args: tuple[Any, ...], kwargs: dict[str, Any], error: Exception) -> Any:
        if self._is_ours(error):
            self.assumptions.assume()
            guess = fitting_output(name, args, str(error))
            if guess is None:
                guess = expected_output(func, name, args, kwargs)
            if guess is None:
                raise error
            return guess
        if is_caught(error, sys._getframe(1), self.files):
            raise error
        fault = self.add_fault(name, tensors_in(args, kwargs), (*args, *kwargs.values()), error)
        guess = expected_output(func, name, args, kwargs) if self._has_frontier() else None
        if guess is None:
            raise error
        fault.went_on = True
        return guess

    def goes_on(self, error: Exception, frame: FrameType | None) -> bool:
        """Whether the run goes on behind an error that is raised in `frame`, if there is a way to."""
        return self._has_frontier() and not is_caught(error, frame, self.files)

    def _has_frontier(self) -> bool:
        return self.use_frontier and len(self.faults) < MAX_FAULTS

    def add_fault(
        self,
        function: str,
        operands: Sequence[torch.Tensor | tuple[int, ...]],
        arguments: tuple[Any, ...],
        error: BaseException,
        *,
        module: nn.Module | None = None,
        frame: Frame | None = None,
        went_on: bool = False,
    ) -> Fault:
        """Note a failure: where the user's code is, if `frame` does not tell. One place has one fault, however often
        it is run."""
        frame = frame or self.user_frame(sys._getframe())
        if module is None and self.path_stack:
            module = self.path_stack[-1]
        if frame is not None:
            for fault in self.faults:
                if fault.frame == frame:
                    return fault
        fault = Fault(
            function,
            [tuple(each.shape) if isinstance(each, torch.Tensor) else each for each in operands],
            tuple(without_data(argument) for argument in arguments),
            str(error),
            frame,
            self.paths.get(id(module), "") if module is not None else "",
            repr(module) if module is not None and not any(module.children()) else type(module).__name__,
            [self.maker_of(each) if isinstance(each, torch.Tensor) else -1 for each in operands],
            went_on,
            self.assumptions.everything,
        )
        self.faults.append(fault)
        return fault

    def note_faulty(self, name: str, inputs: list[torch.Tensor], output: torch.Tensor) -> None:
        """Note what stands for a call that failed last: it is an operation, with its error."""
        made = self._introduce(output, self.device_of(inputs[0]), len(self.operations))[0]
        shown = [(made, tuple(output.shape), dtype_name(output.dtype))]
        fault = self.faults[-1]
        names = [self.id_of(each) for each in inputs]
        self.operations.append(
            OperationSeen(name, name, self.stack[-1], fault.frame, names, shown, error=fault.message)
        )

    def _is_ours(self, error: Exception) -> bool:
        """Whether a failure is owed to how we run the code, on meta and with assumptions, and not to the code."""
        words = str(error)
        if isinstance(error, NotImplementedError) or "data-dependent" in words or "meta" in words:
            return True
        return self.assumptions.decides(self.given)

    def _note(
        self,
        func: Any,
        name: str,
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        inputs: list[torch.Tensor],
        output: Any,
        device: str | None,
        answer: Answer | None,
    ) -> None:
        noted: Noted | None = None if answer is None else answer.noted
        outputs = tensors_in(output)
        if not outputs:
            return
        if noted is None:
            shown = tuple((tuple(tensor.shape), dtype_name(tensor.dtype)) for tensor in outputs)
            flops = count_flops(name, args, kwargs, output)
            if answer is None:
                kept = self.ledger.note(func, name, args, kwargs, inputs, outputs)
            else:
                places = find_kept(func, name, args, kwargs, inputs, outputs)
                answer.noted = shown, flops, places
                kept = self.ledger.add(places, inputs, outputs)
        else:
            shown, flops, places = noted
            kept = self.ledger.add(places, inputs, outputs) if places else 0
        frame = self.user_frame(sys._getframe())
        known = self._known
        names: list[str] = []
        place, mixed = UNNAMED, False
        for tensor in inputs:
            seen_before = known.get(id(tensor)) or self._introduce(tensor)
            if seen_before[1] != place:
                mixed = mixed or bool(names)
                place = seen_before[1]
            names.append(seen_before[0])
        if mixed:
            place = self._meet(name, inputs, frame)
        if device is None:
            device = place
        index = len(self.operations)
        made = [
            (self._introduce(tensor, device, index)[0], shape, dtype)
            for tensor, (shape, dtype) in zip(outputs, shown, strict=True)
        ]
        if device != HOME:  # the operation that put it there: the first of a chain
            sender = next((self._sent_by[each] for each in names if each in self._sent_by and device == place), index)
            self._sent_by.update((each, sender) for each, _, _ in made)
        seen = OperationSeen(name, f"torch.{name}", self.stack[-1], frame, names, made, None, (), flops, kept)
        if self.faults and self.faults[-1].went_on and self.faults[-1].frame == frame:
            seen.error = self.faults[-1].message
        self.operations.append(seen)

    def _meet(self, name: str, inputs: list[torch.Tensor], frame: Frame | None) -> str:
        """Where the answer is of an operation on several devices, which is noted where it may not be."""
        known = [self._known[id(each)] for each in inputs]
        devices = [device for _, device, _ in known]
        if name == "type_as":
            return devices[-1]
        pair = differing(name, inputs, devices, self.anywhere) if self.home is not None else None
        if pair is not None:
            first, second = (self._sent_by.get(known[place][0], -1) for place in pair)
            mix = Mix(name, (devices[pair[0]], devices[pair[1]]), (first, second), frame)
            if not any(mix.is_told_by(other) for other in self.mixes):
                self.mixes.append(mix)
        whole = [device for each, device in zip(inputs, devices, strict=True) if each.dim()] or devices
        return next((device for device in whole if device != UNNAMED), UNNAMED)

    def charge(self, count: int) -> None:
        """Add bytes that are kept to the operation that ran last."""
        if self.operations:
            self.operations[-1].bytes += count

    # Submodules.

    def call_module(self, original: Callable[..., Any], module: nn.Module, path: str, args: Any, kwargs: Any) -> Any:
        """Run a submodule's call, noted as one operation that encloses those within."""
        caller = sys._getframe(2)
        frame = self.user_frame(caller)
        tensors = tensors_in(args, kwargs)
        kind = type(module).__name__
        seen = OperationSeen(
            path.rpartition(".")[2] or kind,
            kind,
            self.stack[-1],
            frame if caller.f_code.co_filename in self.files else None,
            [self.id_of(tensor) for tensor in tensors],
            [],
            path,
            tuple([tuple(tensor.shape) for tensor in tensors]),
        )
        self.stack.append(len(self.operations))
        self.operations.append(seen)
        self.path_stack.append(module)
        self._frames.append(frame)
        faults = len(self.faults)
        try:
            output = original(module, *args, **kwargs)
        except (RuntimeError, ValueError, AssertionError) as error:
            if not self.goes_on(error, sys._getframe(1)):
                raise
            output = self._go_on(original, module, args, kwargs, error, frame)
        finally:
            self.stack.pop()
            self.path_stack.pop()
            self._frames.pop()
            if len(self.faults) > faults:
                seen.error = self.faults[faults].message
        for tensor in tensors_in(output):
            seen.outputs.append((self.id_of(tensor), tuple(tensor.shape), dtype_name(tensor.dtype)))
        return output

    def _go_on(
        self,
        original: Callable[..., Any],
        module: nn.Module,
        args: Any,
        kwargs: Any,
        error: Exception,
        frame: Frame | None,
    ) -> Any:
        """What a submodule should have given that refuses its arguments: raises its error where that is not told."""
        pattern, sizes = getattr(module, "pattern", None), getattr(module, "axes_lengths", None)
        if isinstance(pattern, str) and isinstance(sizes, dict) and args and isinstance(args[0], torch.Tensor):
            output = output_of_pattern(self, args[0], pattern, sizes, error, None)
            if output is not None:
                return output
        fitted = repair_module(module, args)
        if fitted is None:
            raise error
        self.add_fault(
            type(module).__name__,
            tensors_in(args, kwargs),
            (*args, *kwargs.values()),
            error,
            module=module,
            frame=frame,
            went_on=True,
        )
        for tensor in tensors_in(fitted):
            self.take_input(tensor)  # where the model is, as what it stands in for should be
        return fitted if isinstance(fitted, torch.Tensor) else original(module, *fitted)

    def user_frame(self, frame: FrameType | None) -> Frame | None:
        """The innermost frame of the user's own files."""
        files = self.files if self.files else None
        while frame is not None and files is not None:
            code = frame.f_code
            if code.co_filename in files:
                return code, frame.f_lasti
            if code is _CALL_MODULE:
                return self._frames[-1]  # found when that call began
            frame = frame.f_back
        return None


_CALL_MODULE = ForwardMode.call_module.__code__
