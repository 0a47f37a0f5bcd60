"""What is wrong with the pins in a file's comments, as far as its text tells."""

from __future__ import annotations

import ast
import io
import tokenize
from collections.abc import Iterator

from ..schema import Diagnostic, ModelSite, Position
from .document import Document
from .models import find_models, last_name
from .pins import COMMENT, DTYPE, PinError, split_pin

DTYPES = frozenset(
    (
        *("float16", "float32", "float64", "bfloat16", "half", "float", "double", "complex64", "complex128"),
        *("int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64", "short", "int", "long", "bool"),
    )
)
NOT_TENSORS = frozenset(("tuple", "list"))


def find_pin_faults(document: Document) -> tuple[Diagnostic, ...]:
    """Comments that mean to be pins: one that is malformed, one that no model uses, and what in one fits nothing."""
    sites = {site.line: site for site in find_models(document)}
    faults: list[Diagnostic] = []
    for line, column, comment in _comments(document):
        match = COMMENT.search(comment)
        if match is None:
            continue
        site = sites.get(line)
        start, pin = column + match.start("pin"), match["pin"]
        if site is None:
            faults.append(_unused(document, tuple(sites.values()), line, column + match.start(), start + len(pin)))
            continue
        try:
            _, inputs = split_pin(pin, path=document.path, line=line)
        except PinError as error:
            words = f"{error.message} {error.advice}"
            faults.append(_fault("bad-pin", words, document, line, start, start + len(pin)))
            continue
        faults += _faults_of_inputs(document, site, inputs, pin, start)
    return tuple(faults)


def forward_arguments(document: Document, name: str) -> tuple[str, ...] | None:
    """The names that a class's `forward` can be given, in order; None where the text alone does not tell."""
    classes = {node.name: node for node in document.tree.body if isinstance(node, ast.ClassDef)}
    waiting, seen = [name], set()
    while waiting:
        current = waiting.pop(0)
        if current not in classes or current in seen:
            continue
        seen.add(current)
        for node in classes[current].body:
            if isinstance(node, ast.FunctionDef) and node.name == "forward":
                return _arguments(node)
        waiting += [last_name(base) for base in classes[current].bases]
    return None


def _arguments(node: ast.FunctionDef) -> tuple[str, ...] | None:
    if node.args.kwarg is not None or any(last_name(each) == "staticmethod" for each in node.decorator_list):
        return None
    positional = [each.arg for each in (*node.args.posonlyargs, *node.args.args)][1:]
    rest = [node.args.vararg.arg] if node.args.vararg else []
    return (*positional, *rest, *(each.arg for each in node.args.kwonlyargs))


def _comments(document: Document) -> Iterator[tuple[int, int, str]]:
    """Line, column and text of each comment; those of a broken text up to where it breaks."""
    if "pymodel" not in document.text:
        return
    try:
        for token in tokenize.generate_tokens(io.StringIO("\n".join(document.lines)).readline):
            if token.type == tokenize.COMMENT:
                yield token.start[0], token.start[1], token.string
    except (tokenize.TokenError, SyntaxError):
        return


def _faults_of_inputs(
    document: Document, site: ModelSite, inputs: tuple[str, ...], pin: str, start: int
) -> Iterator[Diagnostic]:
    known = forward_arguments(document, site.name) if site.kind == "class" else None
    place = 0
    given: set[str] = set()
    for text in inputs:
        place = pin.index(text, place)
        name = text.partition("=")[0].strip()
        begin = start + place
        place += len(text)
        words = None
        if known is not None and name not in known:
            listed = ", ".join(known) or "no argument"
            words = f"`forward` of {site.name} takes {listed}, and no `{name}`. Rename it, or remove it from the pin."
        elif name in given:
            words = f"`{name}` is pinned twice. Keep one of them."
        given.add(name)
        if words is not None:
            yield _fault("pin-argument", words, document, site.line, begin, begin + len(name))
        for match in DTYPE.finditer(text):
            if match["dtype"] not in DTYPES | NOT_TENSORS:
                words = f"`{match['dtype']}` is no dtype of torch. Write `:float32`, `:int64`, `:bool`, or `:tuple`."
                span = (begin + match.start("dtype"), begin + match.end("dtype"))
                yield _fault("bad-pin", words, document, site.line, *span)


def _unused(document: Document, sites: tuple[ModelSite, ...], line: int, start: int, end: int) -> Diagnostic:
    near = min(sites, key=lambda site: abs(site.line - line), default=None)
    advice = f"Move it to line {near.line}, to the end of {near.name}'s." if near else "Remove it."
    words = f"This pin is unused: a pin stands at the end of the line on which a model's definition begins. {advice}"
    return _fault("unused-pin", words, document, line, start, end)


def _fault(code: str, words: str, document: Document, line: int, start: int, end: int) -> Diagnostic:
    return Diagnostic(code, "warning", words, document.path, Position(line, start), Position(line, end))
