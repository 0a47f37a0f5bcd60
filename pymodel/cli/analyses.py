"""Commands that read or trace models: models, shapes, summary, why, graph, check."""

from __future__ import annotations

import argparse
import dataclasses
import importlib.util
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ..discover.document import parse_document, read_document
from ..discover.files import is_skipped
from ..discover.models import find_models
from ..discover.pin_tables import find_project_table, find_table_faults, find_table_pins
from ..discover.pins import PinError, split_pin
from ..discover.roots import find_import_roots
from ..discover.steps import MAIN, find_script
from ..lint.lint import lint
from ..schema import (
    Analyse,
    Checked,
    Diagnostic,
    Failed,
    Finished,
    Mode,
    ModelSite,
    Pin,
    Position,
    PyModelError,
    Trace,
    Traced,
)
from ..worker.client import Worker
from . import reports
from .output import (
    FAILED,
    FINE,
    FOUND,
    describe_diagnostic,
    exit_code,
    print_json,
    print_table,
    shapes_document,
)


class AnalysisFailed(PyModelError):
    """What a command needs to know of a model could not be found out."""


class UsageError(PyModelError):
    """The command's words do not name something that is there."""


@dataclasses.dataclass(frozen=True)
class Target:
    """`file.py::Name`, found. `given` is what the user wrote, with the name where it was left out."""

    given: str
    path: str
    name: str | None


@dataclasses.dataclass(frozen=True)
class Analysed:
    traces: tuple[Trace, ...]
    diagnostics: tuple[Diagnostic, ...]
    failures: tuple[Failed, ...]


def add_commands(commands: Any) -> None:
    models = commands.add_parser("models", help="list the models of files and folders")
    models.add_argument("paths", nargs="+", metavar="PATH")
    models.set_defaults(run=run_models)
    for name, run, words in (
        ("shapes", run_shapes, "the shape of every value, line by line"),
        ("summary", run_summary, "a table of the model's modules"),
        ("why", run_why, "why a model has no shapes: what was tried and what to do"),
    ):
        command = commands.add_parser(name, help=words)
        add_target(command)
        command.set_defaults(run=run)
        if name == "shapes":
            command.add_argument("--mode", choices=("eval", "train"), default="eval")
    check = commands.add_parser("check", help="find faults in the models of files and folders")
    check.add_argument("paths", nargs="+", metavar="PATH")
    check.add_argument("--format", choices=("text", "json", "sarif", "github"), default="text")
    check.set_defaults(run=run_check)
    for command in (models, check):
        command.add_argument("--json", action="store_true", help="print one JSON document")


def add_target(command: argparse.ArgumentParser, *, optional: bool = False) -> None:
    words = "file.py::Name or package.module:Name"
    command.add_argument("target", nargs="?" if optional else None, metavar="TARGET", help=words)
    command.add_argument("--json", action="store_true", help="print one JSON document")
    command.add_argument("--init", metavar="EXPRESSION", help="how to construct it: 'Net(width=64)'")
    command.add_argument("--input", action="append", default=[], metavar="PIN", help="'x=(B, 3, 32, 32):float32'")


def run_models(options: argparse.Namespace) -> int:
    sites = [site for path in python_files(options.paths) for site in find_models(read_document(path))]
    if options.json:
        rows = [
            {"target": site.target, "line": site.line, "kind": site.kind, "bases": list(site.bases)} for site in sites
        ]
        print_json({"models": rows})
    else:
        print_table([(site.target, str(site.line), site.kind, ", ".join(site.bases)) for site in sites], right=(1,))
    return FINE


def run_shapes(options: argparse.Namespace) -> int:
    target = find_target(options.target)
    trace = trace_target(target, options, options.mode)
    if options.json:
        print_json(shapes_document(trace, target.given))
    else:
        reports.print_listing(trace)
        for found in trace.diagnostics:
            print(describe_diagnostic(found))
    return trace_code(trace)


def run_summary(options: argparse.Namespace) -> int:
    target = find_target(options.target)
    trace = trace_target(target, options)
    if options.json:
        document = shapes_document(trace, target.given)
        print_json({key: document[key] for key in ("target", "status", "modules", "totals")})
    else:
        reports.print_summary(trace)
    return trace_code(trace)


