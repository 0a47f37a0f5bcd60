"""Inlay hints: the shape of each assigned tensor at the end of its line, and what a monitored run did there last; never
on a line newer than the trace, or than the run."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from lsprotocol import types

from pymodel.graph.lines import values_at_line_ends
from pymodel.schema import CodeSite, Position, Trace, Value, join_dims

from ..convert import to_lsp_position
from ..l10n import t
from .hover.values import summarise_tensor

if TYPE_CHECKING:
    from ..server import PyModelServer


def register(server: PyModelServer) -> None:
    @server.feature(types.TEXT_DOCUMENT_INLAY_HINT)
    async def inlay_hints(params: types.InlayHintParams) -> list[types.InlayHint]:
        state = server.analyses.find(params.text_document.uri)
        wanted = server.configuration.inlay_hints
        if state is None:
            return []
        lines = state.document.lines
        monitored = [
            _monitored_hint(site, lines, server)
            for site in sites_that_stand(server.session.monitored.at(state.path), lines)
            if params.range.start.line <= site.line - 1 <= params.range.end.line
        ]
        if wanted == "off":
            return monitored
        hints: dict[int, types.InlayHint] = {}
        server.analyses.look_at(state.uri, visible=(params.range.start.line + 1, params.range.end.line + 1))
        for view in state.views():
            for line, value in values_at_line_ends(view.trace, state.path, lines, wanted).items():
                if params.range.start.line <= line - 1 <= params.range.end.line:
                    hints.setdefault(line, _hint(value, view.trace, lines, server))
        return [*(hints[line] for line in sorted(hints)), *monitored]


def label(value: Value) -> str:
    """`B×64×10×10`, with a `?` where it is assumed."""
    return (join_dims(value.dims or ()) or "scalar") + ("?" if value.assumed else "")


def sites_that_stand(sites: Iterable[CodeSite], lines: list[str]) -> Iterator[CodeSite]:
    """The lines of a monitored script that still read as they did when they ran, and have something to tell."""
    for site in sites:
        is_same = site.line <= len(lines) and lines[site.line - 1].strip() == site.text
        if is_same and (site.value is not None or site.done is not None):
            yield site


def label_site(site: CodeSite) -> str:
    """`loss 0.4312` at the line of the loss, `rate 0.0003` at the optimizer's step, `3 of 10` at a loop's head."""
    if site.done is not None:
        return str(site.done) if site.total is None else t("{0} of {1}", site.done, site.total)
    number = f"{site.value:.4g}" if isinstance(site.value, (int, float)) else str(site.value)
    return t("rate {0}", number) if site.kind == "step" else t("loss {0}", number)


def _monitored_hint(site: CodeSite, lines: list[str], server: PyModelServer) -> types.InlayHint:
    end = Position(site.line, len(lines[site.line - 1].rstrip()))
    place = to_lsp_position(end, lines, server.encoding)
    return types.InlayHint(place, label_site(site), padding_left=True, tooltip=t("the last value of a monitored run"))


def _hint(value: Value, trace: Trace, lines: list[str], server: PyModelServer) -> types.InlayHint:
    line = lines[value.end.line - 1] if value.end.line <= len(lines) else ""
    end = Position(value.end.line, len(line.rstrip()))
    return types.InlayHint(
        to_lsp_position(end, lines, server.encoding),
        label(value),
        kind=types.InlayHintKind.Type,
        padding_left=True,
        tooltip=types.MarkupContent(types.MarkupKind.Markdown, summarise_tensor(value, trace)),
    )
