"""Pins: a model's construction and inputs, written down by its author. Read as text, never evaluated here.

One grammar for the comment on a class line, the settings, pyproject.toml and the command line:
`Net(width=64), x=(B, 3, 12, 12)`, `ids=(B, T):int64`, `size=(3, 4):tuple`, `mask=None`; lists and dicts nest.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping
from dataclasses import dataclass

from ..schema import Dim, Input, Pin, PyModelError, Symbol, Trace
from .document import Document
from .models import find_models

COMMENT = re.compile(r"#\s*pymodel:\s*(?P<pin>.+?)\s*$")
DTYPE = re.compile(r"\)\s*:\s*(?P<dtype>[A-Za-z_][A-Za-z0-9_]*)")
"""A dtype behind a tensor's brackets. It is read as an operator, `(B, T) @ int64`, so that Python parses the rest."""

MAKERS = frozenset(f"torch.{name}" for name in ("randn", "rand", "zeros", "ones", "empty"))
"""Functions whose arguments are the dims of what they make."""


class PinError(PyModelError):
    """A pin that does not follow the grammar."""


@dataclass(frozen=True)
class TensorSpec:
    """A tensor of given dims: sizes, or expressions over symbols. `dtype` is None where the pin leaves it open."""

    dims: tuple[Dim, ...]
    dtype: str | None = None


@dataclass(frozen=True)
class LiteralSpec:
    """A Python expression taken as it stands: `None`, `True`, `(3, 4)`."""

    expression: str


@dataclass(frozen=True)
class ContainerSpec:
    """A list, tuple or dict of further specs, or a call with them. `keys` are a dict's, as expressions, or the names of
    a call's arguments; `kind` is what is called then."""

    kind: str
    items: tuple[Spec, ...]
    keys: tuple[str, ...] = ()


Spec = TensorSpec | LiteralSpec | ContainerSpec


@dataclass(frozen=True)
class InputSpec:
    name: str
    spec: Spec


def find_pins(document: Document) -> tuple[Pin, ...]:
    """The pins in comments on the lines of models' definitions; what is none is told by `pin_faults.py`."""
    pins = []
    for site in find_models(document):
        match = COMMENT.search(_line(document, site.line))
        if match:
            try:
                construction, inputs = split_pin(match["pin"], path=document.path, line=site.line)
            except PinError:
                continue
            pins.append(Pin(site.target, construction, inputs, "comment"))
    return tuple(pins)


def split_pin(text: str, *, path: str | None = None, line: int | None = None) -> tuple[str | None, tuple[str, ...]]:
    """A whole pin as its construction, if it has one, and its inputs.

    Raises:
        PinError: a part is neither an expression nor `name=(…)`.
    """
    construction = None
    inputs = []
    for part in _split_commas(text):
        if re.match(r"\s*[A-Za-z_]\w*\s*=(?!=)", part):
            parse_input(part, path=path, line=line)
            inputs.append(part.strip())
        elif construction is None:
            _parse_expression(part, path, line)
            construction = part.strip()
        else:
            raise _fault(part, path, line)
    return construction, tuple(inputs)


def parse_input(text: str, *, path: str | None = None, line: int | None = None) -> InputSpec:
    """`x=(B, 3, 12, 12):float32` as a spec.

    Raises:
        PinError: the text does not follow the grammar.
    """
    name, equals, value = text.partition("=")
    if not equals or not name.strip().isidentifier():
        raise _fault(text, path, line)
    try:
        node = _parse_expression(DTYPE.sub(r") @ \g<dtype>", value), path, line)
    except PinError:
        raise _fault(text, path, line) from None
    return InputSpec(name.strip(), _spec(node))


def format_inputs(trace: Trace) -> tuple[str, ...]:
    """The pins that stand for the inputs of a trace. Sizes that vary freely stay symbols; those that the model limits
    (to multiples, to a smallest image) are written as the numbers they were probed at first."""
    numbers = {name: symbol.probed[0] for name, symbol in trace.symbols.items() if not _varies_freely(symbol)}
    return tuple(format_input(each, numbers) for each in trace.inputs)


def _varies_freely(symbol: Symbol) -> bool:
    return symbol.meaning == "batch" or (symbol.meaning == "length" and symbol.min <= 2 and symbol.multiple_of == 1)


