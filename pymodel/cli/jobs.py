"""Commands that start a job: train and export. Each works in a run folder, like the editor's."""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path
from typing import Any

from .. import runs
from ..discover.pins import format_input, format_inputs
from ..discover.roots import find_import_roots
from ..graph.outputs import find_output_dims
from ..lint.preflight import find_hindrances, read_text
from ..recipe import check_recipe, format_recipe, load_recipe, propose_recipe, recipe_folder
from ..recipe.propose import Proposal
from ..schema import ExplainRequest, ExportRequest, Recipe, Run, Trace, TrainRequest
from .analyses import AnalysisFailed, Target, UsageError, add_target, find_target, trace_target
from .follow import report_training, run_job
from .output import FAILED, FINE, FOUND, describe_diagnostic, print_json
from .reports import print_diagnostics


def add_commands(commands: Any) -> None:
    train = commands.add_parser("train", help="train a model as a recipe says, or on data found in the workspace")
    add_target(train)
    train.add_argument("--run-dir", type=Path)
    train.add_argument(
        "--data", metavar="SOURCE", help="file.py::name, a file, a folder, or random; the best found by default"
    )
    train.add_argument("--write", type=Path, metavar="RECIPE", help="write the recipe that would be run, and end")
    for name, kind in (("epochs", int), ("batch-size", int), ("learning-rate", float), ("seed", int)):
        train.add_argument(f"--{name}", type=kind)
    train.set_defaults(run=run_train)
    ejected = commands.add_parser("eject", help="write a recipe's training as one script that needs only torch")
    add_target(ejected)
    ejected.add_argument("-o", "--output", type=Path, help="train.py beside the recipe by default")
    ejected.set_defaults(run=run_eject)
    export = commands.add_parser("export", help="write a model to a file that is proven equal, or prove a file again")
    add_target(export, optional=True)
    export.add_argument("--format", choices=("onnx", "pt2", "safetensors"), default="onnx")
    export.add_argument("--weights", metavar="FILE")
    export.add_argument("--run", dest="from_run", metavar="DIR")
    export.add_argument("-o", "--output", metavar="FILE")
    export.add_argument("--opset", type=int, help="of ONNX; what the exporter prefers by default")
    export.add_argument("--simplify", action="store_true", help="with onnxslim, and proven again")
    export.add_argument("--quantise", "--quantize", action="store_true", help="weights of 8 bits, and proven again")
    export.add_argument("--preflight", action="store_true", help="say what an exporter will not take; runs nothing")
    export.add_argument("--verify", metavar="FILE", help="prove this file again; it says itself which model it is of")
    export.set_defaults(run=run_export)


def run_train(options: argparse.Namespace) -> int:
    is_recipe = options.target.endswith(".toml")
    request, proposal = request_of_recipe(options) if is_recipe else request_of_model(options)
    if options.write is not None:
        text = format_recipe(request.recipe, proposal.reasons if proposal else None)
        runs.write_atomically(options.write.absolute(), text.encode())
        return FINE
    folder, run = start(request, request.target, options.run_dir)
    return report_training(folder, run, as_json=options.json)


def run_eject(options: argparse.Namespace) -> int:
    from ..train.eject import eject
    from ..train.prepare import find_loss

    if not options.target.endswith(".toml"):
        raise UsageError(
            "a script is written of a recipe.", advice="`pymodel train TARGET --write RECIPE.toml` writes one."
        )
    request, _ = request_of_recipe(options)
    path = (options.output or Path(request.folder) / "train.py").absolute()
    runs.write_atomically(path, eject(request, find_loss(request), path.parent).encode())
    if options.json:
        print_json({"path": str(path)})
    else:
        print(path)
    return FINE


def start(
    request: TrainRequest | ExportRequest | ExplainRequest, path: str, own: Path | None = None
) -> tuple[Path, Run]:
    """Make the run's folder, run its job and follow it to its end."""
    root = runs.find_runs_root(path.rpartition("::")[0], (str(Path.cwd()),))
    folder = runs.create_run(root, request) if own is None else runs.initialise_run(own.resolve(), request)
    return folder, run_job(folder)


def request_of_model(options: argparse.Namespace) -> tuple[TrainRequest, Proposal]:
    """A model's own recipe, with the best data that is found."""
    from ..discover.data import find_data_factories

    target = find_target(options.target)
    data = options.data
    if data is None:
        found = find_data_factories(str(Path.cwd()), target.path, {})
        if not found:
            raise UsageError(
                "no data set was found in this folder.",
                advice="Write a function without required arguments that returns a Dataset, or name a source with "
                "--data: `file.py::name`, a file, a folder, or `random` for a smoke test.",
            )
        data = found[0].reference
    elif data != "random":
        data = str(Path(data).absolute())
    trace = construct_by_trace(target, options)
    folder = Path.cwd() if options.write is None else recipe_folder(options.write)
    proposal = propose_recipe(replace(trace, target=f"{target.path}::{target.name}"), data, folder)
    recipe = _with_options(proposal.recipe, options)
    return _request(recipe, folder, None, trace, target.path), proposal


