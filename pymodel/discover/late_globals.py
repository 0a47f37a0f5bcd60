"""Names that a module's classes read as globals, and that it binds only where it is run as a script: below
`if __name__ == "__main__":`, in a branch that was not taken, in a function that declares them `global`. Read as text.
"""

from __future__ import annotations

import ast
from collections.abc import Collection, Iterator
from functools import lru_cache

from .bindings import Bindings, Scope, bind, find_scopes, own_nodes, prelude
from .document import Document


def find_late_globals(document: Document, names: Collection[str]) -> Iterator[tuple[str, ...]]:
    """For each of `names` that the file binds after all, the statements that do it, in order."""
    wanted = set(names) & _bound_somewhere(document.tree)
    if not wanted:
        return
    for scope in find_scopes(document.tree, ""):
        own = wanted & (_declared_global(scope) if isinstance(scope, ast.FunctionDef) else wanted)
        bindings = bind(scope, document) if own else Bindings(document)
        for name in sorted(own & set(bindings.made)):
            read = ast.Name(name, ast.Load())
            lines = prelude(read, bindings, len(document.lines) + 1, set(), foreign=False)
            if lines:
                wanted.discard(name)
                yield lines


@lru_cache(maxsize=64)
def _bound_somewhere(tree: ast.Module) -> frozenset[str]:
    """Names that the module's own statements bind at any depth, and those that a function declares `global`."""
    stored = {each.id for each in own_nodes(tree) if isinstance(each, ast.Name) and isinstance(each.ctx, ast.Store)}
    return frozenset(stored.union(*map(_declared_global, find_scopes(tree, ""))))


def _declared_global(scope: Scope) -> set[str]:
    return {name for node in own_nodes(scope) if isinstance(node, ast.Global) for name in node.names}
