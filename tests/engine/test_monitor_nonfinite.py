"""Where NaN came from first: the step, the module, the line, what went in; and the same again, replayed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from pymodel import runs
from pymodel.schema import NonFinite

from .scripts import SCRIPTS, Ended, Scripts


@pytest.fixture(scope="module")
def scripts() -> Iterator[Scripts]:
    warm = Scripts()
    yield warm
    warm.close()


def found_in(ended: Ended) -> NonFinite:
    assert ended.code == 0, ended.errors
    known = runs.read_monitored(ended.run)
    assert known is not None
    assert known.nonfinite is not None
    return known.nonfinite


def line_of(text: str) -> int:
    return (SCRIPTS / "planted.py").read_text().splitlines().index(text) + 1


def test_a_division_by_zero_in_layer_7_at_step_40_is_named_and_replayed(scripts: Scripts, tmp_path: Path) -> None:
    ended = scripts.run(tmp_path / "run", "planted.py", "7", "counted", options=("--save-batch",))
    found = found_in(ended)
    assert (found.step, found.value, found.module) == (40, "nan", "blocks.7")
    assert found.operation == "torch.Tensor.div"
    assert (found.path, found.line) == (str(ended.folder / "planted.py"), line_of("            h = h / (h - h)"))
    assert [(each.shape, each.nonfinite, each.maximum) for each in found.operands][1] == ((16, 8), 0, 0.0)
    assert [row.step for row in found.recent][-3:] == [38, 39, 40]
    assert "train/loss" in found.recent[0].values
    assert found.layers.keys() >= {"blocks.7", "blocks.7.fc", "head"}
    plain = scripts.run(tmp_path / "plain", "planted.py", "7", "counted", plain=True)
    assert ended.output == plain.output

    assert found.batch is not None
    kept = torch.load(ended.run / found.batch, weights_only=True)
    assert (kept["step"], kept["arguments"][0].shape) == (40, (16, 8))
    replayed = scripts.run(ended.folder, "planted.py", replayed="run")
    assert replayed.code == 0, replayed.errors
    lines = replayed.output.decode().splitlines()
    assert lines[0] == "step 40: `torch.Tensor.div` in `blocks.7` was the first to give NaN."
    assert lines[1] == f"{found.path}:{found.line}"


def test_weights_that_were_nan_before_are_named(scripts: Scripts, tmp_path: Path) -> None:
    found = found_in(scripts.run(tmp_path / "run", "planted.py", "3", "weights"))
    assert (found.step, found.module, found.operation) == (40, "blocks.3.fc", "torch.nn.functional.linear")
    assert [each.name for each in found.operands if each.nonfinite] == ["blocks.3.fc.weight"]
    assert found.line == line_of("        h = torch.relu(self.fc(self.norm(x)))")


def test_behind_the_model_it_is_the_loss_s_line(scripts: Scripts, tmp_path: Path) -> None:
    found = found_in(scripts.run(tmp_path / "run", "planted.py", "0", "loss"))
    assert (found.step, found.operation, found.module) == (40, None, "head")
    assert found.line == line_of("        loss = loss * torch.log(-loss)")
    assert "all values are finite" in found.words


def test_a_run_without_a_batch_says_how_to_keep_one(scripts: Scripts, tmp_path: Path) -> None:
    ended = scripts.run(tmp_path / "run", "planted.py", "3", "weights")
    again = scripts.run(ended.folder, "planted.py", replayed="run")
    assert again.code == 3
    assert "--save-batch" in again.errors