def request_of_recipe(options: argparse.Namespace) -> tuple[TrainRequest, None]:
    """A recipe's request; its faults are told, all of them, before anything runs.

    Raises:
        UsageError: it has faults.
    """
    path = Path(options.target).absolute()
    reading = load_recipe(path)
    folder = recipe_folder(path)
    trace = None
    if reading.recipe is not None and not reading.diagnostics:
        target = find_target(str(folder / reading.recipe.model.target))
        options.init = options.init or reading.recipe.model.construction
        trace = trace_target(target, options)
    reading = check_recipe(reading, trace)
    if reading.recipe is None or reading.diagnostics:
        faults = [describe_diagnostic(replace(each, path=options.target)) for each in reading.diagnostics]
        raise UsageError("the recipe has faults:\n" + "\n".join(faults))
    recipe = _with_options(reading.recipe, options)
    return _request(recipe, folder, str(path), trace, str(folder / recipe.model.target).rpartition("::")[0]), None


def _request(recipe: Recipe, folder: Path, path: str | None, trace: Trace | None, model_file: str) -> TrainRequest:
    if recipe.model.construction is None and trace is not None and trace.construction is not None:
        made = trace.construction
        recipe = replace(recipe, model=replace(recipe.model, construction=made.expression, prelude=made.prelude))
    inputs = format_inputs(trace) if trace else ()
    return TrainRequest(recipe, str(folder), path, inputs, find_import_roots(model_file, (str(Path.cwd()),)))


def _with_options(recipe: Recipe, options: argparse.Namespace) -> Recipe:
    """A recipe with what the command line says instead."""
    if not hasattr(options, "epochs"):
        return recipe
    run, data, optimizer = recipe.run, recipe.data, recipe.optimizer
    return replace(
        recipe,
        run=replace(run, epochs=options.epochs or run.epochs, seed=run.seed if options.seed is None else options.seed),
        data=replace(data, batch_size=options.batch_size or data.batch_size),
        optimizer=replace(optimizer, learning_rate=options.learning_rate or optimizer.learning_rate),
    )


def run_export(options: argparse.Namespace) -> int:
    if options.preflight:
        return _print_preflight(options)
    request = _request_of_file(options) if options.target is None else _request_of_export(options)
    _, run = start(request, request.target)
    if run.result is None:
        return FAILED
    if options.json:
        print_json(run.result)
    else:
        print(f"{run.result['path']} ({'verified' if run.result.get('verified') else 'not verified'})")
    return FINE if run.state == "completed" else FOUND


def _print_preflight(options: argparse.Namespace) -> int:
    """What an exporter will not take; it is not certain, so that nothing of it counts as a fault."""
    if options.target is None:
        raise UsageError("name a model.", advice="`pymodel export file.py::Name --preflight`.")
    trace = construct_by_trace(find_target(options.target), options)
    print_diagnostics(find_hindrances(trace, read_text), "json" if options.json else "text")
    return FINE


def _request_of_export(options: argparse.Namespace) -> ExportRequest:
    target = find_target(options.target)
    trace = construct_by_trace(target, options)
    assert trace.construction is not None
    return ExportRequest(
        target=f"{target.path}::{target.name}",
        format=options.format,
        run=options.from_run,
        weights=options.weights,
        output=options.output,
        construction=trace.construction.expression,
        prelude=trace.construction.prelude,
        inputs=tuple(options.input) or tuple(map(format_input, trace.inputs)),
        roots=find_import_roots(target.path, (str(Path.cwd()),)),
        symbols=trace.symbols,
        outputs=find_output_dims(trace),
        opset=options.opset,
        simplify=options.simplify,
        quantise=options.quantise,
        verify=options.verify,
    )


def _request_of_file(options: argparse.Namespace) -> ExportRequest:
    """The request that a file says it was made by.

    Raises:
        UsageError: no file is named.
        PyModelError: the file does not say.
    """
    if options.verify is None:
        raise UsageError("name a model to export, or a file with --verify.", advice="`pymodel export file.py::Name`.")
    from ..export.metadata import read_request
    from ..export.reverify import read_metadata

    file = Path(options.verify).absolute()
    request = read_request(
        read_metadata(file),
        file,
        (Path.cwd(), *file.parents[:4]),
        has_weights=bool(options.weights or options.from_run),
    )
    path = request.target.rpartition("::")[0]
    return replace(
        request,
        run=options.from_run,
        weights=options.weights or request.weights,
        inputs=tuple(options.input) or request.inputs,
        roots=find_import_roots(path, (str(Path.cwd()),)),
        verify=str(file),
    )


def construct_by_trace(target: Target, options: argparse.Namespace) -> Trace:
    """How the model is made and fed, as its trace found."""
    trace = trace_target(target, options)
    if trace.construction is None:
        reason = trace.diagnostics[0].message if trace.diagnostics else "It could not be constructed."
        raise AnalysisFailed(
            f"{target.name}: {reason}",
            path=target.path,
            advice="`pymodel why` tells what was tried; --init says how to construct it.",
        )
    return trace
