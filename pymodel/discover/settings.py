"""Dictionaries of settings that code writes down: `CFG = {"emb_dim": 40}`, `model = dict(type="Net")`. Read as text."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from .document import Document


def find_dictionaries(document: Document) -> Iterator[tuple[str, int, str]]:
    """The name, line and text of each dictionary that is assigned to a plain name, in any scope."""
    for node in ast.walk(document.tree):
        target = node.targets[0] if isinstance(node, ast.Assign) else getattr(node, "target", None)
        value = getattr(node, "value", None)
        if not (isinstance(node, (ast.Assign, ast.AnnAssign)) and isinstance(target, ast.Name)):
            continue
        if value is not None and is_dictionary(value):
            yield target.id, node.lineno, ast.unparse(value)


def find_typed_dictionaries(document: Document) -> Iterator[tuple[str, int, dict[str, str]]]:
    """Dictionaries that name what they are settings of: `dict(type="ResNet", depth=50)` as `"ResNet"`, its line, and
    the other entries as expressions."""
    for node in ast.walk(document.tree):
        entries = _entries(node)
        for key in ("type", "name", "_target_", "model", "arch"):
            kind = entries.get(key)
            if isinstance(kind, ast.Constant) and isinstance(kind.value, str):
                rest = {name: ast.unparse(value) for name, value in entries.items() if name != key}
                yield kind.value, getattr(node, "lineno", 1), rest
                break


def is_dictionary(node: object) -> bool:
    if isinstance(node, ast.Call):
        return isinstance(node.func, ast.Name) and node.func.id == "dict" and not node.args
    return isinstance(node, ast.Dict)


def _entries(node: ast.AST) -> dict[str, ast.expr]:
    if isinstance(node, ast.Dict):
        return {
            key.value: value
            for key, value in zip(node.keys, node.values, strict=True)
            if isinstance(key, ast.Constant) and isinstance(key.value, str)
        }
    if isinstance(node, ast.Call) and is_dictionary(node):
        return {keyword.arg: keyword.value for keyword in node.keywords if keyword.arg}
    return {}
