"""What a model has learned: `pymodel/weights` and `pymodel/tensorValues` for a node, commands for the pages."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pymodel import runs
from pymodel.discover.pins import format_inputs
from pymodel.discover.roots import find_import_roots
from pymodel.schema import ActivationsReport, ExplainRequest, TensorReport, from_json, to_json
from pymodel.schema.protocol import (
    ActivationsParams,
    ActivationsResult,
    TensorValuesParams,
    TensorValuesResult,
    WeightsParams,
    WeightsResult,
)

from ..convert import read_params
from ..l10n import t
from .commands import as_command, find_trace, require_trust, text_of

if TYPE_CHECKING:
    from ..server import PyModelServer

VALUES = 64
"""Values of a tensor that are read at once."""


def register(server: PyModelServer) -> None:

    @server.feature("pymodel/weights")
    async def weights(params: Any) -> Any:
        asked = read_params(WeightsParams, params)
        require_trust(server)
        report = await server.explaining.report(asked.source)
        return to_json(WeightsResult(report.path, _find_tensors(report.tensors, asked.names)))

    @server.feature("pymodel/tensorValues")
    async def values(params: Any) -> Any:
        asked = read_params(TensorValuesParams, params)
        require_trust(server)
        found = await server.explaining.values(asked.source, asked.name, asked.start, VALUES)
        return to_json(TensorValuesResult(found))

    @server.feature("pymodel/activations")
    async def activations(params: Any) -> Any:
        folder = Path(read_params(ActivationsParams, params).folder)
        text = await asyncio.to_thread((folder / "activations.json").read_text, encoding="utf-8")
        return to_json(ActivationsResult(from_json(ActivationsReport, json.loads(text))))

    for name, handler in (
        ("pymodel.weightsPage", explain_weights),
        ("pymodel.samplePage", explain_sample),
    ):
        as_command(server, name, handler)


def _find_tensors(tensors: Sequence[TensorReport], names: Sequence[str]) -> tuple[TensorReport, ...]:
    """Those of the names. A file may have all of them inside of a wrapper: `module.`, `model.`."""
    named = {each.name: each for each in tensors}
    found = []
    for name in names:
        ending = [each for each in tensors if each.name.endswith(f".{name}")]
        if name in named:
            found.append(named[name])
        elif len(ending) == 1:
            found.append(ending[0])
    return tuple(found)


async def explain_weights(server: PyModelServer, given: dict[str, Any]) -> Any:
    """The page of a file of weights, or of a run's; `against` another one."""
    require_trust(server)
    against = given.get("against")
    return {"html": await server.explaining.page(text_of(given, "source"), str(against) if against else None)}


async def explain_sample(server: PyModelServer, given: dict[str, Any]) -> Any:
    """Run a sample through a run's model, or through one that is named, in a job; the answer is the page's text."""
    require_trust(server)
    asked: dict[str, Any] = {
        "what": "activations" if given.get("what") == "activations" else "attributions",
        "sample": str(given.get("sample") or "random"),
    }
    if given.get("run"):
        request = runs.explain_run(Path(text_of(given, "run")), **asked)
    else:
        state, trace = find_trace(server, given)
        made = trace.construction
        request = ExplainRequest(
            trace.target,
            weights=str(given["weights"]) if given.get("weights") else None,
            construction=made.expression if made else None,
            prelude=made.prelude if made else (),
            inputs=format_inputs(trace),
            roots=find_import_roots(state.path, server.folders),
            **asked,
        )
    folder = server.jobs.start(request, request.target.rpartition("::")[0])
    run = await asyncio.shield(server.jobs.follow(folder))
    if run.result is None:
        raise ValueError(run.error.message if run.error else t("the explanation ended as {0}", run.state))
    page = await asyncio.to_thread(Path(str(run.result["page"])).read_text, encoding="utf-8")
    return {"html": page, "folder": run.result["folder"]}
