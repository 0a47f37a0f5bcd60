"""Commands that write: train, export, runs. Each works in a run folder, like the editor's."""

from __future__ import annotations

import argparse
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from ..discover.pins import format_inputs
from ..discover.roots import find_import_roots
from ..schema import ExportRequest, Run, TrainRequest, to_json
from ..worker.client import MAIN
from .analyses import AnalysisFailed, Target, UsageError, add_target, find_target, trace_target
from .output import FAILED, FINE, FOUND, print_json, print_table

POLL_SECONDS = 0.2


def add_commands(commands: Any) -> None:
    train = commands.add_parser("train", help="train a model on data found in the workspace")
    add_target(train)
    train.add_argument("--run-dir", type=Path)
    train.add_argument("--data", metavar="FILE::NAME", help="the data factory; the best found by default")
    train.add_argument("--epochs", type=int, default=10)
    train.add_argument("--batch-size", type=int, default=64)
    train.add_argument("--learning-rate", type=float, default=1e-3)
    train.add_argument("--seed", type=int, default=0)
    train.set_defaults(run=run_train)
    export = commands.add_parser("export", help="write a model to a file that is proven equal")
    add_target(export)
    export.add_argument("--format", choices=("onnx", "pt2", "safetensors"), default="onnx")
    export.add_argument("--weights", metavar="FILE")
    export.add_argument("--run", dest="from_run", metavar="DIR")
    export.add_argument("-o", "--output", metavar="FILE")
    export.set_defaults(run=run_export)
    runs = commands.add_parser("runs", help="list, show and stop runs")
    actions = runs.add_subparsers(dest="action", required=True, metavar="ACTION")
    for name in ("list", "show", "stop"):
        action = actions.add_parser(name)
        action.add_argument("--json", action="store_true")
        if name != "list":
            action.add_argument("id")
        action.set_defaults(run=run_runs)


def run_train(options: argparse.Namespace) -> int:
    from ..discover.data import find_data_factories

    target = find_target(options.target)
    data = options.data
    if data is None:
        found = find_data_factories(str(Path.cwd()), target.path, {})
        if not found:
            raise UsageError(
                "no data set was found in this folder.",
                advice="Write a function without required arguments that returns a Dataset, or name one with --data.",
            )
        data = found[0].reference
    construction, prelude, roots, _ = _construction_of(target, options)
    request = TrainRequest(
        target=f"{target.path}::{target.name}",
        data=data,
        construction=construction,
        prelude=prelude,
        learning_rate=options.learning_rate,
        batch_size=options.batch_size,
        epochs=options.epochs,
        seed=options.seed,
        roots=roots,
    )
    folder, run = _run_job(target, request, options)
    if options.json:
        print_json({"run": str(folder), "state": run.state, "metrics": run.metrics})
    else:
        print(f"{run.state}: {folder}")
    return FINE if run.state == "completed" else FOUND if run.state == "stopped" else FAILED


def run_export(options: argparse.Namespace) -> int:
    target = find_target(options.target)
    construction, prelude, roots, inputs = _construction_of(target, options)
    request = ExportRequest(
        target=f"{target.path}::{target.name}",
        format=options.format,
        run=options.from_run,
        weights=options.weights,
        output=options.output,
        construction=construction,
        prelude=prelude,
        inputs=tuple(options.input) or inputs,
        roots=roots,
    )
    options.run_dir = None
    _, run = _run_job(target, request, options)
    if run.result is None:
        return FAILED
    if options.json:
        print_json(run.result)
    else:
        print(f"{run.result['path']} ({'verified' if run.result.get('verified') else 'not verified'})")
    return FINE if run.result.get("verified") else FOUND


def run_runs(options: argparse.Namespace) -> int:
    from .. import runs

    found = runs.list_runs(runs.find_runs_root(str(Path.cwd() / "_"), (str(Path.cwd()),)))
    if options.action == "list":
        if options.json:
            rows = [_summarise(run) for _, run in found]
            print_json({"runs": rows})
        else:
            print_table([(run.id, run.state, run.target, str(run.last_step)) for _, run in found], right=(3,))
        return FINE
    match = next(((folder, run) for folder, run in found if run.id == options.id), None)
    if match is None:
        raise UsageError(f"there is no run {options.id}.", advice="`pymodel runs list` names them.")
    folder, run = match
    if options.action == "stop":
        runs.stop_run(folder)
    if options.json:
        print_json({"folder": str(folder), "run": to_json(run)})
    else:
        print_table([(key, str(value)) for key, value in _summarise(run).items()])
    return FINE


def _summarise(run: Run) -> dict[str, Any]:
    keys = ("id", "state", "target", "started", "last_step", "metrics")
    return {key: value for key, value in to_json(run).items() if key in keys}


def _construction_of(
    target: Target, options: argparse.Namespace
) -> tuple[str | None, tuple[str, ...], tuple[str, ...], tuple[str, ...]]:
    """How the model is made and fed, as its trace found."""
    trace = trace_target(target, options)
    roots = find_import_roots(target.path, (str(Path.cwd()),))
    if trace.construction is None:
        reason = trace.diagnostics[0].message if trace.diagnostics else "It could not be constructed."
        raise AnalysisFailed(
            f"{target.name}: {reason}",
            path=target.path,
            advice="`pymodel why` tells what was tried; --init says how to construct it.",
        )
    return trace.construction.expression, trace.construction.prelude, roots, format_inputs(trace)


def _run_job(target: Target, request: TrainRequest | ExportRequest, options: argparse.Namespace) -> tuple[Path, Run]:
    """Run a job in a process of its own and follow it. Ctrl-C stops it with a checkpoint."""
    from .. import runs

    root = runs.find_runs_root(target.path, (str(Path.cwd()),))
    own = options.run_dir
    folder = runs.create_run(root, request) if own is None else runs.initialise_run(own.resolve(), request)
    with open(folder / "log.txt", "ab") as log:
        process = subprocess.Popen(
            [sys.executable, "-P", str(MAIN), "job", str(folder)],
            stdout=log,
            stderr=log,
            stdin=subprocess.DEVNULL,
            start_new_session=True,
        )
    try:
        while process.poll() is None:
            _report(runs.read_run(folder))
            time.sleep(POLL_SECONDS)
    except KeyboardInterrupt:
        runs.stop_run(folder)
        process.wait()
    run = runs.read_run(folder)
    _report(run)
    if sys.stderr.isatty():
        print(file=sys.stderr)
    if run.error is not None:
        place = f"{run.error.path}:{run.error.line}: " if run.error.path else ""
        print(f"pymodel: {place}{run.error.message}", file=sys.stderr)
    return folder, run


def _report(run: Run) -> None:
    """One line of progress, replaced in place on a terminal; nothing elsewhere, where the log has it."""
    if not sys.stderr.isatty():
        return
    last = run.metrics.get("last", {})
    shown = "  ".join(f"{name} {value:.4g}" for name, value in last.items() if isinstance(value, (int, float)))
    line = f"{run.state}: epoch {run.epoch}/{run.epochs}  step {run.last_step}  {shown}"
    print(f"\r{line}\x1b[K", end="", file=sys.stderr)
