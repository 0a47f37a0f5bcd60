"""Whether the code itself catches an error: then it is a branch of the model, and not a fault of it."""

from __future__ import annotations

import ast
import linecache
from functools import cache
from types import FrameType

Handled = tuple[int, int, frozenset[str]]
"""The first and last line of a `try`'s body, and the names of what it catches; empty where it catches everything."""


def is_caught(error: Exception, frame: FrameType | None, files: frozenset[str]) -> bool:
    """Whether a `try` of the user's files, around the running line of `frame` or of a caller, catches `error`."""
    kinds = {kind.__name__ for kind in type(error).__mro__}
    while frame is not None:
        path = frame.f_code.co_filename
        if path in files:
            for first, last, names in _handled("".join(linecache.getlines(path))):
                if first <= frame.f_lineno <= last and (not names or names & kinds):
                    return True
        frame = frame.f_back
    return False


@cache
def _handled(text: str) -> tuple[Handled, ...]:
    try:
        tree = ast.parse(text)
    except SyntaxError:  # half-typed text, of which the rest runs: that a `try` is there cannot be told
        return ()
    return tuple(
        (node.body[0].lineno, node.body[-1].end_lineno or node.body[-1].lineno, _names(handler.type))
        for node in ast.walk(tree)
        if isinstance(node, ast.Try)
        for handler in node.handlers
    )


def _names(caught: ast.expr | None) -> frozenset[str]:
    nodes = ast.walk(caught) if caught is not None else ()
    return frozenset(
        node.id if isinstance(node, ast.Name) else node.attr
        for node in nodes
        if isinstance(node, (ast.Name, ast.Attribute))
    )
