"""Where the imports of a file start from, and which workspace files it imports."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from pathlib import Path

from .document import read_document

MAX_FILES = 500


def find_import_roots(path: str, folders: tuple[str, ...], extra: tuple[str, ...] = ()) -> tuple[str, ...]:
    """Folders to import from, most local first: the package's root, the file's folder, then those of the workspace."""
    folder = Path(path).parent
    package_root = folder
    while (package_root / "__init__.py").exists() and package_root.parent != package_root:
        package_root = package_root.parent
    candidates = [package_root, folder]
    for workspace in folders:
        candidates += [Path(workspace), Path(workspace) / "src"]
    candidates += [Path(each) for each in extra]
    return tuple(dict.fromkeys(str(each) for each in candidates if each.is_dir()))


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
        for name in _imported_names(document.tree, current):
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


def module_name(path: str, roots: tuple[str, ...]) -> str:
    """The dotted name a file is imported by: its path below its package's root."""
    file = Path(path)
    parts = [] if file.stem == "__init__" else [file.stem]
    folder = file.parent
    while (folder / "__init__.py").exists() and folder.parent != folder:
        parts.insert(0, folder.name)
        folder = folder.parent
    return ".".join(parts) or file.parent.name


def _imported_names(tree: ast.Module, path: str) -> list[str]:
    names: list[str] = []
    package = module_name(path, ()).split(".")
    package = package if Path(path).stem == "__init__" else package[:-1]
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            stem = ".".join([*base, *([node.module] if node.module else [])])
            names += [stem, *(f"{stem}.{alias.name}" if stem else alias.name for alias in node.names)]
    return [name for name in names if name]
