"""Which losses a step descends, and what one number says of them."""

from __future__ import annotations

from types import CodeType

import pytest

from pymodel.monitor.frames import Place
from pymodel.monitor.losses import Loss, LossSummary, PendingLosses


def place(line: int) -> Place:
    code: CodeType = compile("0", f"{line}.py", "exec")
    return ((code, line),)


HERE, THERE = place(1), place(2)
D, G = 1, 2
"""Two optimizers."""


def test_each_optimizer_gets_the_losses_behind_which_its_parameters_are() -> None:
    pending: PendingLosses[float] = PendingLosses()
    pending.add(Loss(1.0, HERE, reaches={10, 11}))
    pending.add(Loss(2.0, THERE, reaches={20}))
    assert [each.value for each in pending.take(D, {10})] == [1.0]
    assert [each.value for each in pending.take(G, {20, 21})] == [2.0]
    pending.add(Loss(3.0, THERE, reaches={10, 20}))
    assert [each.value for each in pending.take(G, {20})] == [3.0]
    assert [each.value for each in pending.take(D, {10})] == [3.0]


def test_a_loss_whose_gradients_were_cleared_counts_no_more() -> None:
    pending: PendingLosses[float] = PendingLosses()
    pending.add(Loss(1.0, HERE))
    pending.clear(D)
    pending.add(Loss(2.0, HERE))
    assert [each.value for each in pending.take(D, {10})] == [2.0]


def test_losses_wait_for_their_own_optimizer_while_another_steps() -> None:
    pending: PendingLosses[float] = PendingLosses()
    pending.add(Loss(1.0, HERE, reaches={10}))
    pending.add(Loss(2.0, THERE, reaches={20}))
    pending.take(G, {20})
    pending.add(Loss(3.0, HERE, reaches={10}))
    assert [each.value for each in pending.take(D, {10})] == [1.0, 3.0]


@pytest.mark.parametrize(
    ("losses", "value", "total", "words"),
    [
        ([Loss(0.5, HERE)], 0.5, None, "the loss of each step"),
        ([Loss(0.25, HERE, 2.0), Loss(0.5, HERE, 2.0)], 0.75, None, "the mean over a step's micro-batches"),
        ([Loss(0.25, HERE), Loss(0.5, HERE)], 0.75, None, "the sum of a step's 2 backward passes"),
        ([Loss(0.25, HERE), Loss(0.5, THERE)], 0.75, None, "the sum of the 2 losses of a step"),
        ([Loss(0.5, HERE, in_step=True), Loss(0.25, HERE, in_step=True)], 0.5, None, "the closure's first evaluation"),
        ([Loss(0.5, HERE, 2.0)], 0.5, None, "the loss of each step"),
    ],
)
def test_one_number_and_what_it_is(losses: list[Loss[float]], value: float, total: float | None, words: str) -> None:
    found = LossSummary().of_step(losses)
    assert found is not None
    assert (found.value, found.sum, found.count) == (value, total, len(losses))
    assert found.meaning.startswith(words)


def test_a_step_of_fewer_micro_batches_counts_as_their_mean() -> None:
    summary = LossSummary()
    summary.of_step([Loss(0.25, HERE, 2.0), Loss(0.5, HERE, 2.0)])
    found = summary.of_step([Loss(0.25, HERE, 2.0)])
    assert found is not None
    assert (found.value, found.sum) == (0.5, 0.25)
    assert summary.of_step([]) is None
