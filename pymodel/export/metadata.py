"""What a file says of itself, enough to prove it again later: the model, its inputs, weights and source commit.

No absolute path: who gets the file learns nothing of this machine.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from ..schema import ExportRequest, PyModelError, Symbol, from_json, to_json
from ..train.user_code import split_reference
from .cases import Case

PREFIX = "pymodel."
FRESH = "fresh"


def make_metadata(request: ExportRequest, weights: str, cases: tuple[Case, ...]) -> dict[str, str]:
    path, name = split_reference(request.target)
    root = max((each for each in request.roots if Path(path).is_relative_to(each)), key=len, default=Path(path).parent)
    given = {
        "target": f"{Path(path).relative_to(root).as_posix()}::{name}",
        "construction": request.construction or "",
        "prelude": json.dumps(request.prelude),
        "inputs": json.dumps(request.inputs),
        "symbols": json.dumps(to_json(request.symbols)),
        "weights": weights if weights == FRESH else _relative(Path(weights), Path(root)),
        "checks": _describe_checks(request, cases),
        "torch": torch.__version__,
        "commit": _commit(Path(path).parent) or "",
    }
    return {PREFIX + key: text for key, text in given.items() if text}


def _relative(path: Path, root: Path) -> str:
    path = path.absolute()
    return path.relative_to(root).as_posix() if path.is_relative_to(root) else path.name


def _describe_checks(request: ExportRequest, cases: tuple[Case, ...]) -> str:
    """A file that fails one of them is not kept: what is written here was passed."""
    if request.format == "safetensors":
        return "read back: equal bit for bit"
    ran = "onnx.checker, shape inference, onnxruntime" if request.format == "onnx" else "loaded again"
    return f"{ran} equal to eager at " + "; ".join(map(str, cases))


def _commit(folder: Path) -> str | None:
    """The commit of the source, with a `+` where the folder has changes beyond it."""
    git = ["git", "-C", str(folder)]
    try:
        commit, status = (
            subprocess.run([*git, *words], capture_output=True, text=True, timeout=5, check=False)
            for words in (("rev-parse", "HEAD"), ("status", "--porcelain", "--untracked-files=no", "."))
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return commit.stdout.strip() + ("+" if status.stdout.strip() else "") or None


def read_request(
    metadata: Mapping[str, str], file: Path, folders: tuple[Path, ...], *, has_weights: bool = False
) -> ExportRequest:
    """The request that a file was made by, to prove it again. `folders` are where its model's code may lie;
    `has_weights`: others are named than those that it says.

    Raises:
        PyModelError: the file does not say, or its model or weights are not found.
    """
    said = {key.removeprefix(PREFIX): text for key, text in metadata.items() if key.startswith(PREFIX)}
    if "target" not in said:
        advice = "Name its model: `pymodel export TARGET --verify FILE`."
        raise PyModelError("This file does not say which model it is of.", path=str(file), advice=advice)
    try:
        lists: Any = {key: json.loads(said.get(key, "[]")) for key in ("prelude", "inputs")}
        symbols = {key: from_json(Symbol, each) for key, each in json.loads(said.get("symbols", "{}")).items()}
    except ValueError as error:
        advice = "Name its model and inputs on the command line, or export it again."
        raise PyModelError(f"What this file says of itself is damaged: {error}.", path=str(file), advice=advice) from (
            error
        )
    relative, _, name = said["target"].rpartition("::")
    path = _find(relative, folders)
    if path is None:
        words = f"Its model's code, {relative}, is not in {folders[0]}."
        raise PyModelError(words, path=str(file), advice="Run this in the project's folder, or name the model.")
    weights = FRESH if has_weights else said.get("weights", FRESH)
    found = None if weights == FRESH else _find(weights, folders)
    if weights != FRESH and found is None:
        words = f"Its weights, {weights}, are not in {folders[0]}."
        raise PyModelError(words, path=str(file), advice="Name them with --weights or --run.")
    request = ExportRequest(f"{path}::{name}", prelude=tuple(lists["prelude"]), inputs=tuple(lists["inputs"]))
    construction = said.get("construction") or None
    return replace(request, construction=construction, symbols=symbols, weights=None if found is None else str(found))


def _find(relative: str, folders: tuple[Path, ...]) -> Path | None:
    """A path of the metadata, which must lie in one of the folders: a file may say anything."""
    for folder in folders:
        path = (folder / relative).resolve()
        if path.is_file() and path.is_relative_to(folder.resolve()):
            return path
    return None
