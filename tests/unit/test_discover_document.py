"""Text in any state becomes a tree, with lines and columns as an editor counts them."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from pymodel.discover.document import MAX_BYTES, parse_document, read_document
from pymodel.schema import Position


def functions(text: str) -> list[str]:
    tree = parse_document("a.py", text).tree
    return [node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]


@pytest.mark.parametrize(
    "text",
    [
        *("", "\ufeff", "\r\n\r\n", "\0", "\t", "(" * 5000, "x = " + "-" * 100_000 + "1", "é" * 10, "def", "\\"),
        *("if x:\n", "class A:\n\tx = 1\n        y = 2\n", "'''", "x = 1 +\n" * 200, "\udcff = 1", "f'{'"),
    ],
)
def test_never_raises(text: str) -> None:
    document = parse_document("a.py", text)
    assert document.text == text
    assert all(error.severity == "hint" for error in document.errors)


def test_columns_count_characters() -> None:
    document = parse_document("a.py", "é = 'ü'; b = 'x'\n")
    second = document.tree.body[1]
    assert document.range_of(second).start == Position(1, 9)


def test_lines_end_where_an_editor_ends_them() -> None:
    document = parse_document("a.py", "\x0ca = 1\r\nb = '\u2028'\rclass C: pass\n")
    assert [node.lineno for node in document.tree.body] == [1, 2, 3]
    assert document.lines[2] == "class C: pass"


def test_a_broken_line_leaves_the_others() -> None:
    text = "class A:\n    def f(self):\n        x = (1,\n    def g(self):\n        return 2\n\ndef h(): pass\n"
    document = parse_document("a.py", text)
    assert functions(text) == ["h", "f", "g"]
    assert [(error.code, error.start.line) for error in document.errors] == [("syntax-error", 3)]


def test_a_broken_header_takes_its_block_along() -> None:
    text = "class A:\n    def f(self)\n        x = 1\n        return x\n    def g(self):\n        return 2\n"
    assert functions(text) == ["g"]


def test_a_huge_file_is_not_read() -> None:
    document = parse_document("a.py", "x = 1\n" * (MAX_BYTES // 6 + 1))
    assert not document.tree.body
    assert document.errors[0].code == "too-large"


def test_what_is_not_utf8_is_read_with_replacements(tmp_path: Path) -> None:
    file = tmp_path / "latin.py"
    file.write_bytes(b"# caf\xe9\nclass A: pass\n")
    assert isinstance(read_document(str(file)).tree.body[0], ast.ClassDef)
