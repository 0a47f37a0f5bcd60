"""Finds data factories: what could train a model. Read as text; nothing is imported or run."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping

from ..schema import DataFactory
from .document import Document, read_document
from .files import find_files
from .imports import find_imported_files
from .models import last_name
from .roots import find_import_roots

DATASET_BASES = frozenset(("Dataset", "IterableDataset", "VisionDataset", "DatasetFolder", "ImageFolder"))
DATA_MAKERS = frozenset(
    ("DataLoader", "TensorDataset", "ConcatDataset", "Subset", "StackDataset", "random_split", "load_dataset")
)
MAX_FILES = 300


def find_data_factories(folder: str, near: str, documents: Mapping[str, str]) -> tuple[DataFactory, ...]:
    """Data factories of a workspace, best first: in the file `near`, in files it imports, in its folder, elsewhere.

    A Dataset class that needs arguments is no factory, nor is a function that does.
    """
    found: dict[str, DataFactory] = {}
    for path in _nearest_files(folder, near, documents):
        try:
            document = read_document(path, documents)
        except OSError:
            continue
        if "Dataset" in document.text or "DataLoader" in document.text or "random_split" in document.text:
            for factory in find_factories(document):
                found.setdefault(factory.reference, factory)
    return tuple(found.values())


def find_factories(document: Document) -> tuple[DataFactory, ...]:
    """The data factories of one file: those that give several splits first, then training data, then the rest."""
    classes = {node.name: node for node in document.tree.body if isinstance(node, ast.ClassDef)}
    datasets = {name for name in classes if _is_dataset(name, classes, frozenset())}
    ranked: list[tuple[int, DataFactory]] = []
    for node in document.tree.body:
        if isinstance(node, ast.ClassDef) and node.name in datasets and not _initialiser_needs(node, classes):
            bases = ", ".join(ast.unparse(base) for base in node.bases)
            ranked.append((_rank(node.name, 1), _factory(document, node, "class", f"derives from {bases}")))
        elif isinstance(node, ast.FunctionDef) and not _needs_arguments(node.args):
            count = _count_data(node, datasets)
            if count:
                words = "returns a dataset or loader" if count == 1 else f"returns {count} datasets or loaders"
                ranked.append((_rank(node.name, count), _factory(document, node, "function", words)))
    return tuple(factory for _, factory in sorted(ranked, key=lambda each: each[0]))


def _nearest_files(folder: str, near: str, documents: Mapping[str, str]) -> Iterator[str]:
    yield near
    try:
        text = read_document(near, documents).text
    except OSError:
        text = ""
    yield from find_imported_files(near, text, find_import_roots(near, (folder,)), documents)
    for count, path in enumerate(find_files(folder, near)):
        if count >= MAX_FILES:
            return
        yield path


def _rank(name: str, count: int) -> int:
    lowered = name.lower()
    held_out = any(word in lowered for word in ("test", "valid", "eval", "predict"))
    return (0 if count > 1 else 1) + (4 if held_out else 0) + (2 if name.startswith("_") else 0)


def _factory(document: Document, node: ast.ClassDef | ast.FunctionDef, kind: str, reason: str) -> DataFactory:
    return DataFactory(
        reference=f"{document.path}::{node.name}",
        name=node.name,
        path=document.path,
        line=node.lineno,
        kind="class" if kind == "class" else "function",
        reason=reason,
    )


def _is_dataset(name: str, classes: Mapping[str, ast.ClassDef], seen: frozenset[str]) -> bool:
    for base in classes[name].bases:
        last = last_name(base)
        if last in DATASET_BASES or last in DATA_MAKERS:
            return True
        if last in classes and last not in seen:
            if _is_dataset(last, classes, seen | {name}):
                return True
        elif last.endswith("Dataset"):
            return True
    return False


def _initialiser_needs(node: ast.ClassDef, classes: Mapping[str, ast.ClassDef]) -> bool:
    """Whether a class cannot be made without arguments, as far as the file tells."""
    waiting, seen = [node.name], set()
    while waiting:
        current = classes.get(waiting.pop(0))
        if current is None or current.name in seen:
            continue
        seen.add(current.name)
        for statement in current.body:
            if isinstance(statement, ast.FunctionDef) and statement.name == "__init__":
                return _needs_arguments(statement.args, bound=True)
        waiting += [last_name(base) for base in current.bases]
    known = {last_name(base) for base in node.bases}
    return not known & {*DATASET_BASES - {"VisionDataset", "DatasetFolder", "ImageFolder"}, *classes}


def _needs_arguments(arguments: ast.arguments, bound: bool = False) -> bool:
    positional = len(arguments.posonlyargs) + len(arguments.args) - len(arguments.defaults) - bound
    return positional > 0 or any(default is None for default in arguments.kw_defaults)


def _count_data(node: ast.FunctionDef, datasets: set[str]) -> int:
    """How many datasets or loaders a function gives, 0 if it gives none or something else as well; at most three."""
    if node.returns is not None:
        return _count_in_annotation(node.returns, datasets)
    made: dict[str, int] = {}
    counts = []
    for each in _own_statements(node.body):
        if isinstance(each, ast.Assign):
            for target in each.targets:
                if isinstance(target, ast.Name):
                    made[target.id] = _count_in_value(each.value, datasets, made)
                elif isinstance(target, ast.Tuple) and _count_in_value(each.value, datasets, made):
                    made.update({name.id: 1 for name in target.elts if isinstance(name, ast.Name)})
        elif isinstance(each, ast.Return) and each.value is not None:
            counts.append(_count_in_value(each.value, datasets, made))
    return counts[-1] if counts and all(counts) else 0


def _own_statements(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    for statement in body:
        if isinstance(statement, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            continue
        yield statement
        for field in ("body", "orelse", "finalbody"):
            yield from _own_statements(getattr(statement, field, []))


def _count_in_annotation(node: ast.expr, datasets: set[str]) -> int:
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        try:
            return _count_in_annotation(ast.parse(node.value, mode="eval").body, datasets)
        except SyntaxError:
            return 0
    name = last_name(node)
    if isinstance(node, ast.Subscript) and name in ("tuple", "Tuple"):
        items = node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]
        return len(items) if len(items) <= 3 and all(_count_in_annotation(each, datasets) for each in items) else 0
    return int(name == "DataLoader" or name in datasets or name.endswith(("Dataset", "Subset")))


def _count_in_value(node: ast.expr, datasets: set[str], made: Mapping[str, int]) -> int:
    if isinstance(node, ast.Tuple):
        return (
            len(node.elts)
            if 0 < len(node.elts) <= 3 and all(_count_in_value(each, datasets, made) == 1 for each in node.elts)
            else 0
        )
    if isinstance(node, ast.Name):
        return made.get(node.id, 0)
    if isinstance(node, ast.Call):
        name = last_name(node.func)
        if name == "random_split":
            parts = node.args[1] if len(node.args) > 1 else None
            return len(parts.elts) if isinstance(parts, (ast.List, ast.Tuple)) and len(parts.elts) <= 3 else 2
        return int(name in datasets or name in DATA_MAKERS or name.endswith("Dataset"))
    return 0