def run_why(options: argparse.Namespace) -> int:
    target = find_target(options.target)
    trace = trace_target(target, options)
    if options.json:
        document = shapes_document(trace, target.given)
        keys = ("target", "status", "construction", "inputs", "diagnostics")
        print_json({**{key: document[key] for key in keys}, "attempts": list(trace.attempts)})
    else:
        reports.print_why(trace)
    return trace_code(trace)


def run_check(options: argparse.Namespace) -> int:
    diagnostics: dict[Diagnostic, None] = {}
    failed = False
    checked = 0
    with Worker() as worker:
        for path in python_files(options.paths):
            try:
                targets = list_targets(path)
            except OSError as error:
                diagnostics[_unreadable(path, error)] = None
                failed = True
                continue
            if not targets:
                diagnostics.update(dict.fromkeys(lint(read_document(path))))
                continue
            checked += len(targets)
            analysed = analyse_file(worker, path)
            diagnostics.update(dict.fromkeys(analysed.diagnostics))
            for trace in analysed.traces:
                diagnostics.update(dict.fromkeys(trace.diagnostics))
            for failure in analysed.failures:
                diagnostics[describe_failure(failure, path)] = None
                failed = True
    found = tuple(diagnostics)
    reports.print_diagnostics(found, "json" if options.json else options.format)
    if not checked and not failed:
        print(f"pymodel: there is no model in {', '.join(options.paths)}: nothing was checked.", file=sys.stderr)
    return FAILED if failed else exit_code(found)


# Targets.


def find_target(text: str) -> Target:
    """`file.py::Name` or `package.module:Name`; without a name, the only model of the file, or its training code if it
    has no model. A function with a training step stands for the training code.

    Raises:
        UsageError: there is no such file or model, or the name is missing and there are several.
    """
    path, separator, name = text.partition("::")
    if not separator and not path.endswith(".py"):
        module, _, name = text.partition(":")
        path = module_file(module)
    file = Path(path)
    if not file.is_file():
        raise UsageError(f"there is no file {path}.", advice="Name a target as file.py::Name or package.module:Name.")
    document = read_document(str(file))
    names = [site.name for site in find_models(document)]
    script = find_script(document)
    if script is not None and (name in (MAIN, *script.functions) if name else not names):
        return Target(f"{path}::{MAIN}", str(file.resolve()), MAIN)
    if not name:
        if len(names) != 1:
            listed = ", ".join(names) or "no model"
            raise UsageError(f"{path} holds {listed}.", advice=f"Name one: {path}::{names[0] if names else 'Name'}.")
        name = names[0]
        text = f"{path}::{name}"
    elif not any(site.name == name for site in find_models(document, (name,))):
        raise UsageError(f"{path} has no model {name}.", advice=f"It holds: {', '.join(names) or 'none'}.")
    return Target(text, str(file.resolve()), name)


def module_file(name: str) -> str:
    sys.path.insert(0, str(Path.cwd()))
    try:
        spec = importlib.util.find_spec(name)
    except (ImportError, ValueError):
        spec = None
    finally:
        sys.path.pop(0)
    if spec is None or spec.origin is None:
        raise UsageError(f"there is no module {name}.", advice="Name a target as file.py::Name or package.module:Name.")
    return spec.origin


def python_files(paths: list[str]) -> Iterator[str]:
    """The Python files among and below `paths`; hidden folders and environments are passed over."""
    for path in map(Path, paths):
        if path.is_dir():
            for parent, folders, names in os.walk(path):
                folders[:] = sorted(each for each in folders if not is_skipped(parent, each))
                yield from (str(Path(parent, name)) for name in sorted(names) if name.endswith(".py"))
        elif path.is_file():
            yield str(path)
        else:
            raise UsageError(f"there is no file or folder {path}.", advice="Check the path.")


# Analyses.


