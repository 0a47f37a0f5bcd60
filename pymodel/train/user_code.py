"""The user's own objects, for jobs: models and data factories by reference, and where in their code an error stands."""

from __future__ import annotations

import ast
import sys
import sysconfig
from pathlib import Path
from types import ModuleType
from typing import Any

from torch import nn

from ..resolve.load import Loaded, evaluate, load_module
from ..schema import ModelSettings, PyModelError, RunError
from .memory import is_out_of_memory

PACKAGE = Path(__file__).resolve().parents[1]


class CodeNotUsable(PyModelError):
    """A reference of the request leads to nothing that can be used."""


def build_model(settings: ModelSettings, folder: Path, roots: tuple[str, ...]) -> tuple[nn.Module, tuple[str, ...]]:
    """The model, constructed for real, and the workspace files that it took.

    Raises:
        CodeNotUsable: there is no such model, or what was constructed is none.
    """
    path, name = split_reference(settings.target, folder)
    construction = settings.construction
    expressions = (*settings.prelude, construction or name)
    names = {node.id for text in expressions for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Name)}
    loaded = _load(path, tuple({name.partition(".")[0], *names}), roots)
    try:
        if construction is None:
            made = find(loaded.module, path, name)
            model = made if isinstance(made, nn.Module) else made()
        else:
            model = evaluate(loaded.module, settings.prelude, construction)
    except NameError as error:
        _blame_failed_line(error, loaded, path)
        raise
    if not isinstance(model, nn.Module):
        words = f"`{construction or name}` gives {type(model).__name__}, which is no nn.Module."
        raise CodeNotUsable(words, path=path, advice="Choose a model class, or a function that returns a model.")
    return model, loaded.files


def load(path: str, names: tuple[str, ...], roots: tuple[str, ...]) -> tuple[ModuleType, tuple[str, ...]]:
    """Import a user's file: definitions and what they need, nothing for its effect.

    Raises:
        CodeNotUsable: a name is missing because a line of the file failed.
    """
    loaded = _load(path, names, roots)
    return loaded.module, loaded.files


def _load(path: str, names: tuple[str, ...], roots: tuple[str, ...]) -> Loaded:
    folder = str(Path(path).parent)
    loaded = load_module(path, roots=roots or (folder,), names=names, stub_missing=False)
    errors = [each for each in loaded.diagnostics if each.severity == "error"]
    if errors and any(not hasattr(loaded.module, name) for name in names):
        first = errors[0]
        raise CodeNotUsable(first.message, path=first.path, line=first.start.line, advice="Mend that line first.")
    return loaded


def _blame_failed_line(error: NameError, loaded: Loaded, path: str) -> None:
    """A name that is missing later is missing since a line failed, most often an import: that is told."""
    first = next((each for each in loaded.diagnostics if each.severity == "error"), None)
    if first is not None and error.name is not None and not hasattr(loaded.module, error.name):
        advice = "Mend that line first."
        raise CodeNotUsable(first.message, path=first.path, line=first.start.line, advice=advice) from error


def find(module: ModuleType, path: str, name: str) -> Any:
    value: Any = module
    for part in name.split("."):
        if not hasattr(value, part):
            raise CodeNotUsable(f"There is no `{name}` in this file.", path=path, advice="Save the file and try again.")
        value = getattr(value, part)
    return value


def split_reference(reference: str, folder: Path = Path()) -> tuple[str, str]:
    """`file.py::Name` as its absolute file, from `folder` on, and its name."""
    path, separator, name = reference.rpartition("::")
    if not separator or not name:
        raise CodeNotUsable(f"`{reference}` names no object.", advice="Write it as `file.py::Name`.")
    return str((folder / path).absolute()), name


def describe_error(error: BaseException) -> RunError:
    """An error in words, with the innermost line of the user's code that it came through."""
    path, line = find_user_line(error)
    if isinstance(error, PyModelError):
        message = " ".join(part for part in (error.message, error.advice) if part)
        return RunError(message, error.path or path, error.line or line)
    if is_out_of_memory(error):
        advice = "Choose a smaller batch size, smaller inputs or a smaller model."
        return RunError(f"The memory was not enough. {advice} ({_first_line(error)})", path, line)
    if isinstance(error, ModuleNotFoundError) and error.name:
        package = error.name.partition(".")[0]
        words = f"`{package}` is not installed here. Install it with `{sys.executable} -m pip install {package}`."
        return RunError(words, path, line)
    return RunError(f"{type(error).__name__}: {_first_line(error)}", path, line)


def find_user_line(error: BaseException) -> tuple[str | None, int | None]:
    found: tuple[str | None, int | None] = (None, None)
    traceback = error.__traceback__
    while traceback is not None:
        path = traceback.tb_frame.f_code.co_filename
        if _is_users(path):
            found = (path, traceback.tb_lineno)
        traceback = traceback.tb_next
    if found == (None, None) and isinstance(error, SyntaxError) and error.filename and _is_users(error.filename):
        return error.filename, error.lineno
    return found


def _is_users(path: str) -> bool:
    place = Path(path)
    if not place.is_file() or {"site-packages", "dist-packages"} & set(place.parts):
        return False
    library = (PACKAGE, *(Path(sysconfig.get_path(name)) for name in ("stdlib", "platstdlib")))
    return not any(place.resolve().is_relative_to(folder) for folder in library)


def _first_line(error: BaseException) -> str:
    return (str(error).strip().splitlines() or ["no further words"])[0]
