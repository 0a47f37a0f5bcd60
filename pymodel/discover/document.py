"""Source text as a tree, whatever state the text is in. Nothing here runs what it reads."""

from __future__ import annotations

import ast
import re
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from ..schema import Diagnostic, Position, Range

BOM = "\ufeff"
MAX_BYTES = 2_000_000
LINE_END = re.compile(r"\r\n|\r|\n")
"""What ends a line for Python's tokenizer and for editors; `str.splitlines` knows more, such as form feeds."""
MAX_BLANKED = 50
"""So many broken logical lines are blanked before a text is given up."""
BLOCK_KEYWORDS = frozenset(
    ("def", "class", "if", "elif", "else", "for", "while", "with", "try", "except", "finally", "match", "async", "case")
)


@dataclass(frozen=True)
class Document:
    """A file's text and its tree. Where the text is broken, the broken lines are blank in the tree."""

    path: str
    text: str
    tree: ast.Module
    errors: tuple[Diagnostic, ...] = ()

    @cached_property
    def lines(self) -> list[str]:
        return split_lines(self.text)

    def position(self, line: int, byte_column: int) -> Position:
        """From the tree's columns, which count UTF-8 bytes, to characters."""
        text = self.lines[line - 1] if 0 < line <= len(self.lines) else ""
        column = byte_column if text.isascii() else len(text.encode()[:byte_column].decode(errors="replace"))
        return Position(line, column)

    def range_of(self, node: ast.stmt | ast.expr | ast.arg) -> Range:
        return Range(
            self.position(node.lineno, node.col_offset),
            self.position(node.end_lineno or node.lineno, node.end_col_offset or node.col_offset),
        )

    def name_range(self, node: ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef) -> Range:
        """The range of the name in a definition."""
        line = self.lines[node.lineno - 1] if node.lineno <= len(self.lines) else ""
        start = self.position(node.lineno, node.col_offset).column
        match = re.compile(rf"(?:class|def)\s+({re.escape(node.name)})\b").search(line, start)
        column = match.start(1) if match else start
        return Range(Position(node.lineno, column), Position(node.lineno, column + len(node.name)))


def split_lines(text: str) -> list[str]:
    """The lines as Python and an editor count them."""
    return LINE_END.split(text.removeprefix(BOM))


def parse_document(path: str, text: str) -> Document:
    """Parse a text. Never raises: what cannot be read is told in `errors`, and the rest is there."""
    if len(text) > MAX_BYTES:
        return _unreadable(
            path,
            text,
            "too-large",
            "This file is over 2 MB: PyModel does not read it. Move the model to a file of its own.",
        )
    lines = split_lines(text.replace("\0", " "))
    errors: tuple[Diagnostic, ...] = ()
    for _ in range(MAX_BLANKED):
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                return Document(path, text, ast.parse("\n".join(lines) + "\n"), errors)
        except SyntaxError as error:
            line = min(max(error.lineno or 1, 1), len(lines) or 1)
            if not errors:
                errors = (_syntax_error(path, line, error),)
            if not _blank(lines, line):
                break
        except (RecursionError, MemoryError, ValueError):
            return _unreadable(path, text, "too-deep", "This file nests too deeply: PyModel does not read it.")
    return Document(path, text, ast.Module([], []), errors)


def read_document(path: str, documents: Mapping[str, str] | None = None) -> Document:
    """Parse a file: the editor's text of it where it is open, else what is on disk.

    Raises:
        OSError: there is no such file, or it cannot be read.
    """
    text = (documents or {}).get(path)
    return parse_document(path, Path(path).read_text(encoding="utf-8", errors="replace") if text is None else text)


def _blank(lines: list[str], number: int) -> bool:
    """Empty the broken line, and the block below it if it opens one; False if there is nothing left to empty."""
    index = number - 1
    while index > 0 and not lines[index].strip():
        index -= 1  # the parser often complains one line late
    if not lines[index].strip():
        return False
    broken = lines[index]
    kept = broken.strip() == "pass"
    indent = _indent(broken)
    # `pass` keeps a block that would otherwise be empty.
    lines[index] = "" if kept or indent == 0 else broken[:indent] + "pass"
    if broken.split(maxsplit=1)[0].rstrip(":") in BLOCK_KEYWORDS:
        for below in range(index + 1, len(lines)):
            if lines[below].strip() and _indent(lines[below]) <= indent:
                break
            lines[below] = ""
    return True


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip())


def _syntax_error(path: str, line: int, error: SyntaxError) -> Diagnostic:
    column = max((error.offset or 1) - 1, 0)
    return Diagnostic(
        "syntax-error",
        "hint",
        f"{error.msg}: the last shapes stay until this line can be read.",
        path,
        Position(line, column),
        Position(line, column + 1),
    )


def _unreadable(path: str, text: str, code: str, message: str) -> Document:
    error = Diagnostic(code, "hint", message, path, Position(1, 0), Position(1, 1))
    return Document(path, text, ast.Module([], []), (error,))
