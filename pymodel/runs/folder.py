"""A run's folder and its `run.json`: made, found, read, replaced. Nothing is written outside of `.pymodel/` or the run.

`run.json` has one writer at a time: who makes the run, then its job. Everybody may read it at any time.
"""

from __future__ import annotations

import json
import re
import secrets
import time
from dataclasses import fields, replace
from pathlib import Path
from typing import Literal

from ..recipe import format_recipe, recipe_folder
from ..schema import (
    ExplainRequest,
    ExportRequest,
    MalformedMessage,
    PyModelError,
    Recipe,
    Run,
    RunLabel,
    ScriptRequest,
    TrainRequest,
    dumps,
    from_json,
    to_json,
)
from .atomic import write_atomically
from .attached import read_attached
from .files import RECIPE_FILE, RUN_FILE
from .label import labelled
from .process import is_alive

Request = TrainRequest | ExportRequest | ExplainRequest | ScriptRequest
REQUESTS: dict[str, type[Request]] = {
    "train": TrainRequest,
    "export": ExportRequest,
    "explain": ExplainRequest,
    "script": ScriptRequest,
}
KINDS: dict[type[Request], Literal["train", "export", "explain", "script"]] = {
    TrainRequest: "train",
    ExportRequest: "export",
    ExplainRequest: "explain",
    ScriptRequest: "script",
}


class RunNotFound(PyModelError):
    """A folder holds no run that can be read."""


class FolderNotWritable(PyModelError):
    """A run's folder cannot be made."""


def find_runs_root(path: str, folders: tuple[str, ...] = ()) -> Path:
    """Where the runs of the file (or folder) at `path` are kept: `.pymodel/runs` in the innermost workspace folder that
    holds it, else beside it. It is made with the first run."""
    place = Path(path).absolute()
    holding = [Path(folder).absolute() for folder in folders if place.is_relative_to(Path(folder).absolute())]
    beside = place if place.is_dir() else place.parent
    return max(holding, key=lambda folder: len(folder.parts), default=beside) / ".pymodel" / "runs"


def create_run(root: Path, request: Request) -> Path:
    """A new run in `root`, queued. Gives its folder.

    Raises:
        FolderNotWritable: nothing can be written there.
    """
    try:
        return _create(root, request)
    except OSError as error:
        words = f"No run can be kept here: {error.strerror or error}."
        advice = "Make room or make the folder writable, or choose another with --run-dir."
        raise FolderNotWritable(words, path=str(root), advice=advice) from error


def _create(root: Path, request: Request) -> Path:
    root.mkdir(parents=True, exist_ok=True)
    if root.parent.name == ".pymodel" and not (ignore := root.parent / ".gitignore").exists():
        write_atomically(ignore, b"*\n")
    name = re.sub(r"\W+", "-", short_name(request.target)).strip("-").lower() or "run"
    return initialise_run(root / f"{time.strftime('%Y%m%d-%H%M%S')}-{name}-{secrets.token_hex(2)}", request)


def short_name(target: str) -> str:
    """What a run is called after: a model's name, a script's without its folders, a module's as it is."""
    return re.split(r"[:/\\]", target)[-1].removesuffix(".py")


def initialise_run(folder: Path, request: Request) -> Path:
    """Make `folder` itself a run, queued (`--run-dir`).

    Raises:
        PyModelError: there is a run in it already.
    """
    if (folder / RUN_FILE).exists():
        raise PyModelError("There is a run here already.", path=str(folder), advice="Choose another folder.")
    folder.mkdir(parents=True, exist_ok=True)
    now = time.time()
    run = Run(folder.name, KINDS[type(request)], request.target, "queued", now, now, to_json(request))
    if isinstance(request, TrainRequest):
        run = replace(run, epochs=request.recipe.run.epochs)
    write_run(folder, run)
    if isinstance(request, TrainRequest):
        write_atomically(folder / RECIPE_FILE, format_recipe(_placed(request, folder)).encode())
    return folder


def _placed(request: TrainRequest, folder: Path) -> Recipe:
    """The recipe as it can be read in the run's folder: with absolute paths where that is not in `.pymodel`."""
    recipe, base = request.recipe, Path(request.folder)
    if recipe_folder(folder / RECIPE_FILE) == base:
        return recipe
    data = recipe.data
    if data.source != "random":
        data = replace(data, source=str(base / data.source))
    return replace(recipe, model=replace(recipe.model, target=request.target), data=data)


def read_run(folder: Path) -> Run:
    """The run in `folder`, or what another tool logs there; `interrupted` if its process is gone without a last word.

    Raises:
        RunNotFound: there is none, or it cannot be read.
    """
    if not (folder / RUN_FILE).exists() and (attached := read_attached(folder)) is not None:
        return attached.run
    run = _read(folder)
    if not _is_orphaned(run):
        return run
    run = _read(folder)  # its last word may have come between reading the file and looking for the process
    return replace(run, state="interrupted") if _is_orphaned(run) else run


def read_request(run: Run) -> Request:
    """What the run was asked to do.

    Raises:
        PyModelError: the request in run.json does not fit.
    """
    if run.kind not in REQUESTS:
        words = "This is the log of another tool: what it was asked to do is not known."
        raise PyModelError(words, advice="Start a run of PyModel's own.")
    try:
        return from_json(REQUESTS[run.kind], run.request)
    except MalformedMessage as error:
        raise PyModelError(f"The request in run.json does not fit: {error}.", advice="Start a new run.") from None


def write_run(folder: Path, run: Run, *, durable: bool = True) -> None:
    """Replace `run.json` at once. `interrupted` is for readers alone: it is refused. What is not durable is whole, but
    may be the older one after a power cut: progress need not wait for the disk."""
    if run.state == "interrupted":
        raise ValueError("interrupted is derived and never written")
    content = json.loads(dumps(run))
    for each in fields(RunLabel):
        del content[each.name]
    text = json.dumps(content, ensure_ascii=False, indent=1)
    write_atomically(folder / RUN_FILE, f"{text}\n".encode(), durable=durable)


def list_runs(root: Path) -> list[tuple[Path, Run]]:
    """The runs in `root`, newest first. A folder without a readable run is none."""
    found = []
    for folder in root.iterdir() if root.is_dir() else ():
        try:
            found.append((folder, read_run(folder)))
        except RunNotFound:
            continue
    return sorted(found, key=lambda each: each[1].started, reverse=True)


def _read(folder: Path) -> Run:
    path = folder / RUN_FILE
    try:
        return labelled(folder, from_json(Run, json.loads(path.read_bytes())))
    except OSError as error:
        raise RunNotFound(f"There is no run here: {error.strerror}.", path=str(path)) from None
    except ValueError as error:
        raise RunNotFound(f"This is no run that can be read: {error}.", path=str(path)) from None


def _is_orphaned(run: Run) -> bool:
    if run.state == "queued":  # its launcher may have noted the process already
        return run.process is not None and not is_alive(run.process)
    return run.state in ("running", "paused") and (run.process is None or not is_alive(run.process))
