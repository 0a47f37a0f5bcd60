"""The graph: one level of it, the node that stands at a place, nodes that are sought, and the graph as text."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from pymodel.discover.revisions import list_branches
from pymodel.graph.compare import Comparison, compare_traces
from pymodel.graph.level import UnknownLevel, breadcrumbs, build_level, find_node, locate
from pymodel.graph.mermaid import to_mermaid
from pymodel.graph.search import find_hits
from pymodel.graph.whole import build_levels
from pymodel.schema import Level, ModelSite, PyModelError, Trace, dumps, to_json
from pymodel.schema.protocol import (
    BasesParams,
    BasesResult,
    CompareParams,
    CompareResult,
    Crumb,
    FindNodesParams,
    FindNodesResult,
    GraphParams,
    GraphResult,
    GraphTextParams,
    GraphTextResult,
    NodeAtParams,
    NodeAtResult,
)

from ..convert import from_lsp_position, read_params, uri_to_path
from ..l10n import t
from ..overlays import RunLayers, colour_nodes, read_run

if TYPE_CHECKING:
    from ..server import PyModelServer
    from ..state import State


def register(server: PyModelServer) -> None:

    @server.feature("pymodel/graph")
    async def graph(params: Any) -> Any:
        asked = read_params(GraphParams, params)
        seen = await read_run(asked)
        return to_json(build_graph(server, asked, seen))

    @server.feature("pymodel/nodeAt")
    async def node_at(params: Any) -> Any:
        asked = read_params(NodeAtParams, params)
        trace = _trace_of(server, asked.graph_uri, asked.target)
        if trace is None:
            return to_json(NodeAtResult(None))
        position = from_lsp_position(asked.position, server.lines_of(asked.uri), server.encoding)
        server.analyses.look_at(asked.uri, cursor=position.line)
        return to_json(NodeAtResult(find_node(trace, asked.path, uri_to_path(asked.uri), position, asked.inner)))

    @server.feature("pymodel/findNodes")
    async def find_nodes(params: Any) -> Any:
        asked = read_params(FindNodesParams, params)
        trace = _trace_of(server, asked.uri, asked.target)
        return to_json(FindNodesResult(find_hits(trace, asked.query) if trace else ()))

    @server.feature("pymodel/graphText")
    async def graph_text(params: Any) -> Any:
        asked = read_params(GraphTextParams, params)
        trace = _require_trace(server, asked.uri, asked.target)
        if asked.format == "mermaid":
            return to_json(GraphTextResult(to_mermaid(build_level(trace, asked.path))))
        return to_json(GraphTextResult(dumps({"target": trace.target, "levels": build_levels(trace)})))

    @server.feature("pymodel/bases")
    async def bases(params: Any) -> Any:
        asked = read_params(BasesParams, params)
        models = tuple(
            site.target
            for state in server.analyses.states.values()
            for site in state.models
            if site.target != asked.target
        )
        return to_json(BasesResult(list_branches(str(Path(uri_to_path(asked.uri)).parent)), models))

    @server.feature("pymodel/compare")
    async def compare(params: Any) -> Any:
        asked = read_params(CompareParams, params)
        trace = _require_trace(server, asked.uri, asked.target)
        base = await server.bases.trace(asked.target, asked.base)
        return to_json(CompareResult(compare_traces(base, trace, asked.base)))


def build_graph(server: PyModelServer, asked: GraphParams, seen: RunLayers | None = None) -> GraphResult:
    """The answer to `asked`; `seen` is what its run saw of the layers."""
    state = server.analyses.find(asked.uri)
    site = _choose(server, state, asked) if state else None
    if state is None or site is None:
        return _empty(asked, None, 0, t("There is no model in this file."))
    if not server.configuration.trusted:
        return _empty(asked, site, state.version, t("The workspace is restricted: trust it to see the graph."))
    found = state.trace(site.name)
    if found is None:
        words = t("Reading the model…") if state.analysed_version is None else t("This model could not be traced.")
        return _empty(asked, site, state.version, words)
    trace, stale = found
    if not trace.operations:
        first = trace.diagnostics[0].message if trace.diagnostics else t("see “PyModel: Why No Shapes Here?”")
        return _empty(asked, site, state.version, t("No graph yet: {0}", first))
    place = locate(trace, asked.node) if asked.node is not None else None
    path = place.path if place else asked.path
    base = server.bases.known(site.target, asked.base)
    comparison = Comparison.of(base, trace) if base is not None else None
    level = build_level(trace, path, comparison)
    inner = _inner_levels(trace, asked.inner, comparison)
    shown = [node for each in (level, *inner) for node in each.nodes]
    return GraphResult(
        asked.uri,
        site.target,
        state.version,
        stale,
        site.name,
        tuple(Crumb(path, name) for path, name in breadcrumbs(trace, path)),
        level,
        inner=inner,
        selected=place.id if place else None,
        overlay=colour_nodes(asked.overlay, asked.step, trace, shown, seen) if asked.overlay else None,
        base=asked.base if comparison is not None else None,
    )


def _inner_levels(trace: Trace, paths: tuple[str, ...], comparison: Comparison | None) -> tuple[Level, ...]:
    """Those of the opened levels that an edit has left."""
    levels = []
    for path in paths:
        try:
            levels.append(build_level(trace, path, comparison))
        except UnknownLevel:
            continue
    return tuple(levels)


def _trace_of(server: PyModelServer, uri: str, target: str) -> Trace | None:
    state = server.analyses.find(uri)
    found = state.trace(target.rpartition("::")[2]) if state else None
    return found[0] if found else None


def _require_trace(server: PyModelServer, uri: str, target: str) -> Trace:
    trace = _trace_of(server, uri, target)
    if trace is None or not server.configuration.trusted:
        raise PyModelError(t("{0} has no graph yet.", target), advice=t("See “PyModel: Why No Shapes Here?”."))
    return trace


def _choose(server: PyModelServer, state: State, asked: GraphParams) -> ModelSite | None:
    if asked.target is not None:
        return next((site for site in state.models if site.target == asked.target), None)
    if asked.position is not None:
        position = from_lsp_position(asked.position, state.document.lines, server.encoding)
        inside = [site for site in state.models if site.range.contains(position)]
        if inside:
            return inside[-1]
    return next(iter(state.models), None)


def _empty(asked: GraphParams, site: ModelSite | None, version: int, message: str) -> GraphResult:
    name = site.name if site else ""
    return GraphResult(asked.uri, site.target if site else None, version, False, name, (), None, message)
