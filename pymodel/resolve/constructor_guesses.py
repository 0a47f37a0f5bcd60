"""Constructions from guesses at the required arguments, and from what a constructor's failure asks for instead."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from typing import Any

from ..schema import Construction, ModelSite, Source
from .blame import divisor_of, failed_checks, failing_names, named_in_checks
from .load import Loaded
from .reading import read_function
from .reads import initialiser
from .usual_values import IDENTITY, LISTS, USUAL_SIZES, class_for, usual_number, usual_value, write_call

CHANNELS = frozenset(name for name, size in USUAL_SIZES.items() if size in (3, 10, 16, 32, 64) and size is not True)
"""What is wide: of one size where a block adds its input to its output."""
COMING_IN = ("inplanes", "in_planes", "in_channels", "inplane")
"""What a ResNet's block gets, which is `expansion` times as wide as what it works on."""
MAX_REPAIRS = 12


def guess_constructions(
    site: ModelSite, loaded: Loaded, failures: list[tuple[Construction, BaseException]]
) -> Iterator[Construction]:
    """Constructions from guesses at the required arguments; after each that fails, from what the failure suggests."""
    made = vars(loaded.module).get(site.name)
    try:
        needed = [
            each
            for each in inspect.signature(made).parameters.values()  # type: ignore[arg-type]
            if each.default is each.empty and each.kind not in (each.VAR_POSITIONAL, each.VAR_KEYWORD)
        ]
    except (TypeError, ValueError):
        return
    values = {each.name: usual_value(each, made) or "16" for each in needed}
    source = Source("search", loaded.document.path, site.line)
    first = values
    waiting: list[tuple[dict[str, str], int]] = [(values, 0)]
    seen: set[str] = set()
    while waiting and len(seen) <= MAX_REPAIRS:
        values, depth = waiting.pop(0)
        expression = write_call(site.name, values)
        if expression in seen:
            continue
        seen.add(expression)
        before = len(failures)
        yield Construction(expression, (), source)
        if len(failures) > before and depth < 6:
            suggested = list(_suggestions(made, values, failures[-1][1]))
            missing = {name: new for name, new in suggested if name not in values}
            others = [missing] if missing else [{name: new} for name, new in suggested[:4]]
            waiting[:0] = [({**values, **changed}, depth + 1) for changed in others]
    wide = 16 * expansion if isinstance(expansion := getattr(made, "expansion", 1), int) else 16
    same = {name: str(wide if name in COMING_IN else 16) if name in CHANNELS else v for name, v in first.items()}
    yield Construction(write_call(site.name, same), (), source)
    small = {name: "8" if value == "16" else value for name, value in values.items()}
    yield Construction(write_call(site.name, small), (), source)


def _optional_after_all(made: Any, values: dict[str, str], cause: BaseException) -> Iterator[tuple[str, str]]:
    """Arguments that are None unless given, where the constructor itself fails for want of them."""
    try:
        parameters = inspect.signature(made).parameters
    except (TypeError, ValueError):
        return
    own = read_function(initialiser(made))
    name = own.name if own is not None else ""
    named = [each for frame, names in failing_names(cause) if frame.f_code.co_name == name for each in names]
    for name in dict.fromkeys((*named, *(named_in_checks(cause) if isinstance(cause, AssertionError) else ()))):
        if name in parameters and name not in values and parameters[name].default is None:
            is_class = "not callable" in str(cause)
            yield name, class_for(name, made) if is_class else usual_value(parameters[name], made) or "16"


def _suggestions(made: Any, values: dict[str, str], cause: BaseException) -> Iterator[tuple[str, str]]:
    """Other values for the arguments that a constructor's failure names."""
    message = str(cause)
    for name in re.findall(r"'(\w+)'", message.partition("missing")[2] if "required" in message else ""):
        if name not in values:
            yield name, usual_number(name)
    yield from _optional_after_all(made, values, cause)
    blamed = [name for _, names in failing_names(cause) for name in names if name in values]
    blamed += [name for name in values if re.search(rf"\b{re.escape(name)}\b", message)]
    blamed = list(dict.fromkeys(blamed)) or list(values)
    for text, operator, _, right in failed_checks(cause):
        chunk = divisor_of(text, cause) if "%" in text else None
        for name in values:
            if re.search(rf"\b{re.escape(name)}\b", text):
                if chunk:
                    yield name, str(chunk * 4)
                elif isinstance(right, (tuple, list)):
                    yield from ((name, repr(each)) for each in list(right)[:2])
                elif isinstance(right, int) and operator in ("Eq", "GtE", "LtE"):
                    yield name, str(right)
                elif isinstance(right, int) and operator == "Gt":
                    yield name, str(right + 1)
    divides = re.search(r"(?i)divisible by|multiple of|% ", message)
    for name in blamed:
        value = values[name]
        if re.search(r"not iterable|not subscriptable|has no len|argument after \*", message):
            yield from ((name, each) for each in LISTS[:3])
        elif re.search(r"index out of range|not enough values|IndexError", f"{message}{type(cause).__name__}"):
            yield from ((name, each) for each in (*LISTS[-2:], LISTS[6]))
        elif "not callable" in message or "is not a Module subclass" in message:
            yield name, class_for(name, made)
            yield name, IDENTITY
        elif re.search(
            r"'(tuple|list)' (object )?(and|cannot)|not supported between instances|can't multiply", message
        ):
            yield name, "16"
        elif divides and value.isdigit():
            yield name, "64"
            yield name, "16"
        elif "NoneType" in message or "unsupported operand" in message:
            yield name, "16"
        elif isinstance(cause, (KeyError, ValueError, NotImplementedError, AssertionError)) and value.startswith("'"):
            yield from ((name, repr(word)) for word in re.findall(r"['\"](\w+)['\"]", message)[:3])
        elif "has no attribute" in message and value.isdigit():
            yield name, IDENTITY
    if divides:
        for name, value in values.items():
            if value.isdigit() and name not in blamed:
                yield name, "64"
