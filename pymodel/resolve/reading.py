"""The syntax of functions that were imported, and what it says about one of their arguments."""

from __future__ import annotations

import ast
import inspect
import linecache
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import torch

from ..discover.pins import TensorSpec

Function = ast.FunctionDef | ast.AsyncFunctionDef
UNPACKED = re.compile(r"(\.shape|\.size\(\))(\[:\d\])?$")


@dataclass(frozen=True)
class Usage:
    """How a function uses one argument: the names that its shape is unpacked to, its rank where a pattern or an index
    tells (0: not told), shapes it is reshaped to, keys and attributes that are read of it, and the names of
    the pieces that it is unpacked to itself."""

    unpacked: tuple[str, ...] = ()
    rank: int = 0
    reshaped: tuple[TensorSpec, ...] = ()
    keys: tuple[str, ...] = ()
    attributes: tuple[str, ...] = ()
    pieces: tuple[str, ...] = ()
    is_flattened: bool = False
    words: tuple[str, ...] = ()
    """Strings that it is compared with."""


def read_function(function: Any) -> Function | None:
    """The definition of a function, from the text that was imported; None for what was not written in Python."""
    code = getattr(inspect.unwrap(function), "__code__", None)
    if code is None:
        return None
    return _functions(code.co_filename, len(linecache.getlines(code.co_filename))).get(
        (code.co_name, code.co_firstlineno)
    )


@lru_cache(maxsize=256)
def _functions(path: str, length: int) -> dict[tuple[str, int], Function]:
    """The functions of a file by name and first line; `length` tells versions of it apart."""
    try:
        tree = ast.parse("".join(linecache.getlines(path)))
    except (SyntaxError, ValueError):
        return {}
    found = {}
    for node in ast.walk(tree):
        if isinstance(node, Function):
            first = min([node.lineno, *(each.lineno for each in node.decorator_list)])
            found[node.name, first] = node
    return found


def read_usage(function: Function | None, parameter: str) -> Usage:
    """What a function's body says about an argument, or about an expression of one such as `batch['image']`."""
    if function is None:
        return Usage()
    unpacked: tuple[str, ...] = ()
    ranks: list[int] = []
    reshaped: list[TensorSpec] = []
    keys: dict[str, None] = {}
    attributes: dict[str, None] = {}
    pieces: tuple[str, ...] = ()
    flattened = False
    words: list[str] = []
    for node in ast.walk(function):
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Tuple):
            value = ast.unparse(node.value)
            targets = node.targets[0].elts
            starred = any(isinstance(each, ast.Starred) for each in targets)
            if UNPACKED.sub("", value) == parameter and UNPACKED.search(value) and not starred and not unpacked:
                unpacked = tuple(each.id if isinstance(each, ast.Name) else "_" for each in targets)
            elif value == parameter and not starred:
                pieces = tuple(each.id if isinstance(each, ast.Name) else "_" for each in targets)
        elif isinstance(node, ast.Subscript) and _is(node.value, parameter):
            if isinstance(node.slice, ast.Constant) and isinstance(node.slice.value, str):
                keys[node.slice.value] = None
            elif isinstance(node.slice, ast.Tuple) and not any(_is_ellipsis(each) for each in node.slice.elts):
                ranks.append(sum(not _widens(each) for each in node.slice.elts))
        elif isinstance(node, ast.Attribute) and _is(node.value, parameter):
            if not hasattr(torch.Tensor, node.attr) and node.attr not in dir(dict):
                attributes[node.attr] = None
        elif isinstance(node, ast.Compare) and _is(node.left, parameter):
            sides = (each for side in node.comparators for each in ast.walk(side) if isinstance(each, ast.Constant))
            words += [each.value for each in sides if isinstance(each.value, str)]
        elif isinstance(node, ast.Call):
            reshaped += _reshaping(node, parameter)
            ranks += _pattern_rank(node, parameter)
            key = _key_got(node, parameter)
            if key is not None:
                keys[key] = None
            func = ast.unparse(node.func)
            flattened |= func in tuple(f"{parameter}.{each}" for each in ("view", "reshape", "flatten"))
            flattened |= func.endswith("flatten") and bool(node.args) and _is(node.args[0], parameter)
    names = tuple(f"N{place}" if name.strip("_") == "" else name for place, name in enumerate(unpacked))
    rank = len(names) or max(ranks, default=0)
    return Usage(names, rank, tuple(reshaped), tuple(keys), tuple(attributes), pieces, flattened, tuple(words))


def _is(node: ast.expr, text: str) -> bool:
    return ast.unparse(node) == text


def _widens(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and node.value is None


def _is_ellipsis(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and node.value is Ellipsis


def _reshaping(node: ast.Call, parameter: str) -> Iterator[TensorSpec]:
    """`("B", 28, 28)` for `x.reshape(-1, 28, 28)` of the argument itself."""
    if ast.unparse(node.func) in (f"{parameter}.view", f"{parameter}.reshape"):
        sizes = node.args[0].elts if len(node.args) == 1 and isinstance(node.args[0], ast.Tuple) else node.args
        rest = [each.value for each in sizes[1:] if isinstance(each, ast.Constant) and isinstance(each.value, int)]
        if sizes and all(ast.unparse(each) == "1" for each in sizes[1:]):
            yield TensorSpec(("B",))  # one number for each sample: `t.view(-1, 1, 1)`
        if len(rest) > 1 and len(rest) == len(sizes) - 1 and all(size > 0 for size in rest):
            yield TensorSpec(("B", *rest))


def _pattern_rank(node: ast.Call, parameter: str) -> Iterator[int]:
    """How many dims einops' pattern says an argument has: 4 for `rearrange(x, "b c (h p) (w q) -> …")`; and what a
    permutation of it says."""
    if len(node.args) > 1 and _is(node.args[0], parameter):
        pattern = node.args[1]
        if isinstance(pattern, ast.Constant) and isinstance(pattern.value, str) and "->" in pattern.value:
            left = pattern.value.partition("->")[0]
            if "..." not in left:
                yield len(re.sub(r"\([^)]*\)", "group", left).split())
    if ast.unparse(node.func) == f"{parameter}.permute":
        yield len(node.args) if len(node.args) > 1 else len(getattr(node.args[0], "elts", ())) if node.args else 0


def _key_got(node: ast.Call, parameter: str) -> str | None:
    """`"mask"` for `batch.get("mask")`."""
    if ast.unparse(node.func) == f"{parameter}.get" and node.args:
        first = node.args[0]
        return first.value if isinstance(first, ast.Constant) and isinstance(first.value, str) else None
    return None
