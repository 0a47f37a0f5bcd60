"""What a test in code asks."""

from __future__ import annotations

import ast
from collections.abc import Iterator


def conditions_of(test: ast.expr) -> Iterator[ast.expr]:
    """What a test asks, one by one: `a and not b` asks both."""
    if isinstance(test, ast.BoolOp):
        for each in test.values:
            yield from conditions_of(each)
    elif isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not):
        yield from conditions_of(test.operand)
    else:
        yield test
