"""Where a file first goes another way than the model: every value of both is compared, line by line.

The model runs eagerly and is watched: each function of torch that it calls gives an event, with its line and what it
made. The file runs with all of its values as outputs, each of which knows the line that it comes from. A value of the
model has gone wrong where the file computes values of its shape on that line, and none of them is it; and where what
is computed from it is wrong, too: a file may leave out a value, and still be right.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from .compare import Tolerance, compare
from .inputs import Signature, Values
from .lines import Line, Lines, line_of_frame
from .program import flatten_tensors

BRANCHES = (ast.If, ast.For, ast.While, ast.Match, ast.IfExp, ast.Try)


@dataclass(frozen=True)
class Divergence:
    """The first line whose result differs. `path` is absolute; `what` says in words what differs there."""

    path: str
    line: int
    what: str


@dataclass
class Event:
    """One call of a torch function: its line, what it made, and the events that made its operands."""

    line: Line | None
    function: str
    made: list[Tensor]
    operands: list[int]
    is_view: bool
    is_output: bool = False
    matches: bool | None = None
    error: float = 0.0
    consumers: list[int] = field(default_factory=list)


class _Watcher(TorchFunctionMode):
    def __init__(self, lines: Lines) -> None:
        super().__init__()
        self.lines = lines
        self.events: list[Event] = []
        self._makers: dict[int, int] = {}
        self._kept: list[Tensor] = []
        self._short: dict[Line, Line] = {}

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        result = func(*args, **kwargs)
        tensors = flatten_tensors(result)
        if tensors:
            line = line_of_frame(sys._getframe(1))
            if line is not None and line not in self._short:
                self._short[line] = self.lines.shorten(line)
            operands = [self._makers[id(each)] for each in flatten_tensors((args, kwargs)) if id(each) in self._makers]
            made = [tensor.detach().clone() for tensor in tensors]
            name = getattr(func, "__name__", str(func))
            is_view = bool(_storages(tensors) & _storages(flatten_tensors((args, kwargs))))
            self.events.append(Event(self._short.get(line) if line else None, name, made, operands, is_view))
            self._makers |= dict.fromkeys(map(id, tensors), len(self.events) - 1)
            self._kept += tensors  # an id is a tensor's own only while it lives
        return result

    def mark_outputs(self, output: Any) -> None:
        for tensor in flatten_tensors(output):
            if id(tensor) in self._makers:
                self.events[self._makers[id(tensor)]].is_output = True


def _storages(tensors: Sequence[Tensor]) -> set[int]:
    return {tensor.untyped_storage().data_ptr() for tensor in tensors}


def find_divergence(
    model: nn.Module,
    signature: Signature,
    values: Values,
    computed: Mapping[Line, Sequence[Tensor]],
    lines: Lines,
    tolerance: Tolerance | None,
) -> Divergence | None:
    """The first line where the model and what a file `computed` part; None where only the outputs show it."""
    with torch.no_grad(), _Watcher(lines) as watcher:
        watcher.mark_outputs(signature.call(model, values))
    events = watcher.events
    for index, event in enumerate(events):
        _judge(event, computed, tolerance)
        for operand in event.operands:
            events[operand].consumers.append(index)
    first = _find_first_wrong(events)
    branch = _find_branch(events, first, computed, lines)
    if branch is not None:
        place = lines.expand(branch)
        return Divergence(place.path, place.line, "the file holds one branch of it, and the model takes another")
    if first is None:
        return None
    left_out = _find_left_out(events, first, computed)
    event = events[first if left_out is None else left_out]
    assert event.line is not None
    place = lines.expand(event.line)
    how = f"differs by {event.error:.3g}" if left_out is None else "is not in the file, and what follows differs"
    return Divergence(place.path, place.line, f"`{event.function}` {how}")


def _judge(event: Event, computed: Mapping[Line, Sequence[Tensor]], tolerance: Tolerance | None) -> None:
    """Whether the file computes what the event made; None where it computes nothing like it on that line."""
    if event.line is None:
        return
    for tensor in event.made:
        there = [each for each in computed.get(event.line, ()) if _same_kind(each, tensor)]
        alike = [each for each in there if each.shape == tensor.shape] or there
        if not alike:
            continue
        found = [compare(tensor.cpu(), each, tolerance) for each in alike]
        matches = any(each.equal for each in found)
        event.matches = matches if event.matches is None else event.matches and matches
        if not matches:
            event.error = max(event.error, min(each.max_abs for each in found))


def _same_kind(one: Tensor, other: Tensor) -> bool:
    kinds = ((each.is_floating_point(), each.is_complex(), each.dim()) for each in (one, other))
    return len(set(kinds)) == 1


def _find_first_wrong(events: Sequence[Event]) -> int | None:
    wrong = [False] * len(events)
    for index in reversed(range(len(events))):
        event = events[index]
        if event.matches is not True:
            spoils = any(wrong[each] for each in event.consumers)
            wrong[index] = spoils or (event.matches is False and event.is_output)
    return next((index for index, event in enumerate(events) if event.matches is False and wrong[index]), None)


def _find_left_out(events: Sequence[Event], first: int, computed: Mapping[Line, Any]) -> int | None:
    """The operand of the first wrong value that the file does not compute at all. A view is no loss: files have none
    where the next node reads as the view would."""
    for index in events[first].operands:
        event = events[index]
        if event.matches is None and not event.is_view and event.line is not None and event.line not in computed:
            return index
    return None


def _find_branch(events: Sequence[Event], first: int | None, computed: Mapping[Line, Any], lines: Lines) -> Line | None:
    """The statement that chose, where the model ran lines between the last right value and the first wrong one that
    the file does not have, or the file has lines there that the model did not run."""
    end = len(events) if first is None else first + 1
    right = [index for index in range(end) if events[index].matches]
    start = right[-1] + 1 if right else 0
    between = [line for event in events[start:end] if (line := event.line) is not None]
    ran = {event.line for event in events}
    for line in between:
        if line not in computed and (found := _enclosing_branch(line, lines)) is not None:
            return found
    if first is None and not right:
        return None
    last = events[right[-1]].line if right else None
    until = events[first].line if first is not None else None
    for line in sorted(set(computed) - ran):
        after = last is None or line.path != last.path or line.line > last.line
        before = until is None or line.path != until.path or line.line <= until.line
        if after and before and (found := _enclosing_branch(line, lines)) is not None:
            return found
    return None


def _enclosing_branch(line: Line, lines: Lines) -> Line | None:
    """The innermost statement that decides whether a line runs."""
    place = lines.expand(line)
    try:
        tree = ast.parse(Path(place.path).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    found = None
    for node in ast.walk(tree):
        if isinstance(node, BRANCHES):
            body = [node.body] if isinstance(node, ast.IfExp) else getattr(node, "body", getattr(node, "cases", []))
            starts = [each.lineno for each in body if hasattr(each, "lineno")] or [node.lineno]
            if min(starts) <= place.line <= (node.end_lineno or node.lineno) and (found is None or node.lineno > found):
                found = node.lineno
    return None if found is None else Line(line.path, found)
