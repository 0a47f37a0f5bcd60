"""Pins: the grammar of the contracts, from each place where one may stand."""

from __future__ import annotations

from pathlib import Path

import pytest

from pymodel.discover.document import parse_document
from pymodel.discover.models import find_models
from pymodel.discover.pin_faults import find_pin_faults
from pymodel.discover.pin_tables import PinTable, find_project_table, find_table_faults, find_table_pins
from pymodel.discover.pins import (
    ContainerSpec,
    LiteralSpec,
    PinError,
    TensorSpec,
    find_pins,
    format_input,
    parse_input,
    split_pin,
)
from pymodel.schema import Input, Source


@pytest.mark.parametrize(
    ("text", "spec"),
    [
        ("x=(B, 3, 12, 12)", TensorSpec(("B", 3, 12, 12))),
        ("ids=(B, T):int64", TensorSpec(("B", "T"), "int64")),
        ("x=(B, 2*T + 1)", TensorSpec(("B", "2 * T + 1"))),
        ("x=(5,)", TensorSpec((5,))),
        ("size=(3, 4):tuple", LiteralSpec("(3, 4)")),
        ("mask=None", LiteralSpec("None")),
        ("flag=True", LiteralSpec("True")),
        ("name='a, (b)'", LiteralSpec("'a, (b)'")),
        ("xs=[(B, 3), (B, 4):int64]", ContainerSpec("list", (TensorSpec(("B", 3)), TensorSpec(("B", 4), "int64")))),
        ("d={'a': (B, T):int64}", ContainerSpec("dict", (TensorSpec(("B", "T"), "int64"),), ("'a'",))),
        ("s=((2, B), (2, B)):tuple", ContainerSpec("tuple", (TensorSpec((2, "B")), TensorSpec((2, "B"))))),
    ],
)
def test_inputs(text: str, spec: object) -> None:
    assert parse_input(text).spec == spec


@pytest.mark.parametrize("text", ["x", "x=", "x=(B", "2=(B,)", "x=(B,)) + (1,"])
def test_what_is_no_input(text: str) -> None:
    with pytest.raises(PinError) as raised:
        parse_input(text)
    assert "x=(B, 3, 12, 12)" in raised.value.advice


def test_a_whole_pin_is_a_construction_and_inputs() -> None:
    assert split_pin("Net(width=64, sizes=[1, 2]), x=(B, 3), mask=None") == (
        "Net(width=64, sizes=[1, 2])",
        ("x=(B, 3)", "mask=None"),
    )
    assert split_pin("x=(B, 3)") == (None, ("x=(B, 3)",))


def test_comments_on_class_lines() -> None:
    forward = "    def forward(self, x): ...\n"
    text = f"import torch.nn as nn\nclass Net(nn.Module):  # pymodel: Net(4), x=(B, 3)\n{forward}# pymodel: ignored\n"
    (pin,) = find_pins(parse_document("/a.py", text))
    assert (pin.target, pin.construction, pin.inputs, pin.source) == ("/a.py::Net", "Net(4)", ("x=(B, 3)",), "comment")


def test_a_bad_comment_is_a_finding_on_itself_and_harms_no_other() -> None:
    forward = "    def forward(self, x): ...\n"
    text = f"class A(nn.Module):  # pymodel: x=(B,\n{forward}class B(nn.Module):  # pymodel: x=(B, 3)\n{forward}"
    document = parse_document("/a.py", text)
    assert [pin.target for pin in find_pins(document)] == ["/a.py::B"]
    (fault,) = find_pin_faults(document)
    line = document.lines[fault.start.line - 1]
    assert line[fault.start.column : fault.end.column] == "x=(B,"


NET = "class Net(nn.Module):{pin}\n    def forward(self, x, mask=None): ...\n"


