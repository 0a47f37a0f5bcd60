"""`pymodel/runs`, `pymodel/runMetrics` and `pymodel/runLog`: what the runs panel shows."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pymodel import runs
from pymodel.schema import to_json
from pymodel.schema.protocol import (
    RunLogParams,
    RunLogResult,
    RunMetricsParams,
    RunMetricsResult,
    RunsParams,
    RunsResult,
)

from ..convert import read_params

if TYPE_CHECKING:
    from ..server import PyModelServer


def register(server: PyModelServer) -> None:

    @server.feature("pymodel/runs")
    async def list_all(params: Any) -> Any:
        read_params(RunsParams, params)
        return to_json(await find_runs(server))

    @server.feature("pymodel/runMetrics")
    async def metrics(params: Any) -> Any:
        asked = read_params(RunMetricsParams, params)
        folder = Path(asked.folder)
        run = await asyncio.to_thread(runs.read_run, folder)
        overview = await asyncio.to_thread(runs.read_overview, folder) if asked.start == 0 else None
        if overview is not None:
            rows, following, thinned = overview
            return to_json(RunMetricsResult(run, str(folder), tuple(rows), following, thinned))
        rows, following = await asyncio.to_thread(runs.read_metrics, folder, asked.start)
        return to_json(RunMetricsResult(run, str(folder), tuple(rows), following))

    @server.feature("pymodel/runLog")
    async def log(params: Any) -> Any:
        asked = read_params(RunLogParams, params)
        return to_json(RunLogResult(await asyncio.to_thread(runs.read_log_tail, Path(asked.folder))))


async def find_runs(server: PyModelServer) -> RunsResult:
    """The runs of all workspace folders, newest first."""
    found = []
    for folder in server.folders:
        found += await asyncio.to_thread(runs.list_runs, runs.find_runs_root(folder, server.folders))
    found.sort(key=lambda each: each[1].started, reverse=True)
    return RunsResult(tuple(run for _, run in found), tuple(str(folder) for folder, _ in found))
