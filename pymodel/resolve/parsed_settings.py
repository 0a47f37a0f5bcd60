"""Settings from a script's own argument parser: what `args` is by default, for a model that reads as much of it."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from ..discover.bindings import bind, find_scopes, own_nodes, prelude
from ..discover.document import Document

PARSING = frozenset(("parse_args", "parse_known_args"))
GIVEN = (
    re.compile(r"add_argument\((?:['\"]-\w['\"], )?['\"]-{0,2}([A-Za-z][\w-]*)['\"]"),
    re.compile(r"dest=['\"](\w+)['\"]"),
    re.compile(r"^\w+\.(\w+) = "),
)
"""How statements give a setting: by a flag, by what a flag is kept as, by an assignment."""
FEW = 3
"""One in so many of the settings may be missing: a script sets those later on."""


def find_parsed_settings(
    document: Document, wanted: set[str], foreign: bool
) -> Iterator[tuple[str, tuple[str, ...], int]]:
    """Names that hold parsed arguments, what has to run for it, and their lines; those that have what is wanted."""
    if "add_argument" not in document.text:
        return
    for scope in find_scopes(document.tree, ""):
        for node in own_nodes(scope):
            target = node.targets[0] if isinstance(node, ast.Assign) else None
            if not (isinstance(target, ast.Name) and isinstance(node, ast.Assign) and _parses(node.value)):
                continue
            read = ast.Name(target.id, ast.Load())
            lines = prelude(read, bind(scope, document), len(document.lines) + 1, set(), foreign)
            found = (name for line in lines or () for pattern in GIVEN for name in pattern.findall(line))
            given = {name.replace("-", "_") for name in found}
            if lines and FEW * len(wanted - given) <= len(wanted):
                yield target.id, lines, node.lineno


def _parses(value: ast.expr) -> bool:
    return isinstance(value, ast.Call) and isinstance(value.func, ast.Attribute) and value.func.attr in PARSING