@pytest.mark.parametrize(
    ("text", "code", "marked", "words"),
    [
        (NET.format(pin="  # pymodel: x=(B,"), "bad-pin", "x=(B,", "is not a pin"),
        (NET.format(pin="  # pymodel: y=(B, 3), mask=None"), "pin-argument", "y", "takes x, mask, and no `y`"),
        (NET.format(pin="  # pymodel: x=(B, 3), x=(B, 4)"), "pin-argument", "x", "twice"),
        (NET.format(pin="  # pymodel: x=(B, 3):int46"), "bad-pin", "int46", "no dtype"),
        (NET.format(pin="") + "# pymodel: x=(B, 3)\n", "unused-pin", "# pymodel: x=(B, 3)", "Move it to line 1"),
        ("a = 1  # pymodel: x=(B, 3)\n", "unused-pin", "# pymodel: x=(B, 3)", "Remove it"),
    ],
)
def test_what_is_wrong_with_a_comment_stands_on_it(text: str, code: str, marked: str, words: str) -> None:
    document = parse_document("/a.py", text)
    (fault,) = find_pin_faults(document)
    assert fault.code == code
    assert document.lines[fault.start.line - 1][fault.start.column : fault.end.column] == marked
    assert words in fault.message


@pytest.mark.parametrize(
    "text",
    [
        NET.format(pin="  # pymodel: Net(4), x=(B, 3):bool, mask=None"),
        NET.format(pin="").replace("mask=None", "**more") + 's = "# pymodel: x=(B,"\n',
        NET.format(pin="  # pymodel: y=(B, 3)").replace("mask=None", "**more"),
        "class Base(nn.Module):\n    def forward(self, y): ...\nclass Net(Base):  # pymodel: y=(B, 3)\n    pass\n",
    ],
)
def test_what_is_right_or_cannot_be_known_is_let_be(text: str) -> None:
    assert find_pin_faults(parse_document("/a.py", text)) == ()


@pytest.mark.parametrize("key", ["models/net.py::Net", "models.net:Net", "Net"])
def test_a_table_names_a_model_in_three_ways(key: str) -> None:
    document = parse_document("/w/models/net.py", NET.format(pin=""))
    table = PinTable("setting", "/w", {key: "Net(width=64), x=(B, 3)", "other.py::Net": "Net(1)"})
    (pin,) = find_table_pins(find_models(document), (table,))
    assert (pin.target, pin.construction, pin.inputs) == ("/w/models/net.py::Net", "Net(width=64)", ("x=(B, 3)",))
    assert pin.source == "setting"


def test_the_nearest_project_file_counts_and_none_above_the_workspace(tmp_path: Path) -> None:
    inner = tmp_path / "packages" / "a"
    inner.mkdir(parents=True)
    (tmp_path / "pyproject.toml").write_text('[tool.pymodel.pins]\n"packages/a/net.py::Net" = "Net(1)"\n')
    (inner / "pyproject.toml").write_text("[project]\nname = 'a'\n")
    path = str(inner / "net.py")
    found = find_project_table(path, str(tmp_path))
    assert found is not None
    assert found.path == str(tmp_path / "pyproject.toml")
    assert find_project_table(path, str(inner)) is None
    (inner / "pyproject.toml").write_text('[tool.pymodel]\n"net.py::Net" = "Net(2)"\n')
    nearest = find_project_table(path, str(tmp_path))
    assert nearest is not None
    assert nearest.entries == {"net.py::Net": "Net(2)"}


def test_the_faults_of_a_table_lead_to_their_line(tmp_path: Path) -> None:
    table = '[tool.pymodel.pins]\n"net.py::Net" = "x=(B,"\n"net.py::Nat" = "x=(B, 3)"\n"other.py::Net" = "("\n'
    (tmp_path / "pyproject.toml").write_text(table)
    document = parse_document(str(tmp_path / "net.py"), NET.format(pin=""))
    found = find_project_table(document.path)
    assert found is not None
    bad, unused = find_table_faults(document, find_models(document), (found,))
    assert (bad.code, bad.start.line, bad.related[0].start.line) == ("bad-pin", 1, 2)
    assert (unused.code, unused.related[0].start.line) == ("unused-pin", 3)
    assert "this file holds Net" in unused.message


def test_a_formatted_input_is_a_pin_again() -> None:
    given = Input("x", "position", ("B", 3), "int64", "torch.zeros(B, 3)", Source("search"))
    assert format_input(given) == "x=(B, 3):int64"
    assert parse_input(format_input(given)).spec == TensorSpec(("B", 3), "int64")