def format_input(given: Input, numbers: Mapping[str, int] | None = None) -> str:
    """The pin that stands for an input: `x=(B, 3, 12, 12):float32`, with `numbers` in place of symbols."""
    if given.dims is None:
        return f"{given.name}={given.expression}"
    sizes = [(numbers or {}).get(dim, dim) if isinstance(dim, str) else dim for dim in given.dims]
    dims = ", ".join(map(str, sizes)) + ("," if len(sizes) == 1 else "")
    return f"{given.name}=({dims}):{given.dtype or 'float32'}"


def _line(document: Document, number: int) -> str:
    return document.lines[number - 1] if number <= len(document.lines) else ""


def _spec(node: ast.expr, dtype: str | None = None) -> Spec:
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.MatMult) and isinstance(node.right, ast.Name):
        return _spec(node.left, node.right.id)
    if isinstance(node, ast.Call):
        return _called(node)
    if isinstance(node, ast.Tuple):
        if any(isinstance(each, (ast.Call, ast.List, ast.Dict)) for each in node.elts):
            return _container("tuple", node.elts)
        if dtype == "tuple":
            return LiteralSpec(ast.unparse(node)) if _is_literal(node) else _container("tuple", node.elts)
        return TensorSpec(tuple(_dim(element) for element in node.elts), dtype)
    if isinstance(node, ast.List):
        return _container("list", node.elts)
    if isinstance(node, ast.Dict):
        keys = tuple(ast.unparse(key) for key in node.keys if key is not None)
        return ContainerSpec("dict", tuple(_spec(value) for value in node.values), keys)
    return LiteralSpec(ast.unparse(node))


def _called(node: ast.Call) -> Spec:
    """`torch.randn(B, 3)` as the tensor that it makes, and `Batch(image=torch.randn(B, 3))` as what holds it: the
    expressions of a trace's inputs are pins as well."""
    function = ast.unparse(node.func)
    if function in MAKERS:
        sizes = node.args[0].elts if len(node.args) == 1 and isinstance(node.args[0], ast.Tuple) else node.args
        dtype = next((ast.unparse(each.value) for each in node.keywords if each.arg == "dtype"), "float32")
        return TensorSpec(tuple(_dim(size) for size in sizes), dtype.rpartition(".")[2])
    makes_tensors = any(isinstance(each, ast.Call) and ast.unparse(each.func) in MAKERS for each in ast.walk(node))
    if makes_tensors and node.keywords and not node.args:
        items = tuple(_spec(each.value) for each in node.keywords)
        return ContainerSpec(function, items, tuple(each.arg or "" for each in node.keywords))
    return LiteralSpec(ast.unparse(node))


def _container(kind: str, elements: list[ast.expr]) -> ContainerSpec:
    return ContainerSpec(kind, tuple(_spec(element) for element in elements))


def _is_literal(node: ast.Tuple) -> bool:
    """Whether a tuple holds no tensors: `(3, 4)`, unlike `((B, 3), (B, 4))`."""
    return not any(isinstance(each, (ast.Tuple, ast.List, ast.Dict, ast.BinOp)) for each in node.elts)


def _dim(node: ast.expr) -> Dim:
    if isinstance(node, ast.Constant) and isinstance(node.value, int):
        return node.value
    return ast.unparse(node)


def _split_commas(text: str) -> list[str]:
    """Split at the commas outside of brackets and strings."""
    parts, depth, quote, current = [], 0, "", ""
    for character in text:
        if quote:
            quote = "" if character == quote else quote
        elif character in "'\"":
            quote = character
        elif character in "([{":
            depth += 1
        elif character in ")]}":
            depth -= 1
        elif character == "," and depth == 0:
            parts.append(current)
            current = ""
            continue
        current += character
    return [part for part in (*parts, current) if part.strip()]


def _parse_expression(text: str, path: str | None, line: int | None) -> ast.expr:
    try:
        return ast.parse(text.strip(), mode="eval").body
    except (SyntaxError, ValueError, RecursionError):
        raise _fault(text, path, line) from None


def _fault(text: str, path: str | None, line: int | None) -> PinError:
    return PinError(
        f"`{text.strip()}` is not a pin.",
        path=path,
        line=line,
        advice="Write the construction, then the inputs: `Net(width=64), x=(B, 3, 12, 12):float32`.",
    )
