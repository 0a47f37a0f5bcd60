"""Which workspace files a file imports, and where a module name leads. Read as text."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from .document import Document, parse_document, read_document
from .roots import package_root
from .slicing import bound_names

MAX_FILES = 500
ATTRIBUTE = re.compile(r"\.\s*([^\W\d]\w*)")
"""What may be an attribute in a text. Some are words of comments, which costs little; a tree's walk costs much."""


def find_imported_files(path: str, text: str, roots: tuple[str, ...], documents: Mapping[str, str]) -> tuple[str, ...]:
    """The workspace files that a file imports, also by way of others; itself not included."""
    return tuple(read_imported(parse_document(path, text), roots, documents))


def read_imported(document: Document, roots: tuple[str, ...], documents: Mapping[str, str]) -> dict[str, Document]:
    """The workspace files that a file imports, also by way of others, each read once; itself not included."""
    found: dict[str, Document] = {}
    missing: set[str] = set()
    waiting = [document]
    while waiting and len(found) < MAX_FILES:
        for name in dict.fromkeys(imported_names(waiting.pop())):
            target = find_module_file(name, roots)
            if target is None or target in found or target in missing or target == document.path:
                continue
            try:
                found[target] = read_document(target, documents)
            except OSError:
                missing.add(target)
            else:
                waiting.append(found[target])
    return found


def find_module_file(name: str, roots: tuple[str, ...]) -> str | None:
    """The file of a dotted module name below one of the roots, if there is one."""
    relative = Path(*name.split("."))
    for root in roots:
        for candidate in (Path(root) / relative / "__init__.py", Path(root) / relative.with_suffix(".py")):
            if candidate.is_file():
                return str(candidate)
    return None


def find_wanted_names(
    document: Document, imported: Mapping[str, Document], roots: tuple[str, ...]
) -> dict[str, set[str]]:
    """By workspace file, the names that `document` and what it imports (`read_imported`) take from it.

    A module that is imported as a whole may be asked for any attribute that its importer reads of anything.
    """
    wanted: dict[str, set[str]] = {}
    for importer in (document, *imported.values()):
        attributes = set(ATTRIBUTE.findall(importer.text))
        imports = find_imports(importer.tree)
        for module, taken in (each for node in imports for each in _taken(node, importer.path, attributes)):
            file = find_module_file(module, roots) if module else None
            if file is not None:
                wanted.setdefault(file, set()).update(_assigned(imported.get(file)) if "*" in taken else taken)
    return wanted


def _taken(node: ast.ImportFrom | ast.Import, path: str, attributes: set[str]) -> Iterator[tuple[str, Iterable[str]]]:
    """The modules that an import names, and what may be taken from each."""
    if isinstance(node, ast.Import):
        yield from ((alias.name, attributes) for alias in node.names)
        return
    stem = absolute_name(node, path)
    names = {alias.name for alias in node.names}
    yield stem, names
    yield from ((f"{stem}.{name}", attributes) for name in names)


def _assigned(document: Document | None) -> set[str]:
    return set() if document is None else set().union(*map(bound_names, document.tree.body))


def module_name(path: str) -> str:
    """The dotted name a file is imported by: its path below its package's root."""
    file = Path(path)
    parts = [*file.parent.relative_to(package_root(file.parent)).parts]
    parts += [] if file.stem == "__init__" else [file.stem]
    return ".".join(parts) or file.parent.name


def absolute_name(node: ast.ImportFrom, path: str) -> str:
    """The dotted name of the module that `from … import` names in the file at `path`, dots resolved."""
    package = module_name(path).split(".")
    package = package if Path(path).stem == "__init__" else package[:-1]
    base = package[: len(package) - node.level + 1] if node.level else []
    return ".".join([*base, *([node.module] if node.module else [])])


def imported_names(document: Document) -> list[str]:
    """Every dotted name that a file may import as a module, in any scope."""
    names: list[str] = []
    for node in find_imports(document.tree):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        else:
            stem = absolute_name(node, document.path)
            names += [stem, *(f"{stem}.{alias.name}" if stem else alias.name for alias in node.names)]
    return [prefix for name in names if name for prefix in _prefixes(name)]


def find_imports(tree: ast.Module) -> Iterator[ast.Import | ast.ImportFrom]:
    """The imports of a module, in any scope."""
    waiting: list[ast.AST] = list(tree.body)
    while waiting:
        node = waiting.pop()
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            yield node
        for block in ("body", "orelse", "finalbody", "handlers", "cases"):
            inner = getattr(node, block, None)
            if isinstance(inner, list):  # a lambda's and a condition's are one expression
                waiting += inner


def _prefixes(name: str) -> list[str]:
    """`["a", "a.b"]` of `a.b`: importing a module imports the packages around it."""
    parts = name.split(".")
    return [".".join(parts[: length + 1]) for length in range(len(parts))]
