"""Which sizes of an input become symbols, from where on and in which steps; each claim is held against real runs."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from textwrap import dedent, indent
from typing import Any

import pytest

from pymodel.worker.client import Worker

from .truth.check import check_document
from .truth.claim import claims_of

HEAD = """\
import torch
import torch.nn as nn
import torch.nn.functional as F


class Net(nn.Module):{pin}
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 3, stride=2, padding=1)
        self.norm = nn.InstanceNorm2d(8)
        self.head = nn.Linear(8 * 16 * 16, 5)

    def forward(self, x):
{body}

net = Net()
net(torch.randn(4, 3, 32, 32))
"""
HALVES = "y = self.conv(x)\nreturn y\n"


@pytest.fixture(scope="module")
def worker() -> Iterator[Worker]:
    with Worker() as process:
        yield process


def claim(worker: Worker, folder: Path, forward: str, pin: str = "", head: str = HEAD) -> Any:
    path = folder / "sizes.py"
    path.write_text(head.format(body=indent(dedent(forward), " " * 8), pin=pin), encoding="utf-8")
    [document] = claims_of(worker, path, "Net")
    report = check_document(document)
    assert not report.disagreements, str(report)
    return document


def dims_of(document: Any, name: str) -> list[int | str]:
    return next(each["dims"] for each in document["values"] if each["name"] == name)  # type: ignore[no-any-return]


def test_height_and_width_vary_where_the_model_lets_them(worker: Worker, tmp_path: Path) -> None:
    found = claim(worker, tmp_path, HALVES)
    assert found["inputs"][0]["dims"] == ["B", 3, "H", "W"]
    assert dims_of(found, "y") == ["B", 8, "(H-1)//2+1", "(W-1)//2+1"]
    assert [each["meaning"] for each in found["symbols"].values()] == ["batch", "height", "width"]


def test_the_codes_own_names_come_first(worker: Worker, tmp_path: Path) -> None:
    found = claim(worker, tmp_path, "n, c, rows, columns = x.shape\ny = self.conv(x).flatten(2)\nreturn y\n")
    assert list(found["symbols"]) == ["n", "rows", "columns"]


@pytest.mark.parametrize(
    "body", ["y = self.conv(x)\nreturn self.head(y.flatten(1))\n", HALVES], ids=["model", "author"]
)
def test_what_the_model_or_its_author_fixes_stays_a_number(worker: Worker, tmp_path: Path, body: str) -> None:
    pin = "  # pymodel: Net(), x=(B, 3, 32, 32)" if body == HALVES else ""
    found = claim(worker, tmp_path, body, pin)
    assert found["inputs"][0]["dims"] == ["B", 3, 32, 32]
    assert dims_of(found, "y") == ["B", 8, 16, 16]


def test_sizes_that_must_halve_are_multiples(worker: Worker, tmp_path: Path) -> None:
    found = claim(worker, tmp_path, "y = F.interpolate(self.conv(x), scale_factor=2)\nreturn torch.cat([y, x], 1)\n")
    assert [(each["multiple_of"], each["min"]) for each in found["symbols"].values()] == [(1, 1), (2, 2), (2, 2)]
    assert dims_of(found, "y") == ["B", 8, "H", "W"]


def test_where_finer_steps_leave_something_open_coarser_ones_tell_all(worker: Worker, tmp_path: Path) -> None:
    """What is padded is the difference of two floors, which no form has; of multiples it is 0."""
    found = claim(
        worker,
        tmp_path,
        """\
        y = F.interpolate(self.conv(F.max_pool2d(x, 2)), scale_factor=4)
        y = F.pad(y, [0, x.shape[3] - y.shape[3], 0, x.shape[2] - y.shape[2]])
        return torch.cat([y, x], 1)
        """,
    )
    assert not any(each["assumed"] for each in found["values"])


def test_the_smallest_size_that_is_claimed_was_seen(worker: Worker, tmp_path: Path) -> None:
    """An image of one pixel cannot be normalised, which a pixel in only one direction can."""
    found = claim(worker, tmp_path, "y = self.norm(self.conv(x))\nreturn y\n")
    path = tmp_path / "sizes.py"
    smallest = {name: symbol["min"] for name, symbol in found["symbols"].items()}
    namespace: dict[str, Any] = {}
    exec(path.read_text(encoding="utf-8"), namespace)
    sizes = smallest["B"], 3, smallest["H"], smallest["W"]
    assert namespace["Net"]()(namespace["torch"].randn(sizes)).shape[0] == smallest["B"]


def test_where_the_model_fails_sizes_are_claimed_from_the_smallest_that_fails_alike(
    worker: Worker, tmp_path: Path
) -> None:
    path = tmp_path / "broken.py"
    body = "y = self.conv(x)\nreturn y + torch.ones(len(x), 8, 3, 5)"
    path.write_text(HEAD.format(body=indent(body, " " * 8), pin=""), encoding="utf-8")
    [document] = claims_of(worker, path, "Net")
    assert document["status"] == "partial"
    assert document["inputs"][0]["dims"] == ["B", 3, 32, 32]
    assert 1 <= document["symbols"]["B"]["min"] <= 2
