"""From a number in an expression to where it was written down: `config.n_embd` to the field of `GPTConfig`."""

from __future__ import annotations

import ast
import inspect
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from torch import nn

from ..discover.document import Document, read_document
from ..schema import Construction, Origin
from .instrument import Site
from .recorder import IntSeen, ModuleSeen, OtherSeen, TupleSeen
from .values import Event


@dataclass(frozen=True)
class Argument:
    """A number given to a layer's constructor: `n_embd` in `nn.Linear(config.n_embd, 10)`, at `path` and `line`."""

    name: str
    value: int
    text: str
    path: str
    line: int


def layer_arguments(
    built: Sequence[Event], sites: Sequence[Site], paths: Mapping[int, str]
) -> dict[str, tuple[Argument, ...]]:
    """The numbers that the code gave to each of torch's own layers, by module path."""
    found: dict[str, tuple[Argument, ...]] = {}
    for index, (number, seen) in enumerate(built):
        if not isinstance(seen, ModuleSeen) or sites[number].kind != "operation":
            continue
        path = paths.get(id(seen.module))
        if path and path not in found and type(seen.module).__module__.startswith("torch."):
            found[path] = tuple(_arguments_of(seen.module, index, built, sites))
    return {path: given for path, given in found.items() if given}


def _arguments_of(module: nn.Module, index: int, built: Sequence[Event], sites: Sequence[Site]) -> Iterator[Argument]:
    """What the call whose event is at `index` was given. The values of its arguments were told just before it."""
    call = sites[built[index][0]]
    tree = _parse(call.text)
    if not isinstance(tree, ast.Call):
        return
    told: dict[str, Any] = {}
    for number, seen in reversed(built[:index]):
        site = sites[number]
        if site.path != call.path or not (call.start <= site.start and site.end <= call.end):
            break
        told.setdefault(site.text, seen)
    kind: Any = type(module)
    names = _parameters(kind)
    given = [*zip(names, tree.args, strict=False), *((each.arg, each.value) for each in tree.keywords if each.arg)]
    for name, node in given:
        for value, text in _numbers(node, call.text, told):
            yield Argument(name, value, text, call.path, call.start.line)


def _numbers(node: ast.expr, text: str, told: Mapping[str, Any]) -> Iterator[tuple[int, str]]:
    if isinstance(node, ast.Constant):
        if type(node.value) is int:
            yield node.value, ast.unparse(node)
        return
    source = ast.get_source_segment(text, node) or ""
    seen = told.get(source)
    if isinstance(seen, IntSeen):
        yield seen.value, source
    elif isinstance(seen, TupleSeen):
        yield from ((item.value, source) for item in seen.items if isinstance(item, IntSeen))
    elif isinstance(node, (ast.Tuple, ast.List)):
        for item in node.elts:
            yield from _numbers(item, text, told)


@cache
def _parameters(kind: Any) -> tuple[str, ...]:
    return tuple(inspect.signature(kind).parameters)


@cache
def _parse(text: str) -> ast.expr | None:
    try:
        return ast.parse(text, mode="eval").body
    except SyntaxError:
        return None


