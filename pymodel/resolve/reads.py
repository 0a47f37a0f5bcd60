"""What a class reads of an argument that holds its settings: `cfg.n_embd`, `cfg["emb_dim"]`, `config.get("bias")`."""

from __future__ import annotations

import ast
import inspect
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Literal

from ..discover.conditions import conditions_of
from .reading import Function, read_function

MAX_DEPTH = 5
Path = tuple[tuple[str, str], ...]
"""Steps into an object, each `("attribute", name)` or `("key", name)`."""
Use = Literal["absent", "flag", "list"]
"""Whether it is asked if a setting is None, whether one is only asked if it is true, whether one is gone through."""
METHODS = frozenset(dir(dict)) | {"model_dump", "dict", "__dict__"}


@dataclass
class Reads:
    """The paths that are read of an argument and have to be there, and those for which a default is at hand."""

    required: dict[Path, None] = field(default_factory=dict)
    optional: dict[Path, None] = field(default_factory=dict)
    uses: dict[Path, Use] = field(default_factory=dict)
    """What is done with those of which that tells what they are."""
    words: dict[Path, str] = field(default_factory=dict)
    """The first word that one is compared with."""

    def names(self) -> set[str]:
        return {name for path in self.required for _, name in path}


@lru_cache(maxsize=512)
def find_reads(cls: Any, parameter: str) -> Reads:
    """What a class, and the classes that it hands the argument on to, read of an argument of `__init__`."""
    reads = Reads()
    _collect(cls, parameter, reads, set(), 0)
    longer = {path[:length] for path in reads.required for length in range(1, len(path))}
    for path in longer:
        reads.required.pop(path, None)
    return reads


def holds(value: Any, reads: Reads) -> bool:
    """Whether an object has all that is read of it."""
    return bool(reads.required) and all(_has(value, path) for path in reads.required)


def _has(value: Any, path: Path) -> bool:
    for kind, name in path:
        try:
            value = getattr(value, name) if kind == "attribute" else value[name]
        except Exception:  # a property or `__getitem__` of the code under analysis may raise anything
            return False
    return True


def initialiser(made: Any) -> Any:
    """What runs when a class is called: its `__init__`; a function itself."""
    return getattr(made, "__init__") if isinstance(made, type) else made  # noqa: B009 (of the class, not of `type`)


def _collect(cls: Any, parameter: str, reads: Reads, seen: set[tuple[Any, str]], depth: int) -> None:
    if (cls, parameter) in seen or depth > MAX_DEPTH:
        return
    seen.add((cls, parameter))
    init = initialiser(cls)
    function = read_function(init)
    if function is None:
        return
    scope = getattr(inspect.unwrap(init), "__globals__", {})
    kept = _collect_in(function, {parameter}, cls, scope, reads, seen, depth)
    if isinstance(cls, type):
        for name, method in vars(cls).items():
            other = read_function(method) if name != "__init__" and inspect.isfunction(method) else None
            if other is not None and kept:
                _collect_in(other, kept, cls, scope, reads, seen, depth)


def _collect_in(
    function: Function, holders: set[str], cls: Any, scope: Mapping[str, Any], reads: Reads, seen: Any, depth: int
) -> set[str]:
    """Collect the reads of one function; gives the attributes of `self` that hold the argument from then on."""
    kept: set[str] = set()
    for node in ast.walk(function):
        if isinstance(node, ast.Assign) and ast.unparse(node.value) in holders:
            for target in node.targets:
                holders = holders | {ast.unparse(target)}
                kept |= {ast.unparse(target)} if isinstance(target, ast.Attribute) else set()
    for node in ast.walk(function):
        if isinstance(node, (ast.Attribute, ast.Subscript)):
            path = _path(node, holders)
            if path and not isinstance(node.ctx, ast.Store):
                reads.required[path] = None
        elif isinstance(node, ast.Call):
            _collect_call(node, holders, cls, scope, reads, seen, depth)
    for path in reads.optional:
        reads.required.pop(path, None)
    _note_uses(function, holders, reads)
    return kept | {each for each in holders if each.startswith("self.")}