def trace_target(
    target: Target, options: argparse.Namespace, mode: Mode = "eval", documents: dict[str, str] | None = None
) -> Trace:
    """The trace of one target; a failed one where the analysis died, with the reason as its diagnostic. `documents`
    are texts to read in the place of files."""
    inputs = tuple(options.input)
    try:
        for text in inputs:
            split_pin(text)
    except PinError as error:
        raise UsageError(error.message, advice=error.advice) from None
    pins: tuple[Pin, ...] = ()
    if options.init or inputs:
        pins = (Pin(f"{target.path}::{target.name}", options.init, inputs, "cli"),)
    with Worker() as worker:
        analysed = analyse_file(worker, target.path, (f"{target.path}::{target.name}",), pins, mode, documents)
    file_errors = tuple(each for each in analysed.diagnostics if each.severity != "hint")
    if analysed.traces:
        trace = analysed.traces[0]
        diagnostics = tuple(dict.fromkeys((*trace.diagnostics, *file_errors)))
        return dataclasses.replace(trace, diagnostics=diagnostics)
    died = tuple(describe_failure(failure, target.path) for failure in analysed.failures)
    found = (*died, *analysed.diagnostics)
    return Trace(f"{target.path}::{target.name}", mode, "failed", None, (), {}, (), (), found, None)


def analyse_file(
    worker: Worker,
    path: str,
    targets: tuple[str, ...] = (),
    pins: tuple[Pin, ...] = (),
    mode: Mode = "eval",
    documents: dict[str, str] | None = None,
) -> Analysed:
    """The traces of a file's models. One that kills its process does not take those after it along."""
    absolute = str(Path(path).resolve())
    roots = find_import_roots(absolute, (str(Path.cwd()),))
    all_targets = targets or list_targets(absolute)
    project = find_project_table(absolute)
    if project is not None:
        document = read_document(absolute)
        sites = find_models(document)
        pins = (*pins, *find_table_pins(sites, (project,)))
        pin_faults = tuple(find_table_faults(document, sites, (project,)))
    else:
        pin_faults = ()
    traces: list[Trace] = []
    failures: list[Failed] = []
    for number in range(1, len(all_targets) + 1):
        for event in worker.analyse(Analyse(number, absolute, targets, documents or {}, roots, pins, mode)):
            if isinstance(event, Traced):
                traces.append(event.trace)
            elif isinstance(event, Checked):
                traces = [
                    dataclasses.replace(each, diagnostics=event.diagnostics) if each.target == event.target else each
                    for each in traces
                ]
            elif isinstance(event, Finished):
                return Analysed(tuple(traces), (*event.diagnostics, *pin_faults), tuple(failures))
            elif isinstance(event, Failed):
                failures.append(event)
        fatal = failures[-1].target
        if fatal not in all_targets:
            break
        targets = all_targets[all_targets.index(fatal) + 1 :]
        if not targets:
            break
    return Analysed(tuple(traces), pin_faults, tuple(failures))


def list_targets(path: str) -> tuple[str, ...]:
    """What can be traced of a file: its models, then its training and evaluation code."""
    document = read_document(path)
    script = find_script(document)
    return (*(site.target for site in find_models(document)), *([script.target] if script is not None else []))


def describe_failure(failure: Failed, path: str) -> Diagnostic:
    """Why an analysis died, on the user's line where it is known, else on the model's."""
    name = (failure.target or "").rpartition("::")[2]
    document = parse_document(path, Path(path).read_text(encoding="utf-8", errors="replace"))
    sites: list[ModelSite] = [site for site in find_models(document, (name,)) if site.name == name]
    if failure.path and failure.line:
        if failure.path != path:
            document = parse_document(failure.path, Path(failure.path).read_text(encoding="utf-8", errors="replace"))
        line = document.lines[failure.line - 1] if failure.line <= len(document.lines) else ""
        start, end = Position(failure.line, len(line) - len(line.lstrip())), Position(failure.line, len(line))
        return Diagnostic(f"analysis-{failure.code}", "error", failure.reason, failure.path, start, end)
    start, end = (sites[0].name_range.start, sites[0].name_range.end) if sites else (Position(1, 0), Position(1, 1))
    return Diagnostic(f"analysis-{failure.code}", "error", failure.reason, path, start, end)


def _unreadable(path: str, error: OSError) -> Diagnostic:
    words = f"This file cannot be read: {error.strerror or error}. Mend its permissions, or leave it out."
    return Diagnostic("unreadable", "error", words, str(Path(path).absolute()), Position(1, 0), Position(1, 0))


def trace_code(trace: Trace) -> int:
    if trace.status == "failed":
        return FAILED
    return FOUND if trace.status == "partial" else exit_code(trace.diagnostics)
