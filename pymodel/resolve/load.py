"""Imports a model's module: sliced to what may run, from the editor's text where it is open, one statement at a time.

One failing statement does not lose the rest: it becomes a diagnostic on its line. Workspace modules are found below the
import roots, and never in place of the standard library or of what is already imported.
"""

from __future__ import annotations
import __future__

import ast
import builtins
import contextlib
import copy
import importlib.abc
import importlib.machinery
import importlib.util
import linecache
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any

import torch

from ..discover.document import Document, read_document
from ..discover.imports import absolute_name, find_module_file, find_wanted_names, module_name, read_imported
from ..discover.late_globals import find_late_globals
from ..discover.models import find_models
from ..discover.pin_faults import find_pin_faults
from ..discover.slicing import slice_module, unbound_names
from ..schema import Diagnostic, Position, PyModelError, Range
from .arguments import default_arguments
from .own_modules import spec_of_workspace
from .stubs import MissingPackage, StubFinder, importing

Transform = Callable[[ast.Module, Document], ast.Module]
MAX_STUBS = 20
TORCH = f"{Path(torch.__file__).parent}{os.sep}"


class LoadFailed(PyModelError):
    """Nothing of a file could be used."""


@dataclass(frozen=True)
class Loaded:
    """A module as it could be imported, what failed on the way, and the workspace files that took part."""

    module: ModuleType
    document: Document
    diagnostics: tuple[Diagnostic, ...]
    files: tuple[str, ...]
    documents: Mapping[str, str] = field(default_factory=dict)
    """The editor's texts, by path, that stand in for files."""


def load_module(
    path: str,
    *,
    roots: tuple[str, ...] = (),
    documents: Mapping[str, str] | None = None,
    names: tuple[str, ...] = (),
    transform: Transform | None = None,
    stub_missing: bool = True,
) -> Loaded:
    """Import the file at `path`, sliced to what `names` need; where empty, to what its models need, else everything.

    Raises:
        LoadFailed: the file cannot be read.
    """
    importer = WorkspaceImporter(roots, documents or {}, transform, stub_missing)
    # A worker that serves many analyses must not find the texts of an earlier one.
    sys.meta_path[:] = [each for each in sys.meta_path if not isinstance(each, (WorkspaceImporter, StubFinder))]
    sys.meta_path.insert(0, importer)
    if stub_missing:
        sys.meta_path.append(importer.stubs)
    try:
        document = importer.read(path)
    except OSError as error:
        raise LoadFailed(
            f"cannot be read: {error.strerror}.", path=path, advice="Save the file, or open it."
        ) from error
    importer.parsed = read_imported(document, roots, importer.documents)
    importer.wanted = find_wanted_names(document, importer.parsed, roots)
    name = module_name(path)
    if name in sys.modules or name in sys.stdlib_module_names:
        name = f"_pymodel_target_{name.replace('.', '_')}"
    spec = spec_of_workspace(name, loader=None, origin=path, is_package=Path(path).name == "__init__.py")
    module = importlib.util.module_from_spec(spec)
    module.__file__ = path
    if "." in name and not name.startswith("_pymodel_target_"):
        module.__package__ = name if Path(path).name == "__init__.py" else name.rpartition(".")[0]
        importer.import_parent(name)
        # A package that imports this file has run it by now: its classes must not exist twice.
        imported = sys.modules.get(name)
        if imported is not None and getattr(imported, "__file__", None) == path:
            module = imported
    if module is not sys.modules.get(name):
        sys.modules[name] = module
        importer.execute(module, document, names)
    diagnostics = (*importer.diagnostics, *find_pin_faults(document))
    return Loaded(module, document, diagnostics, tuple(dict.fromkeys(importer.files)), importer.documents)


def evaluate(module: ModuleType, prelude: Sequence[str], expression: str) -> Any:
    """Run the prelude, then evaluate an expression, both in a copy of the module's own namespace."""
    namespace = dict(vars(module))
    with default_arguments():
        for line in prelude:
            exec(compile(line, "<prelude>", "exec"), namespace)
        return eval(compile(expression.strip(), "<construction>", "eval"), namespace)


