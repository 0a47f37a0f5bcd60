"""PyModel's own LSP messages, `pymodel/…`: mirrored in `extension/src/protocol.ts`, described in `docs/protocol.md`.

Field names cross the wire as they are written here. Requests go from client to server, notifications the other way.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from .explanation import ActivationsReport
from .graph import GraphDiff, Hit, Level, Overlay
from .model import DataFactory, ModelSite
from .runs import MetricRow, Run
from .weights import TensorReport, TensorValues


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
    """Ask for one level of a model's graph. Without `target`, the model at `position`, else the file's first.

    With `node`, the level is the one that shows it, whatever `path` says. `inner` are the paths of levels that are
    opened in this one; `overlay` is what to colour by; `base` is what `pymodel/compare` was asked to compare with.
    `run` is the folder of the run that an overlay tells of, and `step` the one to look at: the last without it.
    """

    uri: str
    target: str | None = None
    position: LspPosition | None = None
    path: str = ""
    node: str | None = None
    inner: tuple[str, ...] = ()
    overlay: str | None = None
    base: str | None = None
    run: str | None = None
    step: int | None = None


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
    inner: tuple[Level, ...] = ()
    """The levels opened in this one, those of `GraphParams.inner` that there still are."""
    selected: str | None = None
    """The node that is drawn for `GraphParams.node`."""
    overlay: Overlay | None = None
    base: str | None = None
    """What the level is compared with, by name; its nodes then say what changed."""


@dataclass(frozen=True)
class FindNodesParams:
    uri: str
    target: str
    query: str


@dataclass(frozen=True)
class FindNodesResult:
    """Answer to `pymodel/findNodes`: the nodes of the whole graph that fit, the nearest first."""

    hits: tuple[Hit, ...]


@dataclass(frozen=True)
class GraphTextParams:
    """Ask for a graph as text: a level as `mermaid`, or the whole of it as `json`."""

    uri: str
    target: str
    format: Literal["mermaid", "json"]
    path: str = ""


@dataclass(frozen=True)
class GraphTextResult:
    """Answer to `pymodel/graphText`."""

    text: str


@dataclass(frozen=True)
class CompareParams:
    """Compare a model with what it was, or with another: `base` is `git:REVISION`, `model:TARGET` or `run:FOLDER`."""

    uri: str
    target: str
    base: str


@dataclass(frozen=True)
class CompareResult:
    """Answer to `pymodel/compare`. `pymodel/graph` with the same `base` then marks what changed."""

    diff: GraphDiff


@dataclass(frozen=True)
class BasesParams:
    uri: str
    target: str


@dataclass(frozen=True)
class BasesResult:
    """Answer to `pymodel/bases`: what there is to compare with, by the kind of `CompareParams.base`."""

    revisions: tuple[str, ...]
    models: tuple[str, ...]


@dataclass(frozen=True)
class NodeAtParams:
    """Ask which node of the opened level (`path`), or of those opened in it, stands at a position of a document."""

    uri: str
    position: LspPosition
    graph_uri: str
    target: str
    path: str = ""
    inner: tuple[str, ...] = ()


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
class WeightsParams:
    """Ask for the statistics of some tensors in a file of weights, or in a run's folder."""

    source: str
    names: tuple[str, ...]


@dataclass(frozen=True)
class WeightsResult:
    """Answer to `pymodel/weights`: those of the tensors that there are, and the file that they are in."""

    path: str
    tensors: tuple[TensorReport, ...]


@dataclass(frozen=True)
class TensorValuesParams:
    """Ask for values of one tensor, from the element `start` on."""

    source: str
    name: str
    start: int = 0


@dataclass(frozen=True)
class TensorValuesResult:
    """Answer to `pymodel/tensorValues`."""

    tensor: TensorValues


@dataclass(frozen=True)
class ActivationsParams:
    """Ask what a sample did in a model: `folder` is that of an explanation, as the command that made it answered."""

    folder: str


@dataclass(frozen=True)
class ActivationsResult:
    """Answer to `pymodel/activations`. The pictures that it names are files in `ActivationsParams.folder`."""

    report: ActivationsReport


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
    thinned: int = 1
    """Of so many rows two are there, as the run is a very long one: those with the least and the greatest value."""


@dataclass(frozen=True)
class RunLogParams:
    """Ask for the end of what a run's job has said."""

    folder: str


@dataclass(frozen=True)
class RunLogResult:
    text: str


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
