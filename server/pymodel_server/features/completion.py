"""Completion in a recipe, and inside a pin, `# pymodel: …`: how the model is made, its arguments, what they hold."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from lsprotocol import types

from pymodel.discover.pin_faults import forward_arguments
from pymodel.discover.pins import format_inputs
from pymodel.schema import ModelSite, Position

from ..convert import from_lsp_position, to_lsp_range
from ..l10n import t
from . import recipes

if TYPE_CHECKING:
    from ..server import PyModelServer
    from ..state import State

PIN = re.compile(r"#\s*pymodel:\s*")
DTYPES = ("float32", "int64", "bool", "float16", "bfloat16", "tuple")


def register(server: PyModelServer) -> None:
    @server.feature(types.TEXT_DOCUMENT_COMPLETION)
    async def completion(params: types.CompletionParams) -> types.CompletionList:
        uri, position = params.text_document.uri, params.position
        found = recipes.completion if recipes.is_recipe(uri) else complete_pin
        return types.CompletionList(is_incomplete=False, items=found(server, uri, position))


def complete_pin(server: PyModelServer, uri: str, at: types.Position) -> list[types.CompletionItem]:
    """What may stand at a position of a model's line, where that is in a pin or at the beginning of one."""
    state = server.analyses.find(uri)
    if state is None:
        return []
    lines = state.document.lines
    position = from_lsp_position(at, lines, server.encoding)
    site = next((each for each in state.models if each.line == position.line), None)
    if site is None:
        return []
    before = lines[position.line - 1][: position.column]
    return [
        types.CompletionItem(
            label,
            kind=kind,
            detail=detail or None,
            sort_text=f"{number:02}",
            filter_text=label,
            text_edit=types.TextEdit(
                to_lsp_range(Position(position.line, column), position, lines, server.encoding), label
            ),
        )
        for number, (label, detail, kind, column) in enumerate(_offers(state, site, before))
    ]


Offer = tuple[str, str, types.CompletionItemKind, int]
"""What is inserted, what it is, its kind, and the column from which it replaces the text."""


def _offers(state: State, site: ModelSite, before: str) -> Iterator[Offer]:
    pin = PIN.search(before)
    if pin is None:
        hash_at = before.rfind("#")
        if hash_at >= 0 and "# pymodel:".startswith(before[hash_at:].rstrip()):
            text = f"# pymodel: {', '.join(_whole(state, site))}"
            yield text.rstrip(), t("pins how {0} is made and fed", site.name), types.CompletionItemKind.Snippet, hash_at
        return
    column = pin.end()
    part, start = _part(before[column:], column)
    name, equals, value = part.partition("=")
    inputs = dict(_inputs(state, site))
    if equals and re.search(r"\)\s*:\s*\w*$", value):
        after = start + part.rindex(":") + 1
        yield from ((each, "", types.CompletionItemKind.EnumMember, after) for each in DTYPES)
    elif equals and not value.strip() and name.strip() in inputs:
        found = inputs[name.strip()]
        yield found, t("what it is fed with now"), types.CompletionItemKind.Value, start + len(part)
    elif not equals:
        if start == column:
            for text in _constructions(state, site):
                yield text, t("how it is made now"), types.CompletionItemKind.Constructor, start
        given = set(re.findall(r"(\w+)\s*=(?!=)", before[column:start]))
        for each in forward_arguments(state.document, site.name) or tuple(inputs):
            if each not in given:
                text = f"{each}={inputs[each]}" if each in inputs else f"{each}="
                yield text, t("an argument of forward"), types.CompletionItemKind.Variable, start


def _part(pin: str, column: int) -> tuple[str, int]:
    """The part of an unfinished pin that the cursor stands in, and the column where it begins."""
    depth, start = 0, 0
    for place, character in enumerate(pin):
        depth += (character in "([{") - (character in ")]}")
        if character == "," and depth == 0:
            start = place + 1
    text = pin[start:]
    return text.lstrip(), column + start + len(text) - len(text.lstrip())


def _whole(state: State, site: ModelSite) -> list[str]:
    return [*_constructions(state, site), *(f"{name}={value}" for name, value in _inputs(state, site))]


def _constructions(state: State, site: ModelSite) -> list[str]:
    found = state.trace(site.name)
    return [found[0].construction.expression] if found and found[0].construction else []


def _inputs(state: State, site: ModelSite) -> Iterator[tuple[str, str]]:
    found = state.trace(site.name)
    for text in format_inputs(found[0]) if found else ():
        name, _, value = text.partition("=")
        yield name, value
