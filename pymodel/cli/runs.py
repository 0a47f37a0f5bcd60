"""`pymodel runs`: list, show, compare, resume, stop, name, and export what a run wrote."""

from __future__ import annotations

import argparse
import contextlib
import time
from pathlib import Path
from typing import Any

from .. import runs
from ..runs.compare import compare_runs, recipe_differences
from ..schema import Run, to_json
from .analyses import UsageError
from .follow import report_training, run_job
from .output import FINE, print_json, print_table

METRICS = 6
"""Columns of metrics that a table may have."""


def add_commands(commands: Any) -> None:
    parser = commands.add_parser("runs", help="list, show, compare, resume, stop and name runs")
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    for name, run, words in (
        ("list", run_list, "the runs of this folder, newest first"),
        ("show", run_show, "one run: its state, its values, what its curves advise, its recipe"),
        ("compare", run_compare, "runs in a table, with what differs between their recipes"),
        ("resume", run_resume, "go on from the last checkpoint, bit for bit"),
        ("stop", run_stop, "save a checkpoint and end"),
        ("pause", run_pause, "hold a training between two steps; it keeps its memory"),
        ("continue", run_pause, "let a paused training go on"),
        ("rename", run_label, "call a run by a name; an empty one takes it away"),
        ("note", run_label, "note something of a run"),
        ("export", run_export, "metrics as CSV, or as event files of TensorBoard"),
    ):
        action = actions.add_parser(name, help=words)
        action.add_argument("--json", action="store_true")
        if name != "list":
            many = {"nargs": "+"} if name == "compare" else {}
            action.add_argument("ids" if many else "id", metavar="ID", **many)
        if name in ("rename", "note"):
            action.add_argument("text", metavar="TEXT")
        if name == "export":
            action.add_argument("--format", choices=("csv", "tensorboard"), default="csv")
            action.add_argument("-o", "--output", type=Path)
        action.set_defaults(run=run)


def run_list(options: argparse.Namespace) -> int:
    found = _all_runs()
    if options.json:
        print_json({"runs": [_summarise(run) for _, run in found]})
        return FINE
    rows = [("run", "state", "model", "started", "steps", "best")]
    for _, run in found:
        started = time.strftime("%Y-%m-%d %H:%M", time.localtime(run.started))
        model = " · ".join(filter(None, (runs.short_name(run.target), run.name)))
        rows.append((run.id, run.state, model, started, str(run.last_step), _best(run)))
    print_table(rows, right=(4,))
    return FINE


def run_show(options: argparse.Namespace) -> int:
    folder, run = _find(options.id)
    if options.json:
        print_json({"folder": str(folder), "run": to_json(run)})
        return FINE
    told = {**_summarise(run), **{key: text for key, text in (("name", run.name), ("note", run.note)) if text}}
    print_table([(key, _show(value)) for key, value in told.items() if key != "metrics"])
    rows = [("", "last", "best")]
    best = run.metrics.get("best", {})
    rows += [(name, _show(value), _show(best.get(name, ""))) for name, value in run.metrics.get("last", {}).items()]
    print()
    print_table(rows, right=(1, 2))
    if run.error is not None:
        print(f"\n{run.error.message}")
    for advice in runs.advise_run(folder):
        print(f"\n{advice.kind} (steps {advice.first_step} to {advice.last_step}): {advice.words}\nWhat to try:")
        print("\n".join(f"- {each}" for each in advice.suggestions))
    if (folder / runs.RECIPE_FILE).is_file():
        print(f"\n{(folder / runs.RECIPE_FILE).read_text(encoding='utf-8').rstrip()}")
    return FINE


def run_compare(options: argparse.Namespace) -> int:
    compared = [_find(each)[1] for each in options.ids]
    differences, metrics = recipe_differences(compared), compare_runs(compared)
    if options.json:
        print_json({"runs": [run.id for run in compared], "differences": differences, "metrics": metrics})
        return FINE
    print_table([("", *(run.id for run in compared)), ("state", *(run.state for run in compared))])
    for heading, table in (("what differs", differences), ("best", metrics)):
        print(f"\n{heading}")
        print_table([(name, *(_show(value) for value in values)) for name, values in table.items()])
    return FINE


def run_resume(options: argparse.Namespace) -> int:
    folder, _ = _find(options.id)
    runs.queue_again(folder)
    run = run_job(folder)
    return report_training(folder, run, as_json=options.json)


def run_stop(options: argparse.Namespace) -> int:
    folder, run = _find(options.id)
    runs.stop_run(folder)
    if options.json:
        print_json({"folder": str(folder), "run": to_json(run)})
    return FINE


def run_pause(options: argparse.Namespace) -> int:
    folder, run = _find(options.id)
    (runs.pause_run if options.action == "pause" else runs.continue_run)(folder)
    if options.json:
        print_json({"folder": str(folder), "run": to_json(run)})
    return FINE


def run_label(options: argparse.Namespace) -> int:
    folder, _ = _find(options.id)
    runs.label_run(folder, **{"name" if options.action == "rename" else "note": options.text})
    if options.json:
        print_json({"folder": str(folder), "run": to_json(runs.read_run(folder))})
    return FINE


def run_export(options: argparse.Namespace) -> int:
    folder, run = _find(options.id)
    if options.format == "csv":
        path = options.output or Path(f"{run.id}.csv")
        runs.write_atomically(path.absolute(), runs.metrics_csv(folder).encode())
    else:
        from ..train.tensorboard import write_events

        path = options.output or Path(f"{run.id}.tensorboard")
        write_events(folder, path)
    if options.json:
        print_json({"path": str(path.absolute())})
    else:
        print(path)
    return FINE


def _all_runs() -> list[tuple[Path, Run]]:
    return runs.list_runs(runs.find_runs_root(str(Path.cwd() / "_"), (str(Path.cwd()),)))


def _find(name: str) -> tuple[Path, Run]:
    """A run of this folder by its id or the end of it; or by its own folder, where another tool's log is one, too.

    Raises:
        UsageError: there is none, or several.
    """
    if Path(name).is_dir():
        with contextlib.suppress(runs.RunNotFound):
            return Path(name).absolute(), runs.read_run(Path(name).absolute())
    found = [each for each in _all_runs() if each[1].id == name] or [
        each for each in _all_runs() if each[1].id.endswith(name) or each[1].id.startswith(name)
    ]
    if len(found) != 1:
        words = f"{len(found)} runs are called {name}." if found else f"there is no run {name}."
        raise UsageError(words, advice="`pymodel runs list` names them.")
    return found[0]


def _summarise(run: Run) -> dict[str, Any]:
    keys = ("id", "state", "target", "started", "last_step", "metrics")
    return {key: value for key, value in to_json(run).items() if key in keys}


def _best(run: Run) -> str:
    best = run.metrics.get("best", {})
    named = [name for name in best if name.startswith(("test/", "validation/"))][:METRICS]
    return "  ".join(f"{name} {_show(best[name])}" for name in sorted(named))


def _show(value: object) -> str:
    return f"{value:.4g}" if isinstance(value, float) and abs(value) < 1e8 else str(value)
