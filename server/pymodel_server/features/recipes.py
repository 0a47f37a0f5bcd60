"""Recipes in the editor: completion, hover, and every fault at its place, against the model where it is open."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from lsprotocol import types

from pymodel.discover.data import find_data_factories
from pymodel.recipe import Reading, check_recipe, read_recipe, recipe_folder
from pymodel.recipe.complete import Completion, complete, describe_at, text_of
from pymodel.schema import Position, Trace

from ..convert import from_lsp_position, range_to_lsp, to_lsp_diagnostic, to_lsp_range, uri_to_path

if TYPE_CHECKING:
    from ..server import PyModelServer

ENDING = "recipe.toml"
"""What brings up completion in a recipe."""


def is_recipe(uri: str) -> bool:
    """`recipe.toml`, or any name that ends in `.recipe.toml`."""
    name = uri.rpartition("/")[2]
    return name == ENDING or name.endswith(f".{ENDING}")


def completion(server: PyModelServer, uri: str, at: types.Position) -> list[types.CompletionItem]:
    lines = _lines(server, uri)
    position = from_lsp_position(at, lines, server.encoding)
    found = complete(lines, position, _known(server, uri))
    return [_item(each, position, lines, server) for each in found]


def hover(server: PyModelServer, uri: str, at: types.Position) -> types.Hover | None:
    lines = _lines(server, uri)
    found = describe_at(lines, from_lsp_position(at, lines, server.encoding))
    if found is None:
        return None
    text, place = found
    content = types.MarkupContent(types.MarkupKind.Markdown, text)
    return types.Hover(content, range_to_lsp(place, lines, server.encoding))


def diagnostics(server: PyModelServer, uri: str) -> list[types.Diagnostic]:
    """The faults of a recipe as its text is now."""
    lines = _lines(server, uri)
    found = read(server, uri).diagnostics
    return [to_lsp_diagnostic(each, lambda _: lines, server.encoding) for each in found]


def read(server: PyModelServer, uri: str) -> Reading:
    reading = read_recipe(server.workspace.get_text_document(uri).source, uri_to_path(uri))
    return check_recipe(reading, _trace_of(server, uri))


def _trace_of(server: PyModelServer, uri: str) -> Trace | None:
    """The trace of the model that the recipe names, where its file is open."""
    target = text_of(_lines(server, uri), "model", "target")
    if target is None:
        return None
    file, _, name = target.rpartition("::")
    path = str(recipe_folder(Path(uri_to_path(uri))) / file)
    state = next((each for each in server.analyses.states.values() if each.path == path), None)
    found = state.trace(name) if state is not None else None
    return found[0] if found is not None else None


def _known(server: PyModelServer, uri: str) -> dict[tuple[str, str], list[str]]:
    """What the workspace has for a recipe: the layers of its model, data factories, models of open files."""
    folder = recipe_folder(Path(uri_to_path(uri)))
    trace = _trace_of(server, uri)
    texts = {state.path: state.text for state in server.analyses.states.values()}
    near = next((path for path in texts if path.endswith(".py")), str(folder / "_.py"))
    data = [_relative(each.reference, folder) for each in find_data_factories(str(folder), near, texts)]
    models = [_relative(site.target, folder) for state in server.analyses.states.values() for site in state.models]
    return {
        ("", "layers"): [module.path for module in trace.modules if module.path] if trace else [],
        ("data", "source"): [*data, "random"],
        ("model", "target"): models,
    }


def _relative(reference: str, folder: Path) -> str:
    path, _, name = reference.rpartition("::")
    place = Path(path)
    return f"{place.relative_to(folder).as_posix() if place.is_relative_to(folder) else path}::{name}"


def _lines(server: PyModelServer, uri: str) -> list[str]:
    return server.workspace.get_text_document(uri).source.split("\n")


def _item(each: Completion, at: Position, lines: list[str], server: PyModelServer) -> types.CompletionItem:
    start = Position(at.line, at.column - each.replaced)
    return types.CompletionItem(
        each.label,
        kind=types.CompletionItemKind.Property,
        detail=each.detail or None,
        documentation=types.MarkupContent(types.MarkupKind.Markdown, each.about),
        filter_text=lines[at.line - 1][start.column : at.column] or None,
        text_edit=types.TextEdit(to_lsp_range(start, at, lines, server.encoding), each.text),
    )
