"""Classes that override what torch calls, and functions that torch's kernels on meta let pass: each is traced as it
runs, and what trips the engine itself takes no other model of the file along."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from pymodel.schema import Trace, Traced
from pymodel.trace.kernels import LIBRARIES

from .analyst import FIXTURES, Analyst

PATH = FIXTURES / "resolve" / "own_ways.py"


@pytest.fixture(scope="module")
def traces() -> dict[str, Trace]:
    analyst = Analyst("fork")
    try:
        found = [event.trace for event in analyst.analyse(PATH) if isinstance(event, Traced)]
    finally:
        analyst.stop()
    return {each.target.rpartition("::")[2]: each for each in found}


@pytest.mark.parametrize(
    ("name", "dims"),
    [
        ("Layer", ("B", 12)),
        ("Scripted", ("B", 3, "H", "W")),
        ("Voting", ("B", "T", 4)),
        ("Mixer", ("B", 100)),
        ("Gate", ("B", 64)),
        ("Cast", ("B", 16)),
        ("Located", ("B", 10)),
        ("Synced", ("B", 15)),
    ],
)
def test_traced_as_it_runs(traces: dict[str, Trace], name: str, dims: tuple[object, ...]) -> None:
    trace = traces[name]
    assert trace.status == "complete", trace.attempts
    assert [each.dims for each in trace.inputs] == [dims]


def test_a_sparse_matrix_times_a_dense_one_is_dense(traces: dict[str, Trace]) -> None:
    trace = traces["Spread"]
    assert trace.status == "complete", trace.attempts
    assert [each.dims for each in trace.inputs] == [("B", 18), (2, "E")]
    assert trace.modules[0].outputs == (("B", 6),)


def test_a_model_that_trips_the_engine_leaves_the_others(traces: dict[str, Trace]) -> None:
    (told,) = traces["Hostile"].diagnostics
    assert traces["Hostile"].status == "failed"
    assert told.message == "RuntimeError: not here"
    assert (
        PATH.read_text(encoding="utf-8").splitlines()[told.start.line - 1].strip() == 'raise RuntimeError("not here")'
    )
    assert len(traces) == 10


@pytest.mark.parametrize("dim", [-3, 2])
def test_an_axis_that_is_not_there_is_refused_as_on_the_cpu(dim: int) -> None:
    def words(call: object, device: str) -> str:
        assert callable(call)
        with pytest.raises(IndexError) as caught:
            call(torch.zeros(3, 4, device=device))
        return str(caught.value)

    def softmax(x: Tensor) -> Tensor:
        return x.softmax(dim)

    def sort(x: Tensor) -> Tensor:
        return x.sort(dim=dim).values

    assert LIBRARIES
    for call in (softmax, sort):
        assert words(call, "meta") == words(call, "cpu")
