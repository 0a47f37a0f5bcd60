"""What code was doing when it raised: the expression, the names in it, and the two sides of a check that failed."""

from __future__ import annotations

import ast
import linecache
import os
from collections.abc import Iterator
from functools import lru_cache
from itertools import islice
from pathlib import Path
from types import CodeType, FrameType
from typing import Any

import torch

TORCH = (f"{Path(torch.__file__).parent}{os.sep}", f"{os.sep}einops{os.sep}", "<frozen")
"""Parts of the names of files whose own lines say nothing about what a model wants."""
PLACE = ("lineno", "end_lineno", "col_offset", "end_col_offset")
CHECKED = (int, tuple, list)


def user_frames(cause: BaseException) -> list[tuple[FrameType, int, int]]:
    """Frames of the traceback outside of torch, innermost first, each with its line and last instruction."""
    frames = []
    traceback = cause.__traceback__
    while traceback is not None:
        name = traceback.tb_frame.f_code.co_filename
        if not any(part in name for part in TORCH) and "/pymodel/" not in name:
            frames.append((traceback.tb_frame, traceback.tb_lineno, traceback.tb_lasti))
        traceback = traceback.tb_next
    return frames[::-1]


def failing_names(cause: BaseException) -> Iterator[tuple[FrameType, list[str]]]:
    """The plain names in the expression that raised, frame by frame."""
    for frame, line, last in user_frames(cause):
        yield frame, list(dict.fromkeys(_names(frame.f_code, line, last)))


def failed_checks(cause: BaseException) -> Iterator[tuple[str, str, Any, Any]]:
    """The comparisons of the `assert`, or of the `if` around the `raise`, that ended a run: left side's text, operator,
    and the two sides' values."""
    if getattr(cause, "__traceback__", None) is None:
        return
    for frame, line, _ in islice(user_frames(cause), 1):
        for test in _tests(frame.f_code.co_filename, line):
            for node in ast.walk(test):
                if isinstance(node, ast.Compare) and len(node.ops) == 1:
                    left, right = (_evaluate(side, frame) for side in (node.left, node.comparators[0]))
                    if left is not None and right is not None:
                        yield ast.unparse(node.left), type(node.ops[0]).__name__, left, right


def divisor_of(text: str, cause: BaseException) -> int | None:
    """`p` of a failed check of `height % p`."""
    node = ast.parse(text, mode="eval").body
    frames = user_frames(cause)
    if not (isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mod) and frames):
        return None
    value = _evaluate(node.right, frames[0][0])
    return value if isinstance(value, int) and value > 0 else None


def dividend_of(text: str, cause: BaseException) -> int | None:
    """`height` of a failed check of `height % p`."""
    node = ast.parse(text, mode="eval").body
    frames = user_frames(cause)
    if not (isinstance(node, ast.BinOp) and frames):
        return None
    value = _evaluate(node.left, frames[0][0])
    return value if isinstance(value, int) else None


def _evaluate(node: ast.expr, frame: FrameType) -> Any:
    """The value of a side of a comparison, if it is a number or a list of numbers."""
    for each in ast.walk(node):  # attributes, sizes and lengths only: nothing is called for what it does
        if isinstance(each, (ast.Await, ast.Yield, ast.NamedExpr, ast.Lambda, ast.ListComp, ast.GeneratorExp)):
            return None
        if isinstance(each, ast.Call) and ast.unparse(each.func).rpartition(".")[2] not in ("size", "dim", "len"):
            return None
    try:
        code = compile(ast.fix_missing_locations(ast.Expression(node)), "<check>", "eval")
        value = eval(code, frame.f_globals, frame.f_locals)
    except Exception:  # the code under analysis may raise anything here, as it did there
        return None
    return value if isinstance(value, CHECKED) and not isinstance(value, bool) else None


def _tests(path: str, line: int) -> list[ast.expr]:
    """The conditions that a failing line stands under: an assertion's, or those of the `if`s around a `raise`."""
    tree = _parse(path, len(linecache.getlines(path)))
    around = [node for node in ast.walk(tree) if isinstance(node, ast.stmt) and _covers(node, line)]
    around.sort(key=lambda node: (node.end_lineno or node.lineno) - node.lineno)
    for node in around:
        if isinstance(node, ast.Assert):
            return [node.test]
        if isinstance(node, ast.If) and around and isinstance(around[0], ast.Raise):
            return [node.test]
    return []


def _names(code: CodeType, line: int, last: int) -> Iterator[str]:
    position = next(islice(code.co_positions(), last // 2, None), None)
    tree = _parse(code.co_filename, len(linecache.getlines(code.co_filename)))
    best: ast.AST | None = None
    if position is not None and None not in position:
        start, end, column, end_column = position
        for node in ast.walk(tree):
            place = tuple(getattr(node, each, None) for each in PLACE)
            if isinstance(node, ast.expr) and place == (start, end, column, end_column):
                best = node
    if best is None:
        best = next((n for n in ast.walk(tree) if isinstance(n, ast.stmt) and n.lineno == line), None)
    for node in ast.walk(best) if best is not None else ():
        if isinstance(node, ast.Name):
            yield node.id


def _covers(node: ast.stmt, line: int) -> bool:
    return node.lineno <= line <= (node.end_lineno or node.lineno)


@lru_cache(maxsize=64)
def _parse(path: str, length: int) -> ast.Module:
    """The tree of a file as it was imported; `length` tells versions of it apart."""
    try:
        return ast.parse("".join(linecache.getlines(path)))
    except SyntaxError:
        return ast.Module([], [])


def named_in_checks(cause: BaseException) -> list[str]:
    """The names in the conditions that a failed `assert`, or a `raise`, stands under."""
    tests = [
        test for frame, line, _ in islice(user_frames(cause), 1) for test in _tests(frame.f_code.co_filename, line)
    ]
    return [node.id for test in tests for node in ast.walk(test) if isinstance(node, ast.Name)]