@dataclass
class WorkspaceImporter(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Finds and runs the modules below the import roots."""

    roots: tuple[str, ...]
    documents: Mapping[str, str]
    transform: Transform | None
    stub_missing: bool
    diagnostics: list[Diagnostic] = field(default_factory=list)
    files: list[str] = field(default_factory=list)
    stubs: StubFinder = field(default_factory=StubFinder)
    wanted: dict[str, set[str]] = field(default_factory=dict)
    """By file, the names that the workspace imports from it."""
    parsed: dict[str, Document] = field(default_factory=dict)
    """By file, what was read to find that out; each is given up as it runs."""

    def read(self, path: str) -> Document:
        document = self.parsed.pop(path, None) or read_document(path, self.documents)
        text = document.text
        linecache.cache[path] = (len(text), None, text.splitlines(keepends=True), path)
        self.files.append(path)
        return document

    def find_spec(
        self, name: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        top = name.partition(".")[0]
        if top in sys.stdlib_module_names or (top != name and not self._owns(sys.modules.get(top))):
            return None
        if top == name and _is_asked_by_torch():
            return None
        file = find_module_file(name, self.roots)
        if file is None:
            return self._find_namespace(name)
        if is_installed(file):
            return None
        locations = [str(Path(file).parent)] if Path(file).name == "__init__.py" else None
        loader = _FileLoader(self, file)
        spec = spec_of_workspace(name, loader=loader, origin=file, is_package=locations is not None)
        spec.submodule_search_locations = locations
        spec.has_location = True
        return spec

    def _find_namespace(self, name: str) -> importlib.machinery.ModuleSpec | None:
        """A folder without `__init__.py` that holds Python files, unless an installed package has its name."""
        folders = [folder for root in self.roots if (folder := Path(root, *name.split("."))).is_dir()]
        if not any(next(folder.rglob("*.py"), None) for folder in folders):
            return None
        installed = None if "." in name else importlib.machinery.PathFinder.find_spec(name)
        if installed is not None and installed.loader is not None:
            return None
        spec = spec_of_workspace(name, loader=None, is_package=True)
        spec.submodule_search_locations = [str(folder) for folder in folders]
        return spec

    def _owns(self, module: ModuleType | None) -> bool:
        """Whether a package that is already imported lies in the workspace."""
        places = [getattr(module, "__file__", None) or "", *map(str, getattr(module, "__path__", ()))]
        return any(
            Path(place).is_relative_to(root)
            for place in places
            if place and not is_installed(place)
            for root in self.roots
        )

    def import_parent(self, name: str) -> None:
        parent = name.rpartition(".")[0]
        try:
            importlib.import_module(parent)
        except Exception as error:
            self._report(error, self.files[0], Position(1, 0), Position(1, 1))

    def execute(self, module: ModuleType, document: Document, names: tuple[str, ...]) -> None:
        """Run a document's slice in `module`, statement by statement."""
        with default_arguments():
            self._execute(module, document, names)

    def _execute(self, module: ModuleType, document: Document, names: tuple[str, ...]) -> None:
        is_target = document.path == self.files[0]
        models = tuple(site.name for site in find_models(document)) if is_target else ()
        sliced = slice_module(document.tree, names or models)
        for statement in sliced.skipped if is_target else ():
            place = document.range_of(statement)
            line_end = Position(place.start.line, len(document.lines[place.start.line - 1]))
            words = ast.unparse(statement).splitlines()[0][:60]
            message = f"PyModel reads this file without running `{words}`: only definitions and what they need are run."
            end = place.end if place.end.line == place.start.line else line_end
            self.diagnostics.append(Diagnostic("not-run", "hint", message, document.path, place.start, end))
        flags = 0
        for statement in sliced.tree.body:
            if isinstance(statement, ast.ImportFrom) and statement.module == "__future__":
                for alias in statement.names:
                    flags |= getattr(__future__, alias.name).compiler_flag
            self._execute_statement(module, document, statement, flags)
        for name in unbound_names(sliced.tree) if module.__name__ in self.stubs.starred else ():
            if not hasattr(builtins, name):
                vars(module).setdefault(name, self.stubs.stand_in(module.__name__, name))
        self._bind_late(module, document, sliced.needed - set(vars(module)) - set(vars(builtins)))
        self._mend_all(module)

    def _bind_late(self, module: ModuleType, document: Document, names: frozenset[str]) -> None:
        """Globals that a script sets before it uses its classes. One that cannot be had stays unbound: whether a model
        needs it is seen when it is built."""
        for lines in find_late_globals(document, names) if names else ():
            scope = dict(vars(module))
            with contextlib.suppress(Exception, SystemExit), importing():
                exec("\n".join(lines), scope)
                for name in names & set(scope):
                    vars(module).setdefault(name, scope[name])

    def _mend_all(self, module: ModuleType) -> None:
        """`__all__` without what was not run, lest `import *` fail on it."""
        names = vars(module).get("__all__")
        if isinstance(names, (list, tuple)):
            vars(module)["__all__"] = [
                each
                for each in names
                if each in vars(module) or find_module_file(f"{module.__name__}.{each}", self.roots)
            ]

    def _execute_statement(self, module: ModuleType, document: Document, statement: ast.stmt, flags: int) -> None:
        place = document.range_of(statement)
        tree = ast.Module([statement], [])
        if self.transform is not None and _defines(statement):
            # The tree of the file that is asked about stays as it was read; any other is of use to nobody else.
            is_target = document.path == self.files[0]
            tree = self.transform(copy.deepcopy(tree) if is_target else tree, document)
        for _ in range(MAX_STUBS):
            try:
                code = compile(tree, document.path, "exec", flags=flags, dont_inherit=True)
                with importing():
                    exec(code, module.__dict__)
                self._note_stars(module, document, statement)
                return
            except NameError as error:
                if not self._stands_in(module, error.name or ""):
                    self._report(error, document.path, place.start, place.end)
                    return
            except (ImportError, SystemExit) as error:
                missing = _missing_module(error)
                if not (self.stub_missing and missing and _imports(statement)) or missing in self.stubs.names:
                    self._report(error, document.path, place.start, place.end)
                    return
                self.stubs.names.add(missing)
                self.diagnostics.append(self._missing(missing, document.path, place))
            except (Exception, KeyboardInterrupt) as error:
                self._report(error, document.path, place.start, place.end)
                return

    def _note_stars(self, module: ModuleType, document: Document, statement: ast.stmt) -> None:
        for node in ast.walk(statement) if _imports(statement) else ():
            if isinstance(node, ast.ImportFrom) and any(alias.name == "*" for alias in node.names):
                self.stubs.note_star(module.__name__, absolute_name(node, document.path))

    def _stands_in(self, module: ModuleType, name: str) -> bool:
        """Bind a name that a statement lacked, if `import *` from a missing package may have given it."""
        stub = self.stubs.stand_in(module.__name__, name)
        if stub is None or name in vars(module):
            return False
        vars(module)[name] = stub
        return True

    def _missing(self, name: str, path: str, place: Range) -> Diagnostic:
        top = name.partition(".")[0]
        if find_module_file(top, self.roots) is not None:
            words = f"There is no module `{name}` in the workspace: what is imported from it is left out."
            return Diagnostic("missing-import", "warning", words, path, place.start, place.end)
        words = f"`{top}` is not installed here: it is left out. Install it with `pip install {top}`."
        return Diagnostic("missing-import", "hint", words, path, place.start, place.end)

    def _report(self, error: BaseException, path: str, start: Position, end: Position) -> None:
        """A diagnostic on the user's innermost line that raised, else on the statement."""
        own = set(self.files)
        traceback = error.__traceback__
        while traceback is not None:
            file, line = traceback.tb_frame.f_code.co_filename, traceback.tb_lineno
            if file in own and file != path:
                path, start, end = file, Position(line, 0), Position(line, len(linecache.getline(file, line).rstrip()))
            elif file == path and line > start.line:
                start, end = Position(line, 0), Position(line, len(linecache.getline(file, line).rstrip()))
            traceback = traceback.tb_next
        if isinstance(error, MissingPackage):
            words = f"{error.message} {error.advice}"
            self.diagnostics.append(Diagnostic("missing-import", "hint", words, path, start, end))
            return
        refused = isinstance(error, PermissionError)
        words = str(error) if refused else f"fails when it is imported: {type(error).__name__}: {error}"
        code, severity = ("effect-refused", "warning") if refused else ("import-failed", "error")
        self.diagnostics.append(Diagnostic(code, severity, words, path, start, end))  # type: ignore[arg-type]


class _FileLoader(importlib.abc.Loader):
    """Runs one workspace file for the importer."""

    def __init__(self, importer: WorkspaceImporter, path: str) -> None:
        self.importer = importer
        self.path = path

    def exec_module(self, module: ModuleType) -> None:
        document = self.importer.read(self.path)
        self.importer.execute(module, document, tuple(self.importer.wanted.get(self.path, ())))


def _is_asked_by_torch() -> bool:
    """Whether torch itself imports something: `triton` is its own business, though a file here may have that name."""
    frame = sys._getframe(1)
    while frame.f_back is not None and any(each in frame.f_code.co_filename for each in (__file__, "importlib")):
        frame = frame.f_back
    return frame.f_code.co_filename.startswith(TORCH)


def _missing_module(error: BaseException) -> str:
    """The module that was not found, also where a handler made another error of it, or an exit."""
    cause: BaseException | None = error
    while cause is not None and not isinstance(cause, ModuleNotFoundError):
        cause = cause.__context__
    return cause.name or "" if cause is not None else ""


def _defines(statement: ast.stmt) -> bool:
    """Whether there is a function in a statement."""
    functions = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)
    return any(isinstance(node, functions) for node in ast.walk(statement))


def _imports(statement: ast.stmt) -> bool:
    """Whether a statement is an import, or a choice of imports."""
    if isinstance(statement, (ast.If, ast.Try)):
        return any(isinstance(node, (ast.Import, ast.ImportFrom)) for node in ast.walk(statement))
    return isinstance(statement, (ast.Import, ast.ImportFrom))


def is_installed(path: str) -> bool:
    return "site-packages" in path or "dist-packages" in path