def _note_uses(function: Function, holders: set[str], reads: Reads) -> None:
    tested: set[Path] = set()
    tests = set()
    for node in ast.walk(function):
        if isinstance(node, (ast.If, ast.IfExp, ast.While)):
            tests |= {id(each) for each in conditions_of(node.test)}
        elif isinstance(node, ast.Compare) and isinstance(node.ops[0], (ast.Is, ast.IsNot)):
            if isinstance(node.comparators[0], ast.Constant) and node.comparators[0].value is None:
                reads.uses[_path(node.left, holders)] = "absent"
        elif isinstance(node, ast.Compare) and isinstance(node.ops[0], (ast.Eq, ast.In)):
            words = (each.value for each in ast.walk(node.comparators[0]) if isinstance(each, ast.Constant))
            word = next((each for each in words if isinstance(each, str)), None)
            if word is not None:
                reads.words.setdefault(_path(node.left, holders), word)
        elif isinstance(node, (ast.For, ast.comprehension)):
            reads.uses.setdefault(_path(node.iter, holders), "list")
        elif isinstance(node, ast.Call) and ast.unparse(node.func) == "len" and node.args:
            reads.uses.setdefault(_path(node.args[0], holders), "list")
    used: set[Path] = set()
    for node in ast.walk(function):
        if isinstance(node, (ast.Attribute, ast.Subscript)) and (path := _path(node, holders)):
            (tested if id(node) in tests else used).add(path)
    for path in tested - used:
        reads.uses.setdefault(path, "flag")
    for path in used:
        if reads.uses.get(path) == "flag":  # of another function, where it is only asked for
            del reads.uses[path]


def _path(node: ast.expr, holders: set[str]) -> Path:
    steps: list[tuple[str, str]] = []
    while ast.unparse(node) not in holders:
        if isinstance(node, ast.Attribute):
            steps.append(("attribute", node.attr))
            node = node.value
        elif isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Constant):
            if not isinstance(node.slice.value, str):
                return ()
            steps.append(("key", node.slice.value))
            node = node.value
        else:
            return ()
    steps.reverse()
    methods = [at for at, (kind, name) in enumerate(steps) if kind == "attribute" and name in METHODS]
    return tuple(steps[: methods[0]] if methods else steps)


def _collect_call(
    node: ast.Call, holders: set[str], cls: Any, scope: Mapping[str, Any], reads: Reads, seen: Any, depth: int
) -> None:
    func = ast.unparse(node.func)
    if func in ("getattr", "hasattr") and len(node.args) > 1 and ast.unparse(node.args[0]) in holders:
        name = node.args[1]
        if isinstance(name, ast.Constant) and isinstance(name.value, str):
            into = reads.optional if func == "hasattr" or len(node.args) > 2 else reads.required
            into[("attribute", name.value),] = None
        return
    if func.endswith(".get") and func.removesuffix(".get") in holders and node.args:
        name = node.args[0]
        if isinstance(name, ast.Constant) and isinstance(name.value, str):
            (reads.optional if len(node.args) > 1 else reads.required)[("key", name.value),] = None
        return
    callee = _callee(func, cls, scope)
    if callee is None:
        return
    try:
        names = list(inspect.signature(callee).parameters)
    except Exception:  # besides what has no signature: what stands in for a package may raise whatever it is asked
        return
    if func.endswith(".__init__"):
        names = names[1:]
        callee = callee.__objclass__ if hasattr(callee, "__objclass__") else callee
    given = dict(zip(names, node.args, strict=False))
    given |= {keyword.arg: keyword.value for keyword in node.keywords if keyword.arg}
    for argument, expression in given.items():
        if ast.unparse(expression) in holders:
            _collect(callee, argument, reads, seen, depth + 1)


def _callee(func: str, cls: Any, scope: Mapping[str, Any]) -> Any:
    """What a call names: a class or function of the module, a method of the class, or the base's `__init__`."""
    if func == "super().__init__" or func.endswith(".__init__"):
        bases = cls.__mro__[1:] if isinstance(cls, type) else ()
        return next((vars(base)["__init__"] for base in bases if "__init__" in vars(base)), None)
    if func.startswith("self.") and func.count(".") == 1:
        return getattr(cls, func.removeprefix("self."), None)
    value: Any = scope.get(func.partition(".")[0])
    for part in func.split(".")[1:]:
        value = getattr(value, part, None)
    return value if callable(value) else None
