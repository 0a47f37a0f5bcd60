"""Notebooks: one text for the analysis, many cells in the editor.

A notebook is analysed as the text of its Python cells in order, so that a later cell knows what an earlier one defines.
The features know that text alone: what they are asked and what they answer is moved between it and the cells here.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

import attrs
from lsprotocol import types

from pymodel.discover.document import LINE_END
from pymodel.discover.notebooks import blank_magics

from .convert import uri_to_path
from .features import diagnostics

if TYPE_CHECKING:
    from .server import PyModelServer

T = TypeVar("T")
Handler = Callable[[Any], Awaitable[Any]]
IN_CELLS = (
    types.TEXT_DOCUMENT_HOVER,
    types.TEXT_DOCUMENT_INLAY_HINT,
    types.TEXT_DOCUMENT_CODE_LENS,
    types.TEXT_DOCUMENT_DIAGNOSTIC,
    types.TEXT_DOCUMENT_CODE_ACTION,
    types.TEXT_DOCUMENT_COMPLETION,
)


@dataclass(frozen=True)
class Cell:
    """A cell's URI, and where it stands in the notebook's text: lines from 0, the last one excluded."""

    uri: str
    start: int
    stop: int


@dataclass(frozen=True)
class Notebook:
    uri: str
    text: str
    cells: tuple[Cell, ...]


def join_cells(uri: str, cells: Iterable[tuple[str, str]]) -> Notebook:
    """One text from the URIs and texts of a notebook's Python cells; a line is where its cell begins, further down."""
    lines: list[str] = []
    places: list[Cell] = []
    for cell, text in cells:
        start = len(lines)
        lines += blank_magics(LINE_END.split(text))
        places.append(Cell(cell, start, len(lines)))
    return Notebook(uri, "\n".join(lines), tuple(places))


class Notebooks:
    """The notebooks that are open."""

    def __init__(self) -> None:
        self.by_uri: dict[str, Notebook] = {}
        self._of_cell: dict[str, str] = {}

    def put(self, notebook: Notebook) -> None:
        self.remove(notebook.uri)
        self.by_uri[notebook.uri] = notebook
        self._of_cell.update((cell.uri, notebook.uri) for cell in notebook.cells)

    def remove(self, uri: str) -> None:
        old = self.by_uri.pop(uri, None)
        for cell in old.cells if old else ():
            self._of_cell.pop(cell.uri, None)

    def of_cell(self, uri: str) -> str | None:
        """The URI of the notebook that a cell belongs to."""
        return self._of_cell.get(uri)

    def cells(self, uri: str) -> tuple[Cell, ...]:
        notebook = self.by_uri.get(uri)
        return notebook.cells if notebook else ()

    def cell(self, uri: str) -> Cell | None:
        return next((each for each in self.cells(self._of_cell.get(uri, "")) if each.uri == uri), None)

    def into_cells(self, edit: types.WorkspaceEdit) -> types.WorkspaceEdit:
        """An edit of notebooks' texts as one of their cells; that of other documents as it is."""
        if edit.changes is None:
            return edit  # it makes a file of its own
        changes: dict[str, list[types.TextEdit]] = {}
        for uri, edits in edit.changes.items():
            for each in edits:
                line = each.range.start.line
                cell = next((cell for cell in self.cells(uri) if cell.start <= line < cell.stop), None)
                target, moved = (cell.uri, shift(each, -cell.start)) if cell else (uri, each)
                changes.setdefault(target, []).append(moved)
        return types.WorkspaceEdit(changes)

    def diagnostics(self, cell: Cell, found: list[types.Diagnostic]) -> list[types.Diagnostic]:
        """Those that stand in a cell, in its own lines."""
        return [self._answer(cell, each) for each in found if cell.start <= each.range.start.line < cell.stop]

    def answer(self, cell: Cell, result: Any) -> Any:
        """What a feature answered about a notebook's text, as far as it stands in a cell, in the cell's own lines."""
        if isinstance(result, list):
            return [self._answer(cell, each) for each in result if _stands_in(each, cell)]
        if isinstance(result, types.RelatedFullDocumentDiagnosticReport):
            return attrs.evolve(result, items=self.diagnostics(cell, list(result.items)))
        return None if result is None else self._answer(cell, result)

    def _answer(self, cell: Cell, result: Any) -> Any:
        if isinstance(result, types.CodeAction) and result.edit is not None:
            moved = [shift(each, -cell.start) for each in result.diagnostics or ()]
            return attrs.evolve(result, edit=self.into_cells(result.edit), diagnostics=moved or None)
        return self._relocated(shift(result, -cell.start), cell)

    def _relocated(self, result: Any, cell: Cell) -> Any:
        """Related places of a diagnostic lie in cells too, each with an offset of its own."""
        related = getattr(result, "related_information", None)
        if not related:
            return result
        places = []
        for each in related:
            line = each.location.range.start.line + cell.start
            home = next((it for it in self.cells(each.location.uri) if it.start <= line < it.stop), None)
            moved = types.Location(home.uri, shift(each.location.range, cell.start - home.start)) if home else None
            places.append(attrs.evolve(each, location=moved) if moved else shift(each, cell.start))
        return attrs.evolve(result, related_information=places)


