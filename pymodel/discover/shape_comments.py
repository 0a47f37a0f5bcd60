"""Shapes that authors write beside their code: `# x: (B, T, C)`, docstrings, `Input: (N, C, L)`. Read as text."""

from __future__ import annotations

import ast
import re

from ..schema import Dim
from .document import Document

DIMS = r"[\[(]\s*(?P<dims>[A-Za-z0-9_]+(?:\s*[,x×]\s*[A-Za-z0-9_*+/ -]+)*\s*,?)\s*[\])]"
NOT_SHAPES = frozenset(
    ("tensor", "optional", "int", "float", "bool", "str", "list", "tuple", "none", "default", "torch")
)
MAX_RANK = 6
MAX_DISTANCE = 90
"""So many characters at most stand between an argument's name and its shape."""


def read_shape_comments(document: Document, cls: str, parameters: list[str]) -> dict[str, tuple[Dim, ...]]:
    """The dims that a class's docstrings and comments give to arguments of its `forward`."""
    found: dict[str, tuple[Dim, ...]] = {}
    for text in _texts(document, cls):
        for parameter in parameters:
            if parameter not in found:
                dims = _dims_after(text, parameter)
                if dims:
                    found[parameter] = dims
        if len(parameters) == 1 and not found:
            dims = _dims_after(text, "Input") or _dims_after(text, "input")
            if dims:
                found[parameters[0]] = dims
    return found


def _texts(document: Document, cls: str) -> list[str]:
    """`forward`'s docstring, the comments on its head and within it, then the class's docstring."""
    for node in ast.walk(document.tree):
        if isinstance(node, ast.ClassDef) and node.name == cls:
            methods = [each for each in node.body if isinstance(each, ast.FunctionDef) and each.name == "forward"]
            forward = methods[0] if methods else None
            texts = []
            if forward is not None:
                end = forward.end_lineno or forward.lineno
                comments = [_comment(line) for line in document.lines[forward.lineno - 1 : end]]
                texts = [ast.get_docstring(forward) or "", *filter(None, comments)]
            return [*texts, ast.get_docstring(node) or ""]
    return []


def _comment(line: str) -> str:
    return line.partition("#")[2].strip() if "#" in line else ""


def _dims_after(text: str, name: str) -> tuple[Dim, ...]:
    """The first shape behind a name that stands alone: `x: (B, 3, H, W)`, `x (Tensor): of shape [B, T]`."""
    for match in re.finditer(rf"(?<![\w.]){re.escape(name)}\b(?!\s*[.(]\s*\w+\s*\)?\s*\()", text):
        rest = text[match.end() : match.end() + MAX_DISTANCE].partition("\n\n")[0]
        rest = rest.partition("->")[0]
        for shape in re.finditer(DIMS, rest):
            parts = [part.strip() for part in re.split(r"[,×]|(?<=[\w ])\bx\b(?=[\w ])", shape["dims"]) if part.strip()]
            dims: list[Dim] = [int(part) if part.isdigit() else part for part in parts]
            words = {part.lower() for part in parts}
            if not words & NOT_SHAPES and 1 < len(dims) <= MAX_RANK and _is_plain(dims):
                return tuple(dims)
    return ()


def _is_plain(dims: list[Dim]) -> bool:
    return all(isinstance(dim, int) or re.fullmatch(r"[A-Za-z_]\w*", dim) for dim in dims)
