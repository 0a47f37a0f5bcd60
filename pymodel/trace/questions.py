"""Questions and answers of a memo as JSON, so that what one process asked torch need not be asked by the next.

Only questions to functions that dispatch to function modes are told, put with gradients on or off and all else as torch
has it at the start. Reading checks every type and size: what was written need not be what is read.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any

import torch
from torch.overrides import get_overridable_functions

from .functions import own_function, own_functions
from .memo import (
    END,
    FALSE,
    FLOAT,
    KEYWORDS,
    LIST,
    MARKS,
    META,
    SAME,
    SLICE,
    TRUE,
    TUPLE,
    Answer,
    Asker,
    Key,
    Mark,
    Memo,
    Metadata,
    Output,
)

MAX_LENGTH = 1 << 31
MAX_RANK = 16
MAX_TEXT = 200
_NAMED = (torch.dtype, torch.layout, torch.memory_format)
_CONTAINERS: dict[str, Any] = {"tuple": tuple, "list": list}
Json = Any


class Unreadable(ValueError):
    """This is not what `tell_question` or `tell_answer` writes."""


# Writing.


def tell_question(key: Key) -> Json | None:
    """A key as JSON; None for one that only its own process can put."""
    place = _places().get(key[0])
    grad, *rest = key[1]
    if place is None or tuple(rest) != (torch.float32, False, False):
        return None
    parts = [_tell(part) for part in key[2:]]
    return None if any(part is _UNTOLD for part in parts) else [place, grad, parts]


def tell_answer(key: Key, answer: Answer) -> Json | None:
    """A question and its answer as JSON; None where a process of its own has to ask."""
    question = tell_question(key)
    if question is None or not answer.pure:
        return None
    container = None if answer.container is None else getattr(answer.container, "__name__", "")
    outputs = answer.outputs and [
        each and [_tell(each.metadata), each.base and _tell(each.base)] for each in answer.outputs
    ]
    views = [_tell(each) for each in answer.views]
    return [question, outputs, container, answer.same, list(answer.mutated), views]


_UNTOLD = object()


def _tell(part: Any) -> Json:
    if part is None or type(part) is int:
        return part
    if isinstance(part, Metadata):
        return {"t": [list(part.shape), list(part.stride), part.name, part.offset, part.requires_grad]}
    if isinstance(part, Mark):
        return {"m": part.name}
    if isinstance(part, str):
        return {"s": part} if len(part) <= MAX_TEXT else _UNTOLD
    if isinstance(part, float):
        return {"x": part.hex()}
    if isinstance(part, _NAMED):
        return {"n": str(part).removeprefix("torch.")}
    if part is ...:
        return {"e": 0}
    return {"v": 0} if part == META else _UNTOLD


# Reading.


def read_answer(memo: Memo, data: Json) -> tuple[Key, Answer]:
    """What `tell_answer` wrote.

    Raises:
        Unreadable: it did not write this.
    """
    question, outputs, container, same, mutated, views = _items(data, 6)
    key = read_question(memo, question)
    operands = sum(isinstance(part, Metadata) for part in key)
    answer = Answer()
    answer.pure = True
    answer.mutated = tuple(_number(each, operands) for each in _items(mutated))
    answer.same = None if same is None else _number(same, operands)
    answer.container = None if container is None else _read_container(container)
    answer.views = tuple(_metadata(memo, each) for each in _items(views))
    if outputs is not None:
        answer.outputs = tuple(
            None if each is None else _read_output(memo, *_items(each, 2)) for each in _items(outputs)
        )
        if not any(answer.outputs) or (answer.container is None and len(answer.outputs) != 1):
            raise Unreadable("no output")
    return key, answer


def read_question(memo: Memo, data: Json) -> Key:
    """What `tell_question` wrote. Raises `Unreadable`."""
    place, grad, parts = _items(data, 3)
    function = own_function(place) if isinstance(place, str) else None
    if function not in _places() or not isinstance(grad, bool):
        raise Unreadable("no function of torch's")
    return (function, (grad, torch.float32, False, False), *(_read(memo, part) for part in _items(parts)))


def ask_again(memo: Memo, data: Json) -> Json | None:
    """Put a question to the torch of this process; the answer as `tell_answer` writes it, None where there is none.

    Raises:
        Unreadable: it is no question.
    """
    key = read_question(memo, data)
    args, kwargs = _arguments(key)
    operands: list[torch.Tensor] = []
    try:
        with torch.set_grad_enabled(key[1][0]):
            said = Asker(memo).ask(key[0], args, kwargs, operands)
    except (RuntimeError, ValueError, IndexError, TypeError):
        return None  # whoever asks next hears it from torch itself
    answer = memo.answers.get(key)  # none, if what was asked is not what the question says
    return None if said is None or answer is None else tell_answer(key, answer)


def _read(memo: Memo, part: Json) -> Any:
    if part is None or type(part) is int:
        return part
    if not isinstance(part, dict) or len(part) != 1:
        raise Unreadable("no part of a question")
    ((kind, value),) = part.items()
    if kind == "t":
        return _metadata(memo, part)
    if kind == "m" and value in MARKS:
        return MARKS[value]
    if kind == "s" and isinstance(value, str) and len(value) <= MAX_TEXT:
        return value
    if kind == "x" and isinstance(value, str):
        try:
            return float.fromhex(value)
        except (ValueError, OverflowError):
            raise Unreadable("no number") from None
    if kind == "n" and isinstance(getattr(torch, str(value), None), _NAMED):
        return getattr(torch, value)
    if kind in ("e", "v"):
        return ... if kind == "e" else META
    raise Unreadable(f"no part of a question: {kind}")


def _metadata(memo: Memo, data: Json) -> Metadata:
    if not isinstance(data, dict) or data.keys() != {"t"}:
        raise Unreadable("no tensor")
    shape, stride, name, offset, requires_grad = _items(data["t"], 5)
    lengths = tuple(_number(each, MAX_LENGTH) for each in _items(shape))
    steps = tuple(_number(each, MAX_LENGTH**2) for each in _items(stride))
    dtype = getattr(torch, name, None) if isinstance(name, str) else None
    if not isinstance(dtype, torch.dtype) or len(lengths) != len(steps) or len(lengths) > MAX_RANK:
        raise Unreadable("no tensor")
    if requires_grad and not (dtype.is_floating_point or dtype.is_complex):
        raise Unreadable("no gradient for whole numbers")
    return memo.metadata((lengths, steps, dtype, _number(offset, MAX_LENGTH**2)))[requires_grad is True]


def _read_output(memo: Memo, metadata: Json, base: Json) -> Output:
    return Output(_metadata(memo, metadata), None if base is None else _metadata(memo, base))


def _read_container(name: Json) -> Any:
    found = _CONTAINERS.get(name) if isinstance(name, str) else None
    found = found or (vars(torch.return_types).get(name) if isinstance(name, str) else None)
    if not isinstance(found, type):
        raise Unreadable("no container")
    return found


def _items(data: Json, count: int | None = None) -> list[Any]:
    if not isinstance(data, list) or len(data) > 1024 or (count is not None and len(data) != count):
        raise Unreadable("no list")
    return data


def _number(data: Json, below: int) -> int:
    if type(data) is not int or not 0 <= data < below:
        raise Unreadable("no number")
    return data


@cache
def _places() -> dict[Any, str]:
    """The functions that a question may be about: those that torch hands to function modes."""
    dispatched = {function for functions in get_overridable_functions().values() for function in functions}
    return {function: place for function, place in own_functions().items() if function in dispatched}


# From a key back to a call.


def _arguments(key: Key) -> tuple[tuple[Any, ...], dict[str, Any]]:
    parts = list(key[2:])
    same: list[Any] = []
    if SAME in parts:
        at = parts.index(SAME)
        parts, same = parts[:at], parts[at + 1 :]
    at = parts.index(KEYWORDS) if KEYWORDS in parts else len(parts)
    operands: list[torch.Tensor] = []
    args = tuple(_values(iter(parts[:at]), operands, same))
    keywords = _values(iter(parts[at + 1 :]), operands, same)
    return args, {str(name): next(keywords, None) for name in keywords}


def _values(parts: Iterator[Any], operands: list[torch.Tensor], same: list[Any]) -> Iterator[Any]:
    """The arguments that parts of a key stand for, up to the end of the list that they are in."""
    for part in parts:
        if part is END:
            return
        if isinstance(part, Metadata):
            place = len(operands)
            first = same[place] if place < len(same) else place
            known = type(first) is int and 0 <= first < place
            operands.append(operands[first] if known else _stand_in(part))
            yield operands[-1]
        elif part is TUPLE:
            yield tuple(_values(parts, operands, same))
        elif part is LIST:
            yield list(_values(parts, operands, same))
        elif part is SLICE:
            yield slice(next(parts, None), next(parts, None), next(parts, None))
        elif part is FLOAT:
            yield next(parts, None)
        elif part is TRUE or part is FALSE:
            yield part is TRUE
        else:
            yield part


def _stand_in(metadata: Metadata) -> torch.Tensor:
    """An operand like the one that the question was about: no view, unless its memory has gaps or is shared."""
    tensor = metadata.make()
    if tensor.stride() == metadata.stride and metadata.offset == 0:
        return tensor
    reach = sum((size - 1) * step for size, step in zip(metadata.shape, metadata.stride, strict=True) if size)
    memory = torch.empty(metadata.offset + reach + 1, dtype=metadata.dtype, device=META)
    view = memory.as_strided(metadata.shape, metadata.stride, metadata.offset)
    return view.requires_grad_() if metadata.requires_grad else view
