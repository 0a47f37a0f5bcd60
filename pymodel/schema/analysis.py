"""Messages between the server (or the CLI) and a worker. Each crosses a pipe as one frame of JSON (see `codec`).

A client sends `Analyse` and `Cancel`; the worker answers each `Analyse` with any number of `Traced` and `Checked`, then
exactly one `Finished`, or one `Failed` where the child died.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from .diagnostic import Diagnostic
from .trace import Mode, Trace


@dataclass(frozen=True)
class Pin:
    """A model's pinned construction and inputs, in the grammar of the contracts; `source` says which pin it is.

    `previous` is no pin of the user's: it is the last good answer, kept while an edit breaks the model.
    """

    target: str
    construction: str | None = None
    inputs: tuple[str, ...] = ()
    source: Literal["comment", "setting", "pyproject", "cli", "previous"] = "setting"


@dataclass(frozen=True)
class Analyse:
    """Trace the models of a file: those in `targets`, all of them where empty; those named in `first` come first.

    `documents` holds the text of every open, unsaved document by absolute path: it is imported in the file's place.
    `roots` are the folders that imports start from, most local first. With `candidates`, each trace says what else its
    model could be made by and fed with.
    """

    id: int
    path: str
    targets: tuple[str, ...] = ()
    documents: dict[str, str] = field(default_factory=dict)
    roots: tuple[str, ...] = ()
    pins: tuple[Pin, ...] = ()
    mode: Mode = "eval"
    first: tuple[str, ...] = ()
    candidates: bool = False
    method: Literal["analyse"] = "analyse"

    def replaces(self, older: Analyse) -> bool:
        """Whether it asks anew what an older request asks, which then need not be answered."""
        return (self.path, self.targets, self.candidates) == (older.path, older.targets, older.candidates)


@dataclass(frozen=True)
class Cancel:
    id: int
    method: Literal["cancel"] = "cancel"


@dataclass(frozen=True)
class Ready:
    """The worker's first message: what it runs on. `error` says, in words with the next step, why it cannot work."""

    python: str
    torch: str | None
    mode: Literal["fork", "persistent"]
    error: str | None = None
    event: Literal["ready"] = "ready"


@dataclass(frozen=True)
class Started:
    """The analysis has turned to `target`; if the child dies now, it is this model that killed it."""

    id: int
    target: str
    event: Literal["started"] = "started"


@dataclass(frozen=True)
class Traced:
    id: int
    trace: Trace
    event: Literal["traced"] = "traced"


@dataclass(frozen=True)
class Checked:
    """A second look at a model that was traced: all its diagnostics, with fixes that were proven and what only a
    backward pass shows. They take the place of the trace's own."""

    id: int
    target: str
    diagnostics: tuple[Diagnostic, ...]
    event: Literal["checked"] = "checked"


@dataclass(frozen=True)
class Finished:
    """All targets are done. `diagnostics` belong to the file and not to one model (a failed import, say)."""

    id: int
    diagnostics: tuple[Diagnostic, ...] = ()
    files: tuple[str, ...] = ()
    event: Literal["finished"] = "finished"


@dataclass(frozen=True)
class Failed:
    """The child died or was killed while it worked on `target` (None: before the first one).

    `reason` is `cancelled`, or words for a person: what happened and what to do next. `path` and `line` are where the
    user's code was, when known.
    """

    id: int
    reason: str
    target: str | None = None
    code: Literal["cancelled", "timeout", "crashed", "memory", "exited"] = "crashed"
    path: str | None = None
    line: int | None = None
    event: Literal["failed"] = "failed"


Event = Started | Traced | Checked | Finished | Failed
"""What a worker says of a request. The last is `Finished` or `Failed`."""
EVENTS: dict[str, type[Event]] = {
    "started": Started,
    "traced": Traced,
    "checked": Checked,
    "finished": Finished,
    "failed": Failed,
}
"""By the word that a frame names them with."""
