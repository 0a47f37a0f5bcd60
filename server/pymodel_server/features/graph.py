"""`pymodel/graph` and `pymodel/nodeAt`: one level of a model's graph, and the node that stands at a place."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pymodel.graph.level import breadcrumbs, build_level, find_node
from pymodel.schema import ModelSite, to_json
from pymodel.schema.protocol import Crumb, GraphParams, GraphResult, NodeAtParams, NodeAtResult

from ..convert import from_lsp_position, uri_to_path
from ..l10n import t

if TYPE_CHECKING:
    from ..analysis import State
    from ..server import PyModelServer


def register(server: PyModelServer) -> None:
    from ..server import read_params

    @server.feature("pymodel/graph")
    async def graph(params: Any) -> Any:
        return to_json(build_graph(server, read_params(GraphParams, params)))

    @server.feature("pymodel/nodeAt")
    async def node_at(params: Any) -> Any:
        asked = read_params(NodeAtParams, params)
        state = server.analyses.states.get(asked.graph_uri)
        found = state.trace(asked.target.rpartition("::")[2]) if state else None
        if found is None:
            return to_json(NodeAtResult(None))
        position = from_lsp_position(asked.position, server.lines_of(asked.uri), server.encoding)
        return to_json(NodeAtResult(find_node(found[0], asked.path, uri_to_path(asked.uri), position)))


def build_graph(server: PyModelServer, asked: GraphParams) -> GraphResult:
    state = server.analyses.states.get(asked.uri)
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
    crumbs = tuple(Crumb(path, name) for path, name in breadcrumbs(trace, asked.path))
    level = build_level(trace, asked.path)
    return GraphResult(asked.uri, site.target, state.version, stale, site.name, crumbs, level)


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
