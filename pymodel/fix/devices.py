"""Edits for tensors that are made on a device of their own: made on that of what `forward` is given."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from ..schema import Diagnostic, Fix
from .evidence import Evidence
from .source import Source

MOVES = ("to", "cuda", "cpu")


def device_fixes(found: Diagnostic, source: Source, evidence: Evidence) -> Iterator[Fix]:
    for related in found.related:
        other = evidence.source(related.path)
        node = other.at(related.start, related.end) if other is not None else None
        if other is None or not isinstance(node, ast.Call):
            continue
        for name in _given(other, node):
            device = f"{name}.device"
            text = _on_device(other, node, device)
            yield Fix(f"Make it on the device of `{name}`: `{device}`", (other.replace(node, text),))


def _given(source: Source, node: ast.Call) -> list[str]:
    """The arguments of the function that a call stands in, without `self`."""
    function = source.function(node)
    if not isinstance(function, (ast.FunctionDef, ast.AsyncFunctionDef)):
        return []
    return [each.arg for each in (*function.args.posonlyargs, *function.args.args) if each.arg != "self"]


def _on_device(source: Source, node: ast.Call, device: str) -> str:
    """The call's text, with the device in the place of the one that it names, or added."""
    if isinstance(node.func, ast.Attribute) and node.func.attr in MOVES:
        return f"{source.text(node.func.value)}.to({device})"
    text = source.text(node)
    named = next((each.value for each in node.keywords if each.arg == "device"), None)
    if named is None:
        return f"{text[:-1].rstrip().removesuffix(',')}, device={device})"
    start = text.rindex(source.text(named))
    return f"{text[:start]}{device}{text[start + len(source.text(named)) :]}"
