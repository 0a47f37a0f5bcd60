"""What the truth harness found wrong or missing, each as the smallest model that shows it."""

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


class Net(nn.Module):  # pymodel: Net(), x=(B, T, 8)
    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(8, 6)

    def forward(self, x):
"""


@pytest.fixture(scope="module")
def worker() -> Iterator[Worker]:
    with Worker() as process:
        yield process


def claim(worker: Worker, folder: Path, forward: str, head: str = HEAD) -> Any:
    """The claim for a model with this body of `forward`, found to be true."""
    path = folder / "regression.py"
    path.write_text(head + indent(dedent(forward), " " * 8), encoding="utf-8")
    [document] = claims_of(worker, path, "Net")
    report = check_document(document)
    assert not report.disagreements, str(report)
    return document


def named(document: Any, name: str, phase: str = "forward") -> Any:
    return next(each for each in document["values"] if each["name"] == name and each["phase"] == phase)


def test_an_attribute_that_is_assigned_is_a_name(worker: Worker, tmp_path: Path) -> None:
    found = claim(
        worker,
        tmp_path,
        """\
        self.h, self.state.last = self.fc(x), x[:, -1]
        return self.h
        """,
        HEAD.replace(
            "\n    def forward", "        self.state = nn.Identity()\n        self.width = 6\n\n    def forward"
        ),
    )
    assert named(found, "self.h")["dims"] == ["B", "T", 6]
    assert named(found, "self.state.last")["dims"] == ["B", 8]
    assert named(found, "self.width", "init")["value"] == 6


def test_targets_of_comprehensions_are_names(worker: Worker, tmp_path: Path) -> None:
    found = claim(worker, tmp_path, "return torch.stack([step * n for n, step in enumerate(x.unbind(2)) if n])")
    step = named(found, "step")
    assert (step["dims"], len(step["occurrences"])) == (["B", "T"], 7)


def test_parameters_of_lambdas_are_names(worker: Worker, tmp_path: Path) -> None:
    found = claim(worker, tmp_path, "act = lambda v, scale=x.size(1): v * scale\nreturn act(self.fc(x))")
    assert named(found, "v")["dims"] == ["B", "T", 6]
    assert named(found, "scale")["value"] == "T"


def test_names_that_patterns_bind(worker: Worker, tmp_path: Path) -> None:
    found = claim(
        worker,
        tmp_path,
        """\
        match x, 2:
            case (torch.Tensor() as first, n):
                return first * n
        """,
    )
    assert named(found, "first")["dims"] == ["B", "T", 8]
    assert named(found, "n")["value"] == 2


def test_an_augmented_item_is_evaluated_once(worker: Worker, tmp_path: Path) -> None:
    """The index has an effect, and the item read again would be an operation that the model does not have."""
    found = claim(
        worker,
        tmp_path,
        """\
        steps = iter(range(8))
        y = x.clone()
        for _ in range(3):
            y[..., next(steps)] += 1
        return y[..., next(steps) :]
        """,
    )
    assert found["modules"][0]["outputs"] == [["B", "T", 5]]
    assert len([each for each in found["values"] if each["text"] == "next(steps)"]) == 2


def test_what_was_seen_at_one_size_only_is_assumed(worker: Worker, tmp_path: Path) -> None:
    found = claim(
        worker,
        tmp_path,
        """\
        sizes = 0, x.size(1) ** 3 + 2 ** x.size(1)
        if x.size(1) == 13:
            x = x[:, 1:]
        return self.fc(x)
        """,
    )
    cut = next(each for each in found["values"] if each["text"] == "x[:, 1:]")
    assert cut["assumed"]
    assert named(found, "sizes")["assumed"], "no form that is known fits the second"


def test_a_name_that_a_target_binds_twice_holds_the_last(worker: Worker, tmp_path: Path) -> None:
    found = claim(worker, tmp_path, "_, _, width = x.size()\nreturn x * width")
    assert [each["value"] for each in found["values"] if each["name"] == "_"] == ["T"]


def test_modules_of_loops_over_a_symbol_follow_it(worker: Worker, tmp_path: Path) -> None:
    """The runs at several sizes do different numbers of operations."""
    found = claim(
        worker,
        tmp_path,
        """\
        h = x.new_zeros(x.size(0), 6)
        for step in range(x.size(1)):
            h = h + self.fc(x[:, step])
        return h
        """,
    )
    assert next(each for each in found["modules"] if each["path"] == "fc")["outputs"] == [["B", 6]]


def test_autocast_lowers_what_it_lowers_on_the_cpu(worker: Worker, tmp_path: Path) -> None:
    found = claim(
        worker,
        tmp_path,
        """\
        with torch.autocast("cpu", dtype=torch.bfloat16):
            y = self.fc(x)
            z = y.softmax(-1) + y @ y.mT @ y
            attended, weights = self.attention(x, x, x)
            loss = F.mse_loss(z, y)
        return y.float(), z, attended, weights, loss
        """,
        HEAD.replace("\n    def forward", "        self.attention = nn.MultiheadAttention(8, 2)\n\n    def forward"),
    )
    dtypes = {name: named(found, name)["dtype"] for name in ("y", "z", "attended", "weights", "loss")}
    assert dtypes == {**dict.fromkeys(("y", "z", "attended", "weights"), "bfloat16"), "loss": "float32"}


def test_an_error_that_the_code_catches_is_a_branch_and_no_fault(worker: Worker, tmp_path: Path) -> None:
    found = claim(
        worker,
        tmp_path,
        """\
        try:
            y = x.view(x.size(0), 3, 1000)
        except (ValueError, RuntimeError) as error:
            y = x.flatten(1)
        return y
        """,
    )
    assert found["status"] == "complete"
    assert "error" not in {each["severity"] for each in found["diagnostics"]}
    assert [each["dims"] for each in found["values"] if each["name"] == "y"] == [["B", "8*T"]]
