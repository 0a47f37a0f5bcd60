"""A monitored run from its folder to its last word."""

from __future__ import annotations

import atexit
import contextlib
import hashlib
import os
import platform
import sys
import time
import traceback
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from .. import runs
from ..schema import Run, RunError, ScriptRequest
from .frames import UserFrames
from .guard import Guard
from .import_hooks import AfterImport
from .printed import LogText, PrintedValues, record_streams
from .recorder import Recorder
from .writer import Writer

RECORDED = (
    *("CUDA_VISIBLE_DEVICES", "OMP_NUM_THREADS", "MKL_NUM_THREADS", "VIRTUAL_ENV", "CONDA_PREFIX", "LANG"),
    *("RANK", "WORLD_SIZE", "LOCAL_RANK", "LOCAL_WORLD_SIZE", "PYTHONHASHSEED", "CUBLAS_WORKSPACE_CONFIG"),
    *("NCCL_DEBUG", "PYTORCH_ALLOC_CONF", "PYTORCH_CUDA_ALLOC_CONF", "TOKENIZERS_PARALLELISM"),
)
"""The environment variables that a run notes; no other, as others hold secrets."""


class Session:
    """Begun before the script, ended after it, whatever becomes of the folder."""

    def __init__(self, writer: Writer, recorder: Recorder, on_close: Callable[[Path, Run], None]) -> None:
        self.writer = writer
        self.recorder = recorder
        self._on_close = on_close
        self._last_words: dict[str, object] = {"state": "completed", "error": None}

    @property
    def folder(self) -> Path:
        return self.writer.folder

    def note_end(self, error: BaseException | None) -> None:
        """How the script ended, before what it has registered for its exit runs."""
        self._last_words = _describe_end(error, self.recorder.frames)

    def close(self) -> None:
        if self.writer.close(**self._last_words):
            self._on_close(self.folder, self.writer.run_state)


def begin(
    request: ScriptRequest, own: Path | None, on_close: Callable[[Path, Run], None] = lambda folder, run: None
) -> Session:
    """Make the run's folder and put in the hooks. Of several ranks the first makes the folder. `on_close` is given the
    folder and the run as it ended, after the script's last word.

    Raises:
        PyModelError: nothing can be written there.
        OSError: the same.
    """
    rank = int(os.environ.get("RANK", "0") or 0)
    folder = _find_folder(request, own, rank)
    guard = Guard()
    recorder = Recorder(guard, rank)
    log = LogText()
    printed = PrintedValues(lambda name, value: recorder.on_shown(f"printed/{name}", value))
    run = _describe_run(folder, request)
    if rank == 0:
        runs.write_run(folder, run)
    writer = Writer(folder, run, request, recorder, log)
    session = Session(writer, recorder, on_close)
    atexit.register(session.close)  # the first to register is the last to run
    read = guard.wrap("printed values", printed.note)

    def note_out(text: str) -> None:
        if guard.active:
            log.add(text)
            read(text)

    def note_error(text: str) -> None:
        if guard.active:
            log.add(text)

    if not record_streams(note_out, note_error):
        guard.note("printed values", "standard output is no plain stream here")
    AfterImport(
        {
            "torch": guard.wrap("torch", lambda torch: _hook_torch(torch, session, request)),
            "tqdm.std": guard.wrap("values on tqdm bars", lambda module: _hook("tqdm", module, recorder)),
            "transformers.trainer": guard.wrap(
                "what the Trainer logs", lambda module: _hook("hugging_face", module, recorder)
            ),
            "pytorch_lightning.trainer.trainer": guard.wrap(
                "what Lightning logs", lambda module: _hook("lightning", module, recorder)
            ),
            "lightning.pytorch.trainer.trainer": guard.wrap(
                "what Lightning logs", lambda module: _hook("lightning", module, recorder)
            ),
        }
    ).install()
    writer.start()
    return session


def _hook_torch(torch: object, session: Session, request: ScriptRequest) -> None:
    from . import hooks

    hooks.install(torch, session.recorder)  # type: ignore[arg-type]
    if session.recorder.forwards is not None:
        session.recorder.forwards.folder = session.folder
        session.recorder.forwards.save_batch = request.save_batch


def _hook(name: str, module: object, recorder: Recorder) -> None:
    import importlib

    importlib.import_module(f".frameworks.{name}", __package__).install(module, recorder)


def _find_folder(request: ScriptRequest, own: Path | None, rank: int) -> Path:
    """The run's folder. Ranks that one launcher started find the same one."""
    if own is not None:
        folder = own.resolve()
        return _join(folder, request, rank)
    root = runs.find_runs_root(request.script or request.folder, (request.folder,))
    if "TORCHELASTIC_RUN_ID" not in os.environ:
        return runs.create_run(root, request)
    launcher = runs.describe_process(os.getppid())
    started = "" if launcher is None else f"{launcher.start_time}{launcher.boot_id}"
    text = f"{os.getppid()}{started}{os.environ.get('TORCHELASTIC_RESTART_COUNT', '0')}"
    name = f"{runs.short_name(request.target)}-{hashlib.sha256(text.encode()).hexdigest()[:8]}".lower()
    return _join(root / name, request, rank)


def _join(folder: Path, request: ScriptRequest, rank: int) -> Path:
    if rank == 0:
        return runs.initialise_run(folder, request)
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _describe_run(folder: Path, request: ScriptRequest) -> Run:
    now = time.time()
    made = Run(folder.name, "script", request.target, "running", now, now, {})
    with contextlib.suppress(runs.RunNotFound):  # of another rank, whose first one is not there yet
        made = runs.read_run(folder)
    environment = {name: os.environ[name] for name in RECORDED if name in os.environ}
    versions = {"python": platform.python_version(), "platform": platform.platform()}
    return replace(
        made,
        state="running",
        process=runs.describe_process(os.getpid()),
        versions=versions,
        environment=environment,
        updated=now,
    )


def _describe_end(error: BaseException | None, frames: UserFrames) -> dict[str, object]:
    if error is None or (isinstance(error, SystemExit) and error.code in (None, 0)):
        return {"state": "completed", "error": None}
    if isinstance(error, KeyboardInterrupt):
        return {"state": "stopped", "error": None}
    if isinstance(error, SystemExit):
        return {"state": "failed", "error": RunError(f"The script ended with the exit code {error.code}.")}
    places = [each for each in traceback.extract_tb(error.__traceback__) if frames.is_users(each.filename)]
    path, line = (places[-1].filename, places[-1].lineno) if places else (None, None)
    if isinstance(error, SyntaxError):
        path, line = error.filename, error.lineno
    first = (str(error).strip().splitlines() or ["no further words"])[0]
    return {"state": "failed", "error": RunError(f"{type(error).__name__}: {first}", path, line)}


def say(words: str) -> None:
    """A line for a person who watches; none where the script's own output is read by a program."""
    if sys.stderr.isatty():
        print(words, file=sys.stderr)  # noqa: T201
