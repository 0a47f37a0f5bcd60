"""PyModel's own LSP messages, `pymodel/…`: mirrored in `extension/src/protocol.ts`, described in `docs/protocol.md`.

Field names cross the wire as they are written here. Requests go from client to server, notifications the other way.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from .graph import Level
from .model import DataFactory, ModelSite
from .runs import MetricRow, Run


@dataclass(frozen=True)
class LspPosition:
    """LSP's own: 0-based line, 0-based character in the negotiated encoding."""

    line: int
    character: int


@dataclass(frozen=True)
class ModelsParams:
    uri: str


@dataclass(frozen=True)
class ModelsResult:
    """Answer to `pymodel/models`: the models of a document, read as text."""

    models: tuple[ModelSite, ...]


@dataclass(frozen=True)
class GraphParams:
    """Ask for one level of a model's graph. Without `target`, the model at `position`, else the file's first."""

    uri: str
    target: str | None = None
    position: LspPosition | None = None
    path: str = ""


@dataclass(frozen=True)
class Crumb:
    path: str
    name: str


@dataclass(frozen=True)
class GraphResult:
    """Answer to `pymodel/graph`. `level` is None while there is nothing to draw; `message` then says why. `stale`:
    the text has moved on since `version`."""

    uri: str
    target: str | None
    version: int
    stale: bool
    title: str
    breadcrumbs: tuple[Crumb, ...]
    level: Level | None
    message: str | None = None


@dataclass(frozen=True)
class NodeAtParams:
    """Ask which node of the opened level (`path`) stands at a position of a document."""

    uri: str
    position: LspPosition
    graph_uri: str
    target: str
    path: str = ""


@dataclass(frozen=True)
class NodeAtResult:
    id: str | None


@dataclass(frozen=True)
class TrainOptionsParams:
    uri: str
    target: str | None = None


@dataclass(frozen=True)
class TrainOptionsResult:
    """Answer to `pymodel/trainOptions`: what "train this" may ask of the user. The first of each is the best."""

    models: tuple[ModelSite, ...]
    data: tuple[DataFactory, ...]
    device: str


@dataclass(frozen=True)
class RunsParams:
    uri: str | None = None


@dataclass(frozen=True)
class RunsResult:
    """Answer to `pymodel/runs`: the runs of all workspace folders, newest first. `folders[i]` is `runs[i]`'s."""

    runs: tuple[Run, ...]
    folders: tuple[str, ...]


@dataclass(frozen=True)
class RunMetricsParams:
    """Ask for the rows of a run after row number `start`."""

    folder: str
    start: int = 0


@dataclass(frozen=True)
class RunMetricsResult:
    run: Run
    folder: str
    rows: tuple[MetricRow, ...]
    next: int


@dataclass(frozen=True)
class StatusNotification:
    """`pymodel/status`: what goes on, for the language status item."""

    state: Literal["starting", "ready", "analysing", "restricted", "error"]
    text: str
    detail: str
    device: str | None = None


@dataclass(frozen=True)
class TraceChangedNotification:
    """`pymodel/traceChanged`: answers about this document have changed; ask again for what is shown."""

    uri: str
    version: int


@dataclass(frozen=True)
class RunChangedNotification:
    """`pymodel/runChanged`: a run's state or metrics moved on; `pymodel/runMetrics` has the rows."""

    folder: str
    run: Run
