"""Pins: the grammar of the contracts, from each place where one may stand."""

from __future__ import annotations

from pathlib import Path

import pytest

from pymodel.discover.document import parse_document
from pymodel.discover.pins import (
    ContainerSpec,
    LiteralSpec,
    PinError,
    TensorSpec,
    find_pin_faults,
    find_pins,
    find_project_pins,
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


def test_pins_of_a_project(tmp_path: Path) -> None:
    table = '[tool.pymodel.pins]\n"models/net.py::Net" = "Net(width=64), x=(B, 3, 12, 12)"\n'
    (tmp_path / "pyproject.toml").write_text(table)
    (pin,) = find_project_pins(str(tmp_path))
    assert pin.target == f"{tmp_path / 'models' / 'net.py'}::Net"
    assert (pin.construction, pin.inputs, pin.source) == ("Net(width=64)", ("x=(B, 3, 12, 12)",), "pyproject")
    assert find_project_pins(str(tmp_path / "nowhere")) == ()


def test_a_formatted_input_is_a_pin_again() -> None:
    given = Input("x", "position", ("B", 3), "int64", "torch.zeros(B, 3)", Source("search"))
    assert format_input(given) == "x=(B, 3):int64"
    assert parse_input(format_input(given)).spec == TensorSpec(("B", 3), "int64")
