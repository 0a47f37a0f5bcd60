"""What is claimed of models as people write them, against the same models run for real."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from pymodel.worker.client import Worker

from .truth.check import check_document, check_file
from .truth.claim import claim_of_command, claims_of

MODELS = Path(__file__).resolve().parent.parent / "fixtures/truth"
TARGETS = (MODELS / "targets.txt").read_text(encoding="utf-8").split()
"""The models to check, one of each file: `kind/file.py::Name`."""


@pytest.fixture(scope="module")
def worker() -> Iterator[Worker]:
    with Worker() as process:
        yield process


@pytest.mark.parametrize("target", TARGETS)
def test_claims_are_true(worker: Worker, target: str) -> None:
    path, _, name = target.partition("::")
    [report] = check_file(worker, MODELS / path, name)
    assert not report.disagreements, str(report)
    assert report.checked > 5


def test_the_command_claims_the_same() -> None:
    report = check_document(claim_of_command(str(MODELS / "cnn/lenet_script.py::Net")))
    assert not report.disagreements, str(report)


def _named(document: Any, kind: str) -> Any:
    return next(
        each for each in document["values"] if each["name"] and each["kind"] == kind and each["phase"] == "forward"
    )


def _call(document: Any) -> Any:
    return next(each for each in document["values"] if not each["name"] and each["text"] == "self.conv(compressed)")


def _wrong_dims(document: Any) -> None:
    _named(document, "tensor")["dims"][-1] = 999


def _wrong_symbol(document: Any) -> None:
    value = _named(document, "tensor")
    value["dims"][0] = f"{value['dims'][0]}+1"


def _unknown_symbol(document: Any) -> None:
    _named(document, "tensor")["dims"][0] = "u0"


def _wrong_dtype(document: Any) -> None:
    _named(document, "tensor")["dtype"] = "float64"


def _wrong_int(document: Any) -> None:
    _named(document, "int")["value"] = 999


def _wrong_item(document: Any) -> None:
    value = next(each for each in document["values"] if each["name"] and each["kind"] == "tuple" and any(each["items"]))
    value["items"][0] = 999


def _wrong_occurrence(document: Any) -> None:
    value = next(each for each in document["values"] if each["name"] and each["occurrences"])
    value["occurrences"][-1][-1] = 999


def _lost_occurrence(document: Any) -> None:
    next(each for each in document["values"] if each["name"] and each["occurrences"])["occurrences"].pop()


def _lost_value(document: Any) -> None:
    document["values"].remove(_named(document, "tensor"))


def _misplaced_value(document: Any) -> None:
    _named(document, "tensor")["start"]["column"] += 1


def _wrong_call(document: Any) -> None:
    _call(document)["dims"][-1] = 999


def _wrong_range(document: Any) -> None:
    _call(document)["end"]["column"] += 1


def _lost_call(document: Any) -> None:
    document["values"].remove(_call(document))


def _wrong_output(document: Any) -> None:
    next(each for each in document["modules"] if each["outputs"])["outputs"][0][0] = 999


def _wrong_input(document: Any) -> None:
    document["inputs"][0]["expression"] = "torch.randn(B, 5)"


@pytest.fixture(scope="module")
def true_claim(worker: Worker) -> Any:
    [document] = claims_of(worker, MODELS / "cnn/senet.py", "SENet")
    return document


@pytest.mark.parametrize(
    "corrupt",
    [
        *(_wrong_dims, _wrong_symbol, _unknown_symbol, _wrong_dtype, _wrong_int, _wrong_item, _wrong_occurrence),
        *(_lost_occurrence, _lost_value, _misplaced_value, _wrong_output, _wrong_input),
        *(_wrong_call, _wrong_range, _lost_call),
    ],
)
def test_a_claim_that_is_wrong_is_caught(true_claim: Any, corrupt: Callable[[Any], None]) -> None:
    corrupted = copy.deepcopy(true_claim)
    corrupt(corrupted)
    assert corrupted != true_claim
    assert check_document(corrupted).disagreements
