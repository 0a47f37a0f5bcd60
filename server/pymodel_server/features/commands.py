"""`workspace/executeCommand`: every capability as one command with a JSON object, for any client."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lsprotocol import types
from pygls.exceptions import JsonRpcInvalidParams

from pymodel import runs
from pymodel.discover.pins import format_inputs
from pymodel.discover.roots import find_import_roots
from pymodel.recipe import check_recipe, load_recipe, propose_recipe, recipe_folder
from pymodel.runs import compare
from pymodel.schema import PyModelError, Trace, TrainRequest, to_json
from pymodel.schema.protocol import GraphParams

from ..convert import to_plain, uri_to_path
from ..l10n import t
from ..overlays import read_run
from ..workers import engine_command
from .graph import build_graph
from .models import models_of
from .runs import find_runs

if TYPE_CHECKING:
    from ..server import PyModelServer
    from ..state import State


def as_command(server: PyModelServer, name: str, handler: Any) -> None:
    """Register a command of one JSON object, with JSON as its result."""

    @server.command(name)
    async def run(argument: Any = None) -> Any:
        given = {} if argument is None else to_plain(argument)
        if not isinstance(given, dict):
            raise ValueError(f"{name} takes one JSON object")
        try:
            return to_json(await handler(server, given))
        except (PyModelError, ValueError) as error:  # words for the user; pygls would put the exception's class before
            raise JsonRpcInvalidParams(str(error)) from error


def register(server: PyModelServer) -> None:
    for name, handler in (
        ("pymodel.models", list_models),
        ("pymodel.shapes", show_shapes),
        ("pymodel.summary", show_summary),
        ("pymodel.graph", show_graph),
        ("pymodel.check", check),
        ("pymodel.train", train),
        ("pymodel.runs", list_runs),
        ("pymodel.stopRun", stop_run),
        ("pymodel.resumeRun", resume_run),
        ("pymodel.pauseRun", pause_run),
        ("pymodel.continueRun", continue_run),
        ("pymodel.labelRun", label_run),
        ("pymodel.runAdvice", advise_run),
        ("pymodel.compareRuns", compare_runs),
        ("pymodel.findLogs", find_logs),
        ("pymodel.scriptCommand", script_command),
        ("pymodel.createSample", create_sample),
    ):
        as_command(server, name, handler)


async def list_models(server: PyModelServer, given: dict[str, Any]) -> Any:
    return {"models": models_of(server, text_of(given, "uri"))}


async def show_shapes(server: PyModelServer, given: dict[str, Any]) -> Any:
    _, trace = find_trace(server, given)
    hidden = ("reads", "operations", "sizes", "candidates")
    return {key: value for key, value in to_json(trace).items() if key not in hidden}


async def show_summary(server: PyModelServer, given: dict[str, Any]) -> Any:
    _, trace = find_trace(server, given)
    return {"target": trace.target, "status": trace.status, "modules": trace.modules, "totals": trace.totals}


async def show_graph(server: PyModelServer, given: dict[str, Any]) -> Any:
    asked = GraphParams(text_of(given, "uri"), given.get("target"), None, str(given.get("path") or ""))
    return build_graph(server, asked, await read_run(asked))


async def check(server: PyModelServer, given: dict[str, Any]) -> Any:
    return {"diagnostics": find_state(server, given).diagnostics()}


async def train(server: PyModelServer, given: dict[str, Any]) -> Any:
    """Start training by a recipe that is proposed, or by one in a file (`recipe`); the answer is the run's folder. With
    `in_turn` it waits until no other training takes its device.
    Progress comes as `pymodel/runChanged`."""
    require_trust(server)
    request = train_request(server, given)
    path = request.target.rpartition("::")[0]
    folder = server.jobs.start(request, path, in_turn=given.get("in_turn") is True)
    server.spawn(_follow_with_progress(server, folder, t("Training {0}", request.target.rpartition("::")[2])))
    return {"folder": str(folder), "run": runs.read_run(folder)}


async def advise_run(server: PyModelServer, given: dict[str, Any]) -> Any:
    """What the curves of a run say, and what to try."""
    return {"advice": await asyncio.to_thread(runs.advise_run, Path(text_of(given, "folder")))}


async def compare_runs(server: PyModelServer, given: dict[str, Any]) -> Any:
    """What differs between the recipes of several runs, and what each of them reached."""
    folders = given.get("folders")
    if not isinstance(folders, list) or not all(isinstance(each, str) for each in folders):
        raise ValueError("`folders` must be a list of texts")
    found = [await asyncio.to_thread(runs.read_run, Path(each)) for each in folders]
    return {"settings": compare.recipe_differences(found), "metrics": compare.compare_runs(found)}


async def find_logs(server: PyModelServer, given: dict[str, Any]) -> Any:
    """The logs that other tools write below a folder, as runs."""
    found = await asyncio.to_thread(runs.find_attached, Path(text_of(given, "folder")))
    return {"runs": [{"folder": str(each), "run": runs.read_run(each)} for each in found]}


async def script_command(server: PyModelServer, given: dict[str, Any]) -> Any:
    """The command line that runs a script, monitored, in `folder`; the client runs it where the user sees it."""
    require_trust(server)
    path = Path(uri_to_path(text_of(given, "uri")))
    interpreter = server.session.pool.interpreter_of(str(path))
    folder = next((each for each in server.folders if path.is_relative_to(each)), str(path.parent))
    return {"command": engine_command(interpreter, "run", "--", str(path)), "folder": folder}


def train_request(server: PyModelServer, given: dict[str, Any]) -> TrainRequest:
    if given.get("recipe"):
        return _request_of_recipe(server, Path(text_of(given, "recipe")))
    state, trace = find_trace(server, given)
    folder = Path(
        next((each for each in server.folders if Path(state.path).is_relative_to(each)), Path(state.path).parent)
    )
    recipe = propose_recipe(trace, text_of(given, "data"), folder).recipe
    for section, name in (
        ("run", "epochs"),
        ("run", "seed"),
        ("data", "batch_size"),
        ("optimizer", "learning_rate"),
    ):
        if name in given:
            recipe = replace(recipe, **{section: replace(getattr(recipe, section), **{name: given[name]})})
    for section in ("optimizer", "loss"):
        if section in given:
            recipe = replace(recipe, **{section: replace(getattr(recipe, section), name=given[section])})
    return TrainRequest(recipe, str(folder), None, format_inputs(trace), find_import_roots(state.path, server.folders))


def _request_of_recipe(server: PyModelServer, path: Path) -> TrainRequest:
    reading = check_recipe(load_recipe(path))
    if reading.recipe is None or reading.diagnostics:
        raise ValueError(f"{path.name}: {reading.diagnostics[0].message}")
    folder = recipe_folder(path)
    model_file = str(folder / reading.recipe.model.target.rpartition("::")[0])
    return TrainRequest(reading.recipe, str(folder), str(path), (), find_import_roots(model_file, server.folders))


async def list_runs(server: PyModelServer, given: dict[str, Any]) -> Any:
    return await find_runs(server)


async def stop_run(server: PyModelServer, given: dict[str, Any]) -> Any:
    runs.stop_run(Path(text_of(given, "folder")))
    return {"folder": given["folder"]}


async def resume_run(server: PyModelServer, given: dict[str, Any]) -> Any:
    """Go on with a training that has ended before its last step, from its last checkpoint."""
    require_trust(server)
    folder = Path(text_of(given, "folder"))
    run = server.jobs.resume(folder)
    server.spawn(_follow_with_progress(server, folder, t("Training {0}", run.target.rpartition("::")[2])))
    return {"folder": str(folder), "run": run}


async def pause_run(server: PyModelServer, given: dict[str, Any]) -> Any:
    """Hold a training between two steps; it keeps its memory."""
    runs.pause_run(Path(text_of(given, "folder")))
    return {"folder": given["folder"]}


async def continue_run(server: PyModelServer, given: dict[str, Any]) -> Any:
    runs.continue_run(Path(text_of(given, "folder")))
    return {"folder": given["folder"]}


async def label_run(server: PyModelServer, given: dict[str, Any]) -> Any:
    """Name a run (`name`), or note something of it (`note`); what is not given stays."""
    folder = Path(text_of(given, "folder"))
    label = {key: given[key] for key in ("name", "note") if isinstance(given.get(key), str)}
    runs.label_run(folder, **label)
    await server.jobs.notice(folder)
    return {"folder": str(folder), "run": runs.read_run(folder)}


async def create_sample(server: PyModelServer, given: dict[str, Any]) -> Any:
    from pymodel.samples import FIRST_FILE, create_sample_project

    folder = Path(text_of(given, "folder"))
    files = await asyncio.to_thread(create_sample_project, folder)
    return {"files": [str(each) for each in files], "open": str(folder / FIRST_FILE)}


async def _follow_with_progress(server: PyModelServer, folder: Path, title: str) -> None:
    """LSP progress of a run; its cancel button stops the run, with a checkpoint."""
    job = server.jobs.follow(folder)
    window = server.client_capabilities.window
    if window is None or not window.work_done_progress:
        await asyncio.shield(job)
        return
    token = str(folder)
    await server.work_done_progress.create_async(token)
    begin = types.WorkDoneProgressBegin(title=title, cancellable=True, percentage=0)
    server.work_done_progress.begin(token, begin)
    cancelled = server.work_done_progress.tokens[token]
    cancelled.add_done_callback(lambda future: runs.stop_run(folder) if future.cancelled() else None)
    while not job.done():
        await asyncio.wait({job}, timeout=0.5)
        run = await asyncio.to_thread(runs.read_run, folder)
        share = round(100 * run.last_step / run.total_steps) if run.total_steps else 0
        words = t("epoch {0} of {1}", run.epoch, run.epochs) if run.epochs else run.state
        report = types.WorkDoneProgressReport(cancellable=True, message=words, percentage=share)
        server.work_done_progress.report(token, report)
    server.work_done_progress.end(token, types.WorkDoneProgressEnd(message=job.result().state))
    server.work_done_progress.tokens.pop(token, None)


def text_of(given: dict[str, Any], key: str) -> str:
    value = given.get(key)
    if not isinstance(value, str) or not value:
        raise ValueError(f"`{key}` must be a text")
    return value


def find_state(server: PyModelServer, given: dict[str, Any]) -> State:
    uri = text_of(given, "uri")
    state = server.analyses.find(uri)
    if state is None:
        raise ValueError(t("{0} is not open", uri_to_path(uri)))
    return state


def find_trace(server: PyModelServer, given: dict[str, Any]) -> tuple[State, Trace]:
    require_trust(server)
    state = find_state(server, given)
    name = text_of(given, "target").rpartition("::")[2]
    found = state.trace(name)
    if found is None:
        raise ValueError(t("{0} has no trace yet: see “PyModel: Why No Shapes Here?”", name))
    return state, found[0]


def require_trust(server: PyModelServer) -> None:
    if not server.configuration.trusted:
        raise ValueError(t("the workspace is restricted: trust it first"))
