"""Sampled steps of layers: each read when it is asked for, whatever happened to the file."""

from __future__ import annotations

import math
from pathlib import Path

from pymodel.runs import SampledSteps
from pymodel.runs.layers import LayerWriter, find_ailing_layers, layers_path


def write(folder: Path, *steps: int, zeros: float = 0.5) -> None:
    writer = LayerWriter(folder)
    for step in steps:
        writer.append(step, 10.0 + step, {"fc": {"std": step / 3, "zeros": zeros, "grad_norm": math.nan}})
    writer.close()


def test_a_step_is_that_before_or_the_first_or_the_last(tmp_path: Path) -> None:
    assert SampledSteps(tmp_path).read() is None
    write(tmp_path, 5, 9, 14)
    sampled = SampledSteps(tmp_path)
    assert sampled.steps == (5, 9, 14)
    asked = {None: 14, 1: 5, 5: 5, 8: 5, 9: 9, 13: 9, 1000: 14}
    found = {step: sampled.read(step) for step in asked}
    assert {step: row and row.step for step, row in found.items()} == asked
    assert found[5] is not None
    assert found[5].layers == {"fc": {"std": 1.667, "zeros": 0.5, "grad_norm": "nan"}}


def test_a_run_that_went_back_keeps_what_it_did_then(tmp_path: Path) -> None:
    write(tmp_path, 5, 9, 14, zeros=1.0)
    write(tmp_path, 8, 12)
    sampled = SampledSteps(tmp_path)
    assert sampled.steps == (5, 8, 12)
    assert [row.layers["fc"]["zeros"] for step in sampled.steps if (row := sampled.read(step))] == [1.0, 0.5, 0.5]


def test_damage_and_a_torn_line_cost_no_other_step(tmp_path: Path) -> None:
    write(tmp_path, 5)
    with layers_path(tmp_path).open("a") as file:
        file.write('no row\n{"step": 7, "layers": "none"}\n')
    write(tmp_path, 9)
    with layers_path(tmp_path).open("a") as file:
        file.write('{"step": 12, "time": 3, "lay')
    sampled = SampledSteps(tmp_path)
    assert sampled.read(7) is None
    assert [step for step in sampled.steps if sampled.read(step) is not None] == [5, 9]
    assert sampled.find_ailing() == ()


def test_what_ails_is_told_as_of_a_step(tmp_path: Path) -> None:
    write(tmp_path, 1, 2, 3, 4, zeros=1.0)
    write(tmp_path, 5)
    sampled = SampledSteps(tmp_path)
    assert [len(sampled.find_ailing(step)) for step in (1, 2, 3, 4, 5)] == [0, 0, 1, 1, 0]
    (found,) = sampled.find_ailing(4)
    assert (found.module, found.state, found.step) == ("fc", "dead", 3)
    assert find_ailing_layers(tmp_path) == ()
