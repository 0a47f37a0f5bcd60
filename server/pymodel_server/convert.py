"""Between the engine's positions and LSP's: the only place that knows both.

The engine counts lines from 1 and columns in characters; LSP counts lines from 0 and columns in units of the encoding
that client and server agreed on.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import unquote, urlsplit
from urllib.request import url2pathname

from lsprotocol import types

from pymodel.schema import Diagnostic, MalformedMessage, Position, Range, from_json
from pymodel.schema.protocol import LspPosition

SEVERITIES = {
    "error": types.DiagnosticSeverity.Error,
    "warning": types.DiagnosticSeverity.Warning,
    "hint": types.DiagnosticSeverity.Hint,
}
MARKUP = re.compile(r"```\w*|---|\|[:|-]+\|")
"""Lines of Markdown that say nothing by themselves: fences, rules, and what aligns a table."""
Encoding = types.PositionEncodingKind | str
P = TypeVar("P")


def uri_to_path(uri: str) -> str:
    """The absolute path of a `file:` URI; any other URI as it is (an untitled document's)."""
    parts = urlsplit(uri)
    if parts.scheme != "file":
        return uri
    return str(Path(url2pathname(unquote(parts.path))))


def path_to_uri(path: str) -> str:
    return Path(path).as_uri() if Path(path).is_absolute() else path


def units(text: str, encoding: Encoding) -> int:
    """The length of a text in the encoding's units."""
    if encoding == types.PositionEncodingKind.Utf8:
        return len(text.encode())
    if encoding == types.PositionEncodingKind.Utf32:
        return len(text)
    return len(text.encode("utf-16-le")) // 2


def to_lsp_position(position: Position, lines: Sequence[str], encoding: Encoding) -> types.Position:
    line = lines[position.line - 1] if 0 < position.line <= len(lines) else ""
    return types.Position(max(position.line - 1, 0), units(line[: position.column], encoding))


def to_lsp_range(start: Position, end: Position, lines: Sequence[str], encoding: Encoding) -> types.Range:
    return types.Range(to_lsp_position(start, lines, encoding), to_lsp_position(end, lines, encoding))


def range_to_lsp(place: Range, lines: Sequence[str], encoding: Encoding) -> types.Range:
    return to_lsp_range(place.start, place.end, lines, encoding)


def from_lsp_position(position: types.Position | LspPosition, lines: Sequence[str], encoding: Encoding) -> Position:
    line = lines[position.line] if position.line < len(lines) else ""
    ends = itertools.accumulate(units(character, encoding) for character in line)
    return Position(position.line + 1, sum(1 for _ in itertools.takewhile(lambda end: end <= position.character, ends)))


def to_lsp_diagnostic(
    found: Diagnostic, lines_of: Callable[[str], Sequence[str]], encoding: Encoding
) -> types.Diagnostic:
    """A diagnostic; its related places may lie in other files, and `lines_of` gives the lines of each."""
    related = [
        types.DiagnosticRelatedInformation(
            types.Location(path_to_uri(each.path), to_lsp_range(each.start, each.end, lines_of(each.path), encoding)),
            each.message,
        )
        for each in found.related
    ]
    return types.Diagnostic(
        range=to_lsp_range(found.start, found.end, lines_of(found.path), encoding),
        message=found.message,
        severity=SEVERITIES[found.severity],
        code=found.code,
        source="PyModel",
        related_information=related or None,
    )


def show_markdown(text: str, capabilities: types.ClientCapabilities) -> types.MarkupContent:
    """Markdown for a hover, or its words alone where the client shows plain text only."""
    hover = capabilities.text_document.hover if capabilities.text_document else None
    kinds = hover.content_format if hover else None
    if not kinds or types.MarkupKind.Markdown in kinds:
        return types.MarkupContent(types.MarkupKind.Markdown, text)
    lines = [line for line in text.splitlines() if not MARKUP.fullmatch(line)]
    return types.MarkupContent(types.MarkupKind.PlainText, "\n".join(lines).replace("`", "").strip())


def to_plain(value: Any) -> Any:
    """JSON data from what pygls makes of parameters it knows no type of: named tuples, nested."""
    if hasattr(value, "_asdict"):
        return {key: to_plain(item) for key, item in value._asdict().items()}
    if isinstance(value, dict):
        return {key: to_plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [to_plain(item) for item in value]
    return value


def read_params(cls: type[P], params: Any) -> P:
    """Our own messages' parameters, checked.

    Raises:
        ValueError: they do not fit; the text names the field.
    """
    try:
        return from_json(cls, to_plain(params))
    except MalformedMessage as error:
        raise ValueError(str(error)) from None
