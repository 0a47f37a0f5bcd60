"""Will this export? What exporters do not take, read from the trace and the text before anything is run.

An exporter records one run of forward on tensors without values. What depends on values, leaves torch, or changes
Python's own state does not get into the file. Each finding stands on its line, and says what to change.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from pathlib import Path

from ..discover.conditions import conditions_of
from ..schema import Diagnostic, Position, Read, Trace, Value

Held = Value | Read
CODE = "export"
Text = Callable[[str], str | None]
"""The text of a file by its path; None where it cannot be read."""
TO_PYTHON = {"item", "tolist", "numpy", "__array__"}
TO_NUMBER = "A tensor's value becomes a Python number here, and a file has no Python."
CASTS = {"int", "float", "bool"}
RANDOM_MODULES = {"random", "secrets", "time", "datetime"}
RANDOM = {
    *("rand", "randn", "randint", "rand_like", "randn_like", "randint_like"),
    *("randperm", "bernoulli", "multinomial", "normal"),
}


def read_text(path: str) -> str | None:
    """The text of a file on disk."""
    try:
        return Path(path).read_text(encoding="utf-8")
    except (OSError, ValueError):
        return None


def find_hindrances(trace: Trace, text_of: Text) -> tuple[Diagnostic, ...]:
    """What may stop an export of a traced model, in the order of the text, as hints."""
    values: dict[str, list[Held]] = {}
    for value in trace.values:
        if value.phase == "forward":
            values.setdefault(value.path, []).append(value)
    for read in trace.reads:
        if read.path in values:
            values[read.path].append(read)
    found: list[Diagnostic] = []
    for path, there in values.items():
        text = text_of(path)
        if text is None:
            continue
        try:
            tree = ast.parse(text)
        except (SyntaxError, ValueError, RecursionError):
            continue
        found += _Preflight(path, tree, text, there).find()
    return tuple(sorted(found, key=lambda each: (each.path, each.start)))


class _Preflight:
    """One file: its syntax, and what its expressions held."""

    def __init__(self, path: str, tree: ast.AST, text: str, values: list[Held]) -> None:
        self.path = path
        self.tree = tree
        self.lines = text.splitlines()
        self.held = {(each.start.line, each.start.column, each.end.line, each.end.column): each for each in values}
        self.ran = {each.start.line for each in values if isinstance(each, Value)}

    def find(self) -> Iterator[Diagnostic]:
        for function in ast.walk(self.tree):
            if isinstance(function, (ast.FunctionDef, ast.AsyncFunctionDef)):
                last = function.body[-1].end_lineno or function.lineno
                if self.ran & set(range(function.body[0].lineno, last + 1)):
                    yield from self._find_in(function)

    def _find_in(self, function: ast.AST) -> Iterator[Diagnostic]:
        for node in _walk_own(function):
            if getattr(node, "lineno", None) is None:
                continue
            yield from self._find_branch(node)
            yield from self._find_call(node)
            yield from self._find_state(node)
            yield from self._find_open_size(node)

    def _find_branch(self, node: ast.AST) -> Iterator[Diagnostic]:
        if isinstance(node, (ast.If, ast.While, ast.IfExp, ast.Assert)):
            for test in conditions_of(node.test):
                if self._is_tensor(test):
                    words = "What runs here depends on a tensor's values, and a file holds one way only."
                    advice = "Compute both and choose with `torch.where`, use `torch.cond`, or decide before forward."
                    if isinstance(node, ast.Assert):
                        advice = "Check it before forward, or leave it out."
                    yield self._hint(test, f"{words} {advice}")
                elif self._is_random(test):
                    words = "What runs here is drawn in Python: the file holds the way that was drawn at export."
                    yield self._hint(test, f"{words} Decide in training only (`if self.training`).")
        elif isinstance(node, ast.For) and self._is_tensor(node.iter):
            words = "A loop over a tensor is unrolled: the file holds as many rounds as the example has rows."
            yield self._hint(node.iter, f"{words} Compute on the whole tensor.")

    def _find_call(self, node: ast.AST) -> Iterator[Diagnostic]:
        if not isinstance(node, ast.Call):
            return
        function = node.func
        if isinstance(function, ast.Attribute) and function.attr in TO_PYTHON and self._is_tensor(function.value):
            if function.attr in ("numpy", "__array__"):
                words = "A tensor leaves torch for NumPy here, where nothing is recorded. Do it with torch's functions."
            else:
                words = f"{TO_NUMBER} Keep it a tensor, or take the number from a shape."
            yield self._hint(node, words)
        elif isinstance(function, ast.Name) and function.id in CASTS and len(node.args) == 1:
            if self._is_tensor(node.args[0]):
                yield self._hint(node, f"{TO_NUMBER} Keep it a tensor, or take the number from a shape.")
        elif isinstance(function, ast.Attribute) and self._is_tensor(node) and function.attr in RANDOM:
            words = "Random numbers differ in every run: the file cannot be proven equal."
            yield self._hint(node, f"{words} Draw them in training only, or take them as an input.")

    def _find_state(self, node: ast.AST) -> Iterator[Diagnostic]:
        single = [node.target] if isinstance(node, ast.AugAssign) else []
        for target in node.targets if isinstance(node, ast.Assign) else single:
            owner = target.value if isinstance(target, ast.Attribute) else None
            if isinstance(owner, ast.Name) and owner.id == "self" and target.lineno in self.ran:
                words = "forward changes the module itself here, which a file does not do."
                yield self._hint(target, f"{words} Return the value, or declare it with `self.register_buffer`.")

    def _find_open_size(self, node: ast.AST) -> Iterator[Diagnostic]:
        """Where a size first rests on values: what is computed from it has such sizes, too."""
        if isinstance(node, (ast.Call, ast.Subscript)) and _has_open_size(self._value(node)):
            operands = [each for each in ast.walk(node) if each is not node]
            if not any(_has_open_size(self._value(each)) for each in operands):
                words = "The size of this depends on values, so that code that needs it as a number will fail."
                yield self._hint(node, f"{words} A mask keeps the size.")

    def _value(self, node: ast.AST) -> Held | None:
        if not isinstance(node, ast.expr) or node.end_lineno is None or node.end_col_offset is None:
            return None
        start, end = self._column(node.lineno, node.col_offset), self._column(node.end_lineno, node.end_col_offset)
        return self.held.get((node.lineno, start, node.end_lineno, end))

    def _column(self, line: int, byte: int) -> int:
        """ast counts bytes, a trace characters."""
        text = self.lines[line - 1] if line <= len(self.lines) else ""
        return byte if text.isascii() else len(text.encode()[:byte].decode("utf-8", "ignore"))

    def _is_tensor(self, node: ast.AST) -> bool:
        value = self._value(node)
        return value is not None and value.kind == "tensor"

    def _is_random(self, node: ast.AST) -> bool:
        names = (each.id for each in ast.walk(node) if isinstance(each, ast.Name))
        called = any(isinstance(each, ast.Call) for each in ast.walk(node))
        return called and any(name in RANDOM_MODULES for name in names)

    def _hint(self, node: ast.AST, words: str) -> Diagnostic:
        line, end_line = getattr(node, "lineno", 1), getattr(node, "end_lineno", 1)
        start = Position(line, self._column(line, getattr(node, "col_offset", 0)))
        end = Position(end_line, self._column(end_line, getattr(node, "end_col_offset", 0)))
        return Diagnostic(CODE, "hint", words, self.path, start, end)


def _walk_own(function: ast.AST) -> Iterator[ast.AST]:
    """The nodes of a function, without those of functions within it."""
    for child in ast.iter_child_nodes(function):
        if not isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            yield child
            yield from _walk_own(child)


def _has_open_size(value: Held | None) -> bool:
    """Whether a tensor has a size that rests on values: `u0`."""
    dims = value.dims if value is not None and value.kind == "tensor" else None
    return any(isinstance(dim, str) and dim.startswith("u") and dim[1:].isdigit() for dim in dims or ())
