"""The second part: the libraries' own files, as somebody has them open, with nothing given."""

from __future__ import annotations

import ast
import itertools
import os
import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pymodel.discover.document import parse_document
from pymodel.discover.models import find_models
from pymodel.discover.roots import find_import_roots
from pymodel.resolve.load import load_module
from pymodel.resolve.resolve import Oracle
from pymodel.schema import Analyse, ModelSite, PyModelError, Started, Trace, Traced
from pymodel.trace.memo import shared_memo
from pymodel.worker.analyse import analyse
from pymodel.worker.trials import make_engine

from .cases import Tell
from .class_libraries import ClassLibrary
from .packages import CLASSES, FOLDER, PACKAGES, distribution

SECONDS = 10.0
WORKSPACES = FOLDER / "workspaces"
PLAIN_BASES = ("Module", "ABC", "Protocol", "Generic", "LightningModule", "DataModule", "LightningDataModule")
MAX_CLASSES = 10
"""So many classes of a library are opened, evenly from first to last."""


@dataclass(frozen=True)
class ClassFile:
    """Some classes of a file of a copy of a library, with its README beside it: a workspace."""

    name: str
    path: Path
    root: Path
    classes: tuple[str, ...]

    @property
    def roots(self) -> tuple[str, ...]:
        return find_import_roots(str(self.path), (str(self.root),))

    def tell_outcomes(self, tell: Tell) -> None:
        """How each model of the file went: solved, solved within a parent, or why not. Each has as long as it has in
        an editor."""
        waiting = [f"{self.path}::{name}" for name in self.classes]
        start = time.process_time()
        solved_inside = []

        def poll() -> None:
            if time.process_time() > start + SECONDS:
                raise OutOfTime

        def emit(event: Started | Traced) -> None:
            nonlocal start
            if isinstance(event, Traced):
                waiting.remove(event.trace.target)
                outcome = self._outcome(event.trace, time.process_time() - start)
                if outcome["inside"]:
                    solved_inside.append(outcome)
                else:
                    tell(outcome)
            start = time.process_time()

        while waiting:
            words = "no trace"
            try:
                analyse(Analyse(1, str(self.path), tuple(waiting), roots=self.roots), emit, poll)
            except OutOfTime:
                words = f"took longer than {SECONDS:.0f} s of processor time"
            if waiting:
                tell({**self._named(waiting.pop(0)), "ok": False, "seconds": SECONDS, "error": words})
            start = time.process_time()
        for outcome in solved_inside:
            tell({**outcome, "alone": self._is_solved_alone(outcome["class"])})

    def _is_solved_alone(self, name: str) -> bool:
        """Whether a construction and inputs are found without a look at the models that hold a class."""
        loaded = load_module(str(self.path), roots=self.roots, names=(name,))
        site = next(each for each in find_models(loaded.document) if each.name == name)
        try:
            found = _Alone(loaded, str(self.root), make_engine("eval", get_memo=shared_memo)).resolve(site)
        except PyModelError:
            return False
        return found.verified and bool(found.symbols)

    def _named(self, target: str) -> dict[str, Any]:
        name = target.rpartition("::")[2]
        return {"name": f"{self.name}::{name}", "class": name, "stage": "nothing given"}

    def _outcome(self, trace: Trace, seconds: float) -> dict[str, Any]:
        solved = trace.status == "complete" and _moves(trace)
        return {
            **self._named(trace.target),
            "ok": solved,
            "inside": solved and trace.construction is not None and trace.construction.source.kind == "parent",
            "alone": solved,
            "contains": sorted({each.class_ for each in trace.modules}) if solved else [],
            "seconds": round(seconds, 3),
            "error": None if solved else _why(trace),
        }


class _Alone(Oracle):
    """Knows of no model that holds another."""

    def find_holders(self, site: ModelSite, depth: int) -> Iterator[tuple[Oracle, ModelSite]]:
        return iter(())


class OutOfTime(BaseException):
    """A model needs longer than an editor would wait; no error of user code."""


def _moves(trace: Trace) -> bool:
    """Whether the batch was found: a symbol that could be moved, or no tensor to feed at all."""
    return bool(trace.symbols) or not any(each.dims for each in trace.inputs)


def _why(trace: Trace) -> str:
    if trace.status == "complete":
        return "runs, but only at one size"
    words = [each.message for each in trace.diagnostics if each.severity == "error"]
    words += [each.message for each in trace.diagnostics]
    return (words[0] if words else "no trace").splitlines()[0][:300]


def class_files(library: ClassLibrary) -> Iterator[ClassFile]:
    """Files of a library, in a copy of it, with those of their classes that are opened."""
    root = workspace(library)
    found = [(path, name) for path in sorted((root / library.module).rglob("*.py")) for name in _runnable_classes(path)]
    count = min(MAX_CLASSES, len(found))
    chosen = [found[at * len(found) // count] for at in range(count)]
    for path, group in itertools.groupby(chosen, lambda each: each[0]):
        yield ClassFile(str(path.relative_to(root)), path, root, tuple(name for _, name in group))


def workspace(library: ClassLibrary) -> Path:
    root = WORKSPACES / library.module
    if not root.exists():
        source = next(folder for each in (PACKAGES, CLASSES) if (folder := each / library.module).is_dir())
        temporary = root.with_suffix(f".{os.getpid()}")
        shutil.copytree(source, temporary / library.module)
        (temporary / "README.md").write_text(distribution(library.name).read_text("METADATA") or "")
        try:
            temporary.replace(root)
        except OSError:  # another process was faster
            shutil.rmtree(temporary)
    return root


def _runnable_classes(path: Path) -> list[str]:
    """The model classes of a file that say, themselves or by a base, how they run: no mere bases."""
    text = path.read_text(encoding="utf-8", errors="replace")
    if "torch" not in text:
        return []
    document = parse_document(str(path), text)
    classes = {node.name: node for node in document.tree.body if isinstance(node, ast.ClassDef)}
    names = [site.name for site in find_models(document) if site.kind == "class"]
    return [name for name in names if name in classes and _runs(classes[name], classes)]


def _runs(cls: ast.ClassDef, classes: dict[str, ast.ClassDef]) -> bool:
    """Whether a class has a `forward` that does more than raise; what it inherits from elsewhere is believed in."""
    own = next((each for each in cls.body if isinstance(each, ast.FunctionDef) and each.name == "forward"), None)
    if own is not None:
        body = [each for each in own.body if not (isinstance(each, ast.Expr) and isinstance(each.value, ast.Constant))]
        return bool(body) and not isinstance(body[0], (ast.Raise, ast.Pass))
    bases = [ast.unparse(base) for base in cls.bases]
    return any(
        _runs(classes[base], classes) if base in classes else base.rpartition(".")[2] not in PLAIN_BASES
        for base in bases
    )
