"""The run folder's documents (`run.json`, one row of `metrics.<rank>.jsonl`) and what starts a job."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import Literal

from .recipe import Recipe
from .trace import Dims, Symbol

RunState = Literal["queued", "running", "paused", "completed", "stopped", "failed", "interrupted"]
Number = float | int | str
"""A metric. Non-finite numbers are the strings `nan`, `inf`, `-inf`, as JSON has none."""


@dataclass(frozen=True)
class TrainRequest:
    """What a training job does. `folder` is what the recipe's paths are relative to, `recipe_path` the file that it was
    read from; `inputs` are pins in the contracts' grammar, for a smoke test's data."""

    recipe: Recipe
    folder: str
    recipe_path: str | None = None
    inputs: tuple[str, ...] = ()
    roots: tuple[str, ...] = ()

    @property
    def target(self) -> str:
        """The model, with its absolute path."""
        path, _, name = self.recipe.model.target.rpartition("::")
        return f"{os.path.join(self.folder, path)}::{name}"  # noqa: PTH118 - keeps the path as it is written


@dataclass(frozen=True)
class ExportRequest:
    """What `pymodel export` does. `inputs` are pins in the contracts' grammar, whose symbols `symbols` describes; `run`
    is a run folder. `outputs` are the dims of the outputs as the trace has them. `simplify` and `quantise` are steps
    after the export, each proven like it; `verify` is a file that is proven again instead of being made."""

    target: str
    format: Literal["onnx", "pt2", "safetensors"] = "onnx"
    run: str | None = None
    weights: str | None = None
    output: str | None = None
    construction: str | None = None
    prelude: tuple[str, ...] = ()
    inputs: tuple[str, ...] = ()
    roots: tuple[str, ...] = ()
    symbols: dict[str, Symbol] = field(default_factory=dict)
    outputs: tuple[Dims, ...] = ()
    opset: int | None = None
    simplify: bool = False
    quantise: bool = False
    verify: str | None = None


@dataclass(frozen=True)
class ExplainRequest:
    """What `pymodel explain activations` and `attributions` do. `sample` is a row of the data, a file, a text, or
    `random`; `class_index` the class that is explained, by default the one that the model chooses; `output` the folder
    that is written, by default one in the run's own."""

    target: str
    what: Literal["activations", "attributions"]
    sample: str = "random"
    run: str | None = None
    weights: str | None = None
    data: str | None = None
    methods: tuple[str, ...] = ()
    class_index: int | None = None
    output: str | None = None
    construction: str | None = None
    prelude: tuple[str, ...] = ()
    inputs: tuple[str, ...] = ()
    roots: tuple[str, ...] = ()


@dataclass(frozen=True)
class ScriptRequest:
    """What `pymodel run` runs: a script (or a folder with a `__main__.py`), or a module as `-m` does."""

    script: str | None = None
    module: str | None = None
    arguments: tuple[str, ...] = ()
    folder: str = ""
    """The working directory."""
    save_batch: bool = False
    """Keep what the first step that is not finite was run on."""

    @property
    def target(self) -> str:
        return self.script or self.module or ""


@dataclass(frozen=True)
class Process:
    """Enough to know a process again after a reload, and not to mistake another for it."""

    pid: int
    start_time: float
    boot_id: str


@dataclass(frozen=True)
class RunError:
    """Why a job failed, where in the user's code, and what to do next."""

    message: str
    path: str | None = None
    line: int | None = None


@dataclass(frozen=True)
class RunLabel:
    """`label.json`: what people call a run, and what they note of it."""

    name: str = ""
    note: str = ""


@dataclass(frozen=True)
class Run:
    """`run.json`. `interrupted` is derived by readers (running, but no such process) and never written; nor are `name`
    and `note`, which are those of `label.json`."""

    id: str
    kind: Literal["train", "export", "explain", "script", "attached"]
    """`attached`: the log of another tool, which no `run.json` tells of."""
    target: str
    state: RunState
    started: float
    updated: float
    request: dict[str, object]
    process: Process | None = None
    device: str | None = None
    epoch: int = 0
    epochs: int = 0
    last_step: int = 0
    total_steps: int = 0
    metrics: dict[str, dict[str, Number]] = field(default_factory=dict)
    """`{"last": {name: value}, "best": {name: value}}`."""
    versions: dict[str, str] = field(default_factory=dict)
    environment: dict[str, str] = field(default_factory=dict)
    result: dict[str, object] | None = None
    """The answer of an export or an explanation, as the command prints it with `--json`."""
    error: RunError | None = None
    name: str = ""
    note: str = ""


@dataclass(frozen=True)
class MetricRow:
    step: int
    time: float
    epoch: int
    values: dict[str, Number]
