"""Takes down what every variable of chosen files holds, after each store, by tracing their bytecode.

The code that runs is the user's own, unchanged. A store is known by the exact range of the name it assigns.
"""

from __future__ import annotations

import ast
import dis
import functools
import inspect
import re
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import cache
from pathlib import Path
from types import CodeType, FrameType
from typing import Any

from .seen import Place, Seen, summarise

Stores = dict[Place, list[Seen]]
_DOTTED = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)+")
_PLAIN_STORES = frozenset(("STORE_FAST", "STORE_DEREF", "STORE_GLOBAL", "STORE_NAME"))
_NOT_VARIABLES = frozenset(("self", "cls"))
_Read = Callable[[FrameType], Any]
_Store = tuple[Place, _Read]


@contextmanager
def recording_stores(files: frozenset[str]) -> Iterator[Stores]:
    """What the functions of `files` assign while this lasts, in order."""
    stores: Stores = {}

    def note(place: Place, value: Any) -> None:
        if value is not None:
            stores.setdefault(place, []).append(summarise(value))

    def on_call(frame: FrameType, event: str, argument: Any) -> Any:
        code = frame.f_code
        if code.co_filename not in files or not code.co_flags & inspect.CO_OPTIMIZED:
            return None  # another's, or the body of a module or class
        if _starts(frame):
            for place in _parameters(code, code.co_filename):
                note(place, frame.f_locals[place.text])
        frame.f_trace_opcodes, frame.f_trace_lines = True, False
        stores_of_code = _stores(code, code.co_filename)
        waiting: list[_Store] = []

        def on_opcode(frame: FrameType, event: str, argument: Any) -> Any:
            # A store is reported before it runs: its value is there at whatever happens next.
            if waiting:
                place, read = waiting.pop()
                if event != "exception":
                    note(place, read(frame))
            if event == "opcode" and frame.f_lasti in stores_of_code:
                waiting.append(stores_of_code[frame.f_lasti])
            return on_opcode

        return on_opcode

    before = sys.gettrace()
    sys.settrace(on_call)
    try:
        yield stores
    finally:
        sys.settrace(before)


def _starts(frame: FrameType) -> bool:
    """Whether a frame is entered for the first time, and not a generator that goes on."""
    return frame.f_code.co_code[frame.f_lasti + 1] & 3 == 0


@cache
def _stores(code: CodeType, path: str) -> dict[int, _Store]:
    """By offset. Code of two files may be equal: its path is none of what Python compares."""
    found: dict[int, _Store] = {}
    for instruction in dis.get_instructions(code):
        name, at = str(instruction.argval), instruction.positions
        if (
            at is None
            or at.lineno is None
            or at.end_lineno is None
            or at.col_offset is None
            or at.end_col_offset is None
        ):
            continue
        if instruction.opname in _PLAIN_STORES and name.isidentifier():
            place = _place(path, at.lineno, at.col_offset, name)
            if not _stands_at(place):  # CPython stores all names of a `case` where its last pattern stands
                place = _named_before(place)
            found[instruction.offset] = place, _reader(name)
        elif instruction.opname == "STORE_ATTR" and at.lineno == at.end_lineno:
            target = _lines(path)[at.lineno - 1].encode()[at.col_offset : at.end_col_offset].decode()
            if _DOTTED.fullmatch(target):
                place = _place(path, at.lineno, at.col_offset, target)
                found[instruction.offset] = place, _attribute_reader(target.split("."))
    return found


def _reader(name: str) -> _Read:
    return lambda frame: frame.f_locals.get(name, frame.f_globals.get(name))


def _attribute_reader(chain: list[str]) -> _Read:
    return lambda frame: functools.reduce(getattr, chain[1:], _reader(chain[0])(frame))


@cache
def _parameters(code: CodeType, path: str) -> tuple[Place, ...]:
    """Where the parameters of a function stand in its source."""
    return tuple(
        _place(path, argument.lineno, argument.col_offset, argument.arg)
        for argument in _functions(path).get(_signature(code), ())
        if argument.arg not in _NOT_VARIABLES
    )


_Signature = tuple[int, str, tuple[str, ...]]


def _signature(code: CodeType) -> _Signature:
    count = code.co_argcount + code.co_kwonlyargcount
    count += bool(code.co_flags & inspect.CO_VARARGS) + bool(code.co_flags & inspect.CO_VARKEYWORDS)
    return code.co_firstlineno, code.co_name, code.co_varnames[:count]


@cache
def _functions(path: str) -> dict[_Signature, list[ast.arg]]:
    found = {}
    for node in ast.walk(ast.parse(Path(path).read_text(encoding="utf-8"))):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)):
            decorators = [] if isinstance(node, ast.Lambda) else node.decorator_list
            first_line = decorators[0].lineno if decorators else node.lineno
            name = "<lambda>" if isinstance(node, ast.Lambda) else node.name
            named = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
            named += [star for star in (node.args.vararg, node.args.kwarg) if star is not None]
            names = tuple(argument.arg for argument in named)
            found[first_line, name, names] = named
    return found


def _place(path: str, line: int, byte_column: int, name: str) -> Place:
    text = _lines(path)[line - 1]
    column = len(text.encode()[:byte_column].decode())
    return Place(path, line, column, line, column + len(name), name)


def _stands_at(place: Place) -> bool:
    return _lines(place.path)[place.line - 1][place.column : place.end_column] == place.text


def _named_before(place: Place) -> Place:
    text = _lines(place.path)[place.line - 1]
    columns = [match.start() for match in re.finditer(rf"\b{place.text}\b", text) if match.start() <= place.column]
    column = columns[-1] if columns else place.column
    return replace(place, column=column, end_column=column + len(place.text))


@cache
def _lines(path: str) -> list[str]:
    return Path(path).read_text(encoding="utf-8").splitlines()
