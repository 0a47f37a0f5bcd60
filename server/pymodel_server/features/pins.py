"""Commands that set a model's pin: what there is to choose from, and the edit of its line."""

from __future__ import annotations

import asyncio
import re
from typing import TYPE_CHECKING, Any

from lsprotocol import types

from pymodel.discover.pins import PinError, format_inputs, split_pin
from pymodel.schema import Candidate, Event, Failed, Finished, ModelSite, Position, Traced, to_json

from ..convert import to_lsp_range
from ..l10n import t
from .commands import as_command, find_state, require_trust, text_of

if TYPE_CHECKING:
    from ..server import PyModelServer
    from ..state import State

COMMENT = re.compile(r"\s*#\s*pymodel:(?P<pin>.*)$")


def register(server: PyModelServer) -> None:
    for name, handler in (
        ("pymodel.candidates", find_candidates),
        ("pymodel.pin", set_pin),
    ):
        as_command(server, name, handler)


async def find_candidates(server: PyModelServer, given: dict[str, Any]) -> Any:
    """What a model can be made by and fed with, each tried, with where it was found; and the pin that it has."""
    require_trust(server)
    state = find_state(server, given)
    site = _site(state, given)
    found: list[Candidate] = []
    ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def hear(event: Event) -> None:
        if isinstance(event, Traced):
            found.extend(event.trace.candidates)
        elif isinstance(event, (Finished, Failed)) and not ended.done():
            ended.set_result(None)

    if await server.analyses.ask(state, hear, targets=(site.target,), candidates=True):
        await ended
    traced = state.trace(site.name)
    return {
        "pin": _pin_at(state, site),
        "used": ", ".join(format_inputs(traced[0])) if traced else None,
        "candidates": to_json(found),
    }


async def set_pin(server: PyModelServer, given: dict[str, Any]) -> Any:
    """Write `pin` into the comment on the model's line. With `part`, `inputs` or `construction`, the other part stays
    as it is; an empty text takes away what it names."""
    state = find_state(server, given)
    site = _site(state, given)
    construction, inputs = split_pin(str(given.get("pin") or ""))
    part = given.get("part")
    if part in ("inputs", "construction"):
        old_construction, old_inputs = _parts_at(state, site)
        construction = construction if part == "construction" else construction or old_construction
        inputs = inputs if part == "inputs" else inputs or old_inputs
    pin = ", ".join([*([construction] if construction else []), *inputs])
    edit = types.WorkspaceEdit({state.uri: [pin_edit(server, state, site, pin)]})
    answer = await server.workspace_apply_edit_async(types.ApplyWorkspaceEditParams(server.notebooks.into_cells(edit)))
    if not answer.applied:
        raise ValueError(t("The editor did not take the edit of {0}: {1}", site.name, answer.failure_reason or ""))
    return {"pin": pin or None}


def pin_edit(server: PyModelServer, state: State, site: ModelSite, pin: str) -> types.TextEdit:
    """The edit that makes `pin` the comment on a model's line; an empty one takes it away."""
    lines = state.document.lines
    line = lines[site.line - 1]
    old = COMMENT.search(line)
    code = line[: old.start()] if old else line.rstrip()
    start, end = Position(site.line, len(code)), Position(site.line, len(line))
    return types.TextEdit(to_lsp_range(start, end, lines, server.encoding), f"  # pymodel: {pin}" if pin else "")


def _pin_at(state: State, site: ModelSite) -> str | None:
    found = COMMENT.search(state.document.lines[site.line - 1])
    return found["pin"].strip() if found else None


def _parts_at(state: State, site: ModelSite) -> tuple[str | None, tuple[str, ...]]:
    pin = _pin_at(state, site)
    try:
        return split_pin(pin) if pin else (None, ())
    except PinError:  # it is about to be replaced
        return None, ()


def _site(state: State, given: dict[str, Any]) -> ModelSite:
    name = text_of(given, "target").rpartition("::")[2]
    site = next((each for each in state.models if each.name == name), None)
    if site is None:
        listed = ", ".join(each.name for each in state.models) or t("no model")
        raise ValueError(t("There is no model {0} in this file; it holds {1}.", name, listed))
    return site