def shift(value: T, lines: int) -> T:
    """A copy of an LSP value with all its positions moved down by so many lines."""
    moved: Any = value
    if isinstance(value, types.Position):
        moved = types.Position(max(value.line + lines, 0), value.character)
    elif isinstance(value, (list, tuple)):
        moved = type(value)(shift(each, lines) for each in value)
    elif attrs.has(type(moved)):
        moved = attrs.evolve(
            moved, **{each.name: shift(getattr(moved, each.name), lines) for each in attrs.fields(type(moved))}
        )
    result: T = moved
    return result


def _stands_in(value: Any, cell: Cell) -> bool:
    position = getattr(value, "position", None) or getattr(getattr(value, "range", None), "start", None)
    return position is None or cell.start <= position.line < cell.stop


def register(server: PyModelServer) -> None:
    @server.feature(types.NOTEBOOK_DOCUMENT_DID_OPEN)
    async def did_open(params: types.DidOpenNotebookDocumentParams) -> None:
        uri = params.notebook_document.uri
        notebook = _read(server, uri)
        server.notebooks.put(notebook)
        server.analyses.open(uri, uri_to_path(uri), notebook.text, params.notebook_document.version)

    @server.feature(types.NOTEBOOK_DOCUMENT_DID_CHANGE)
    async def did_change(params: types.DidChangeNotebookDocumentParams) -> None:
        uri = params.notebook_document.uri
        notebook = _read(server, uri)
        server.notebooks.put(notebook)
        server.analyses.change(uri, notebook.text, params.notebook_document.version)

    @server.feature(types.NOTEBOOK_DOCUMENT_DID_CLOSE)
    async def did_close(params: types.DidCloseNotebookDocumentParams) -> None:
        uri = params.notebook_document.uri
        cells = server.notebooks.cells(uri)
        server.notebooks.remove(uri)
        server.analyses.close(uri)
        for cell in cells:
            diagnostics.clear(server, cell.uri)

    @server.feature(types.NOTEBOOK_DOCUMENT_DID_SAVE)
    async def did_save(params: types.DidSaveNotebookDocumentParams) -> None:
        server.analyses.save(params.notebook_document.uri)


def serve_cells(server: PyModelServer) -> None:
    """Have the features answer for cells too: what is asked of one is asked of its notebook."""
    handlers = server.protocol.fm.features
    for method in IN_CELLS:
        handlers[method] = _for_cells(server, handlers[method])


def _for_cells(server: PyModelServer, handler: Handler) -> Handler:
    async def answer(params: Any) -> Any:
        cell = server.notebooks.cell(params.text_document.uri)
        if cell is None:
            return await handler(params)
        notebook = server.notebooks.of_cell(cell.uri)
        asked = attrs.evolve(shift(params, cell.start), text_document=types.TextDocumentIdentifier(str(notebook)))
        return server.notebooks.answer(cell, await handler(asked))

    return answer


def _read(server: PyModelServer, uri: str) -> Notebook:
    found = server.workspace.get_notebook_document(notebook_uri=uri)
    cells = found.cells if found is not None else ()
    code = [each.document for each in cells if each.kind == types.NotebookCellKind.Code]
    return join_cells(uri, ((each, server.workspace.get_text_document(each).source) for each in code))
