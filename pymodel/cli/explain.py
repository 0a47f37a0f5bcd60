"""`pymodel explain`: a file's weights, what a model makes of a sample, and what its answer rests on."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .. import runs
from ..discover.pins import format_inputs
from ..discover.roots import find_import_roots
from ..runs import write_atomically
from ..schema import ExplainRequest, TensorChange, WeightsReport
from .analyses import UsageError, add_target, find_target
from .jobs import construct_by_trace, start
from .output import FAILED, FINE, print_json, print_table, show

if TYPE_CHECKING:
    from ..weights import Weights


def add_commands(commands: Any) -> None:
    explain = commands.add_parser("explain", help="look inside a trained model")
    kinds = explain.add_subparsers(dest="what", required=True, metavar="WHAT")
    weights = kinds.add_parser("weights", help="the statistics of each tensor of a file of weights")
    weights.add_argument("file", nargs="?", type=Path, metavar="FILE", help="safetensors, .pt, .pth or .ckpt")
    weights.add_argument("--run", dest="from_run", type=Path, metavar="DIR", help="the best checkpoint of this run")
    weights.add_argument("--against", type=Path, metavar="FILE|DIR", help="another file or run to compare with")
    weights.add_argument("--singular-values", metavar="NAME", help="those of one tensor, as a matrix")
    weights.add_argument("--values", metavar="NAME", help="one tensor's own values")
    weights.add_argument("--start", type=int, default=0, metavar="N", help="the first of the values")
    weights.add_argument("--count", type=int, default=256, metavar="N", help="how many values, 256 by default")
    weights.add_argument("-o", "--output", type=Path, metavar="DIR", help="write weights.html and weights.json there")
    weights.add_argument("--html", action="store_true", help="print the page instead")
    weights.add_argument("--json", action="store_true", help="print one JSON document")
    weights.set_defaults(run=run_weights)
    for what, words in (
        ("activations", "what each layer makes of a sample: maps, attention, histograms, dead units"),
        ("attributions", "what the answer to a sample rests on, by Captum's methods"),
    ):
        _add_sample_command(kinds.add_parser(what, help=words), with_methods=what == "attributions")


def _add_sample_command(command: argparse.ArgumentParser, *, with_methods: bool) -> None:
    add_target(command, optional=True)
    command.add_argument("--run", dest="from_run", type=Path, metavar="DIR", help="the best checkpoint of this run")
    command.add_argument("--weights", metavar="FILE")
    command.add_argument("--data", metavar="SOURCE", help="of rows and the tokenizer; the run's by default")
    sample = "a row of the data by its number, a file, a text, or random"
    command.add_argument("--sample", default="random", metavar="ROW|FILE|TEXT|random", help=sample)
    command.add_argument("-o", "--output", metavar="DIR", help="where page, JSON and PNG go; in the run by default")
    if with_methods:
        command.add_argument("--method", action="append", default=[], metavar="NAME", help="all that fit, by default")
        command.add_argument("--class", dest="class_index", type=int, metavar="N", help="the answer, by default")
    command.set_defaults(run=run_sample)


def run_sample(options: argparse.Namespace) -> int:
    request = _request(options)
    _, run = start(request, request.target)
    if run.result is None:
        return FAILED
    if options.json:
        print_json(run.result)
    else:
        print(run.result["page"])
    return FINE


def _request(options: argparse.Namespace) -> ExplainRequest:
    """What is asked, about a run's model, or about one that is named with its weights."""
    asked = {
        "what": options.what,
        "sample": str(Path(options.sample).absolute()) if Path(options.sample).is_file() else options.sample,
        "data": options.data,
        "methods": tuple(getattr(options, "method", ())),
        "class_index": getattr(options, "class_index", None),
        "output": str(Path(options.output).absolute()) if options.output else None,
    }
    if options.from_run is not None:
        return runs.explain_run(options.from_run, **asked)
    if options.target is None:
        raise UsageError("nothing is named to look into.", advice="Name a model, or a run with --run.")
    target = find_target(options.target)
    trace = construct_by_trace(target, options)
    assert trace.construction is not None
    return ExplainRequest(
        f"{target.path}::{target.name}",
        weights=options.weights,
        construction=trace.construction.expression,
        prelude=trace.construction.prelude,
        inputs=tuple(options.input) or format_inputs(trace),
        roots=find_import_roots(target.path, (str(Path.cwd()),)),
        **asked,
    )


def run_weights(options: argparse.Namespace) -> int:
    from ..explain.weights import find_file, read_values, report_weights, singular_values
    from ..weights import open_weights

    if (options.file is None) == (options.from_run is None):
        raise UsageError("one file is looked into.", advice="Name a file of weights, or a run with --run.")
    if options.start < 0 or options.count < 1:
        raise UsageError("there are no such values.", advice="--start is 0 or more, --count 1 or more.")
    file = find_file(options.file or options.from_run)
    if options.values is not None or options.singular_values is not None:
        with open_weights(file) as weights:
            if options.values is not None:
                return _print_values(read_values(weights, options.values, options.start, options.count), options)
            return _print_singular(weights, options, singular_values(weights, options.singular_values))
    report = report_weights(file, find_file(options.against) if options.against else None)
    if options.output is not None:
        _write_report(report, options.output)
    if options.html:
        from ..explain.pages.weights import format_weights

        sys.stdout.write(format_weights(report))
    elif options.json:
        print_json(report)
    elif options.output is None:
        _print_report(report)
    return FINE


def _write_report(report: WeightsReport, folder: Path) -> None:
    from ..explain.pages.weights import format_weights
    from ..schema import dumps

    folder.mkdir(parents=True, exist_ok=True)
    write_atomically(folder / "weights.html", format_weights(report).encode())
    write_atomically(folder / "weights.json", dumps(report).encode())
    print(folder / "weights.html", file=sys.stderr)


def _print_report(report: WeightsReport) -> None:
    changes = {change.name: change for change in report.changes}
    head = ("tensor", "dims", "dtype", "bytes", "mean", "std", "min", "max", "zeros", "NaN", "Inf")
    rows = [head + (("difference",) if report.against else ())]
    for tensor in report.tensors:
        facts = tensor.statistics
        share = f"{facts.zeros / max(facts.elements, 1):.0%}"
        bad = [str(count) if count else "" for count in (facts.nan, facts.inf)]
        told = _describe_change(changes.get(tensor.name)) if report.against else ""
        numbers = [_number(value) for value in (facts.mean, facts.std, facts.min, facts.max)]
        row = (tensor.name, show(tensor.dims), tensor.dtype, f"{tensor.bytes:,}", *numbers, share, *bad)
        rows.append(row + ((told,) if report.against else ()))
    print_table(rows, right=range(3, 11))
    for change in report.changes:
        if change.kind == "added":
            print(f"{change.name}: only in {report.against}")


def _describe_change(change: TensorChange | None) -> str:
    if change is None or change.kind != "changed":
        return change.kind if change else ""
    return f"{change.relative:.2%}" if change.relative is not None else "changed"


def _print_values(values: Any, options: argparse.Namespace) -> int:
    if options.json:
        print_json(values)
    else:
        print(" ".join(map(str, values.values)))
    return FINE


def _print_singular(weights: Weights, options: argparse.Namespace, values: list[float]) -> int:
    if options.json:
        print_json({"path": str(weights.path), "name": options.singular_values, "singular_values": values})
    else:
        print(" ".join(f"{value:.6g}" for value in values))
    return FINE


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.4g}"
