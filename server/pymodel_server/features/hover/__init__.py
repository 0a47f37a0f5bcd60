"""Hover: what an expression, a submodule, a class or `forward` is, from the trace. Short first."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from typing import TYPE_CHECKING

from lsprotocol import types

from pymodel.graph.learned import Learned
from pymodel.schema import ModelSite, Position, Range, Read, Trace, Value

from ...convert import from_lsp_position, range_to_lsp, show_markdown
from ...l10n import t
from .. import recipes
from .learned import describe_learned
from .modules import describe_class, describe_forward, describe_module
from .values import describe_value

if TYPE_CHECKING:
    from ...server import PyModelServer
    from ...state import State, View

Found = tuple[str, Range]


def register(server: PyModelServer) -> None:
    @server.feature(types.TEXT_DOCUMENT_HOVER)
    async def hover(params: types.HoverParams) -> types.Hover | None:
        if recipes.is_recipe(params.text_document.uri):
            return recipes.hover(server, params.text_document.uri, params.position)
        state = server.analyses.find(params.text_document.uri)
        if state is None:
            return None
        lines = state.document.lines
        position = from_lsp_position(params.position, lines, server.encoding)
        server.analyses.look_at(state.uri, cursor=position.line)
        views = state.views()
        traces = [view.trace for view in views]
        for view in views:
            site = next((each for each in state.models if each.target == view.trace.target), None)
            found = _describe_model(state, view, site, position, links=server.is_vscode) if site is not None else None
            found = found or describe_code(view, position, traces, server.session.layers.of(view.trace))
            if found is not None:
                text, place = found
                note = "\n\n" + t("*from before the last edit*") if view.stale else ""
                content = show_markdown(text + note, server.client_capabilities)
                return types.Hover(content, range_to_lsp(place, lines, server.encoding))
        return None


def _describe_model(state: State, view: View, site: ModelSite, position: Position, *, links: bool) -> Found | None:
    """The class itself, or its `forward`."""
    if site.name_range.contains(position):
        return describe_class(view.trace, site), site.name_range
    place = _forward(state, site) if site.range.contains(position) else None
    if place is not None and place.contains(position):
        return describe_forward(view.trace, site, state.uri, links=links), place
    return None


def _forward(state: State, site: ModelSite) -> Range | None:
    for node in state.document.tree.body:
        if isinstance(node, ast.ClassDef) and node.lineno == site.line:
            for each in node.body:
                if isinstance(each, ast.FunctionDef) and each.name == "forward":
                    return state.document.name_range(each)
    return None


def describe_code(
    view: View, position: Position, traces: Sequence[Trace], learned: Learned | None = None
) -> Found | None:
    """The narrowest name or expression that the trace touched there; of a submodule what was `learned`, too."""
    trace = view.trace
    near = view.by_line.get(position.line, [])
    touched = [each for each in near if Range(each.start, each.end).contains(position) and each.kind != "other"]
    if not touched:
        return None
    found = min(touched, key=lambda each: (_extent(each), isinstance(each, Value)))
    place = Range(found.start, found.end)
    if not isinstance(found, Read) or found.module is None:
        return describe_value(found, trace, traces), place
    module = next((each for each in trace.modules if each.path == found.module), None)
    if module is None:
        return None
    told = describe_learned(learned, module.path) if learned is not None else ""
    described = "\n\n".join(filter(None, (describe_module(module, trace), told)))
    call = next((each for each in near if isinstance(each, Value) and _is_call_of(found, each)), None)
    return (f"{describe_value(call, trace, traces)}\n\n---\n\n{described}" if call else described), place


def _is_call_of(read: Read, value: Value) -> bool:
    """Whether a value is what the call of this submodule gave: `self.conv1(x)` for `self.conv1`."""
    return value.start == read.start and value.text.startswith(f"{read.text}(")


def _extent(each: Value | Read) -> tuple[int, int]:
    return each.end.line - each.start.line, each.end.column - each.start.column
