"""Which workspace files a file imports, and where a module name leads. Read as text."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from pathlib import Path

from .document import Document, read_document
from .roots import package_root
from .slicing import bound_names

MAX_FILES = 500


def find_imported_files(path: str, text: str, roots: tuple[str, ...], documents: Mapping[str, str]) -> tuple[str, ...]:
    """The workspace files that a file imports, also by way of others; itself not included."""
    found: dict[str, None] = {}
    waiting = [path]
    known = {**documents, path: text}
    while waiting and len(found) < MAX_FILES:
        current = waiting.pop()
        try:
            document = read_document(current, known)
        except OSError:
            continue
        for name in imported_names(document):
            target = find_module_file(name, roots)
            if target is not None and target not in found and target != path:
                found[target] = None
                waiting.append(target)
    return tuple(found)


def find_module_file(name: str, roots: tuple[str, ...]) -> str | None:
    """The file of a dotted module name below one of the roots, if there is one."""
    relative = Path(*name.split("."))
    for root in roots:
        for candidate in (Path(root) / relative / "__init__.py", Path(root) / relative.with_suffix(".py")):
            if candidate.is_file():
                return str(candidate)
    return None


def find_wanted_names(document: Document, roots: tuple[str, ...], documents: Mapping[str, str]) -> dict[str, set[str]]:
    """By workspace file, the names that `document` and what it imports take from it.

    A module that is imported as a whole may be asked for any attribute that its importer reads of anything.
    """
    wanted: dict[str, set[str]] = {}
    for path in (document.path, *find_imported_files(document.path, document.text, roots, documents)):
        try:
            importer = document if path == document.path else read_document(path, documents)
        except OSError:
            continue
        attributes = {node.attr for node in ast.walk(importer.tree) if isinstance(node, ast.Attribute)}
        for node in ast.walk(importer.tree):
            if isinstance(node, ast.ImportFrom):
                stem = absolute_name(node, path)
                names = {alias.name for alias in node.names}
                for module, taken in ((stem, names), *((f"{stem}.{name}", attributes) for name in names)):
                    file = find_module_file(module, roots) if module else None
                    if file is not None:
                        wanted.setdefault(file, set()).update(_assigned(file, documents) if "*" in taken else taken)
            elif isinstance(node, ast.Import):
                for alias in node.names:
                    file = find_module_file(alias.name, roots)
                    if file is not None:
                        wanted.setdefault(file, set()).update(attributes)
    return wanted


def _assigned(path: str, documents: Mapping[str, str]) -> set[str]:
    try:
        tree = read_document(path, documents).tree
    except OSError:
        return set()
    return set().union(*map(bound_names, tree.body))


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
    for node in ast.walk(document.tree):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            stem = absolute_name(node, document.path)
            names += [stem, *(f"{stem}.{alias.name}" if stem else alias.name for alias in node.names)]
    return [prefix for name in names if name for prefix in _prefixes(name)]


def _prefixes(name: str) -> list[str]:
    """`["a", "a.b"]` of `a.b`: importing a module imports the packages around it."""
    parts = name.split(".")
    return [".".join(parts[: length + 1]) for length in range(len(parts))]