class Definitions:
    """Where names and attributes of the code under analysis are defined, as far as its text and its objects tell."""

    def __init__(
        self,
        sites: Sequence[Site],
        events: Sequence[Event],
        documents: Mapping[str, str],
        construction: Construction,
    ) -> None:
        self.sites = sites
        self._documents = documents
        self._construction = construction
        self._types = {
            (sites[n].path, sites[n].text): seen for n, seen in events if isinstance(seen, OtherSeen) and seen.module
        }
        self._read: dict[str, Document | None] = {}
        self._known: dict[tuple[str, str, int], Origin] = {}

    def of_argument(self, argument: Argument, layer: str) -> Origin:
        node = _parse(argument.text)
        if isinstance(node, ast.Constant):
            return Origin(f"{argument.name} of {layer}", argument.path, argument.line)
        return self._of_text(argument.text, argument.path, argument.line)

    def of_site(self, index: int) -> Origin:
        site = self.sites[index]
        return self._of_text(site.text, site.path, site.start.line)

    def _of_text(self, text: str, path: str, line: int) -> Origin:
        key = text, path, line
        if key not in self._known:
            node = _parse(text)
            self._known[key] = (self._of(node, path, line) if node is not None else None) or Origin(text, path, line)
        return self._known[key]

    def _of(self, node: ast.expr, path: str, line: int) -> Origin | None:
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            if node.value.id == "self":
                return self._of_own(node.attr, path, line)
            return self._of_field(ast.unparse(node.value), node.attr, path)
        if isinstance(node, ast.Attribute):
            return self._of_field(ast.unparse(node.value), node.attr, path)
        if isinstance(node, ast.Name):
            return self._of_name(node.id, path, line)
        leaves = {ast.unparse(leaf): leaf for leaf in _leaves(node)}
        if len(leaves) != 1:
            return None
        inner = self._of(next(iter(leaves.values())), path, line)
        return inner and Origin(f"{ast.unparse(node)}, {inner.name}", inner.path, inner.line)

    def _of_field(self, owner: str, attribute: str, path: str) -> Origin | None:
        """A field of an object whose class is known: where the construction gives it, else where the class does."""
        seen = self._types.get((path, owner))
        if seen is None:
            return None
        name, made = f"{seen.type}.{attribute}", self._construction
        if f"{attribute}=" in made.expression.replace(" ", ""):
            return Origin(name, made.source.path, made.source.line)
        file = getattr(sys.modules.get(seen.module), "__file__", None)
        document = self._document(file) if file else None
        line = _field_line(document, seen.type, attribute) if document else None
        return Origin(name, file, line) if line else None

    def _of_own(self, attribute: str, path: str, line: int) -> Origin | None:
        """`self.n_head`, followed to what it was assigned from."""
        document = self._document(path)
        for node in ast.walk(document.tree) if document else ():
            if not isinstance(node, ast.ClassDef) or not _spans(node, line):
                continue
            for each in ast.walk(node):
                if isinstance(each, ast.Assign) and f"self.{attribute}" in map(ast.unparse, each.targets):
                    own = isinstance(each.value, ast.Attribute) and ast.unparse(each.value.value) == "self"
                    found = None if own else self._of(each.value, path, each.lineno)
                    return found or Origin(f"self.{attribute}", path, each.lineno)
        return None

    def _of_name(self, name: str, path: str, line: int) -> Origin | None:
        """A parameter or a variable of the function around, else of the module, else of the module it comes from."""
        document = self._document(path)
        if document is None:
            return None
        around = [
            node
            for node in ast.walk(document.tree)
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)) and _spans(node, line)
        ]
        for node in reversed(around):
            for each in ast.walk(node):
                if isinstance(each, ast.arg) and each.arg == name:
                    return Origin(name, path, each.lineno)
            bound = _binding_line(node.body, name)
            if bound:
                return Origin(name, path, bound)
        bound = _binding_line(document.tree.body, name)
        if bound:
            return Origin(name, path, bound)
        for statement in document.tree.body:
            if isinstance(statement, ast.ImportFrom) and any((a.asname or a.name) == name for a in statement.names):
                file = getattr(sys.modules.get(statement.module or ""), "__file__", None)
                other = self._document(file) if file else None
                bound = _binding_line(other.tree.body, name) if other else None
                return Origin(name, file, bound) if bound else Origin(name, path, statement.lineno)
        return None

    def _document(self, path: str) -> Document | None:
        if path not in self._read:
            try:
                self._read[path] = read_document(path, self._documents)
            except OSError:
                self._read[path] = None
        return self._read[path]


def _spans(node: ast.stmt, line: int) -> bool:
    return node.lineno <= line <= (node.end_lineno or node.lineno)


def _leaves(node: ast.expr) -> Iterator[ast.expr]:
    """The names and attributes that an expression computes with."""
    if isinstance(node, (ast.Attribute, ast.Name)):
        yield node
    elif isinstance(node, ast.BinOp):
        yield from _leaves(node.left)
        yield from _leaves(node.right)


def _field_line(document: Document, class_name: str, attribute: str) -> int | None:
    for node in ast.walk(document.tree):
        if isinstance(node, ast.ClassDef) and node.name == class_name:
            for each in ast.walk(node):
                if not isinstance(each, (ast.Assign, ast.AnnAssign)):
                    continue
                targets = each.targets if isinstance(each, ast.Assign) else [each.target]
                if any(ast.unparse(target) in (attribute, f"self.{attribute}") for target in targets):
                    return each.lineno
    return None


def _binding_line(body: Sequence[ast.stmt], name: str) -> int | None:
    """The last line in a block, and in what it nests, that assigns a name."""
    lines = [
        each.lineno
        for statement in body
        for each in ast.walk(statement)
        if isinstance(each, ast.Name) and isinstance(each.ctx, ast.Store) and each.id == name
    ]
    return lines[-1] if lines else None
