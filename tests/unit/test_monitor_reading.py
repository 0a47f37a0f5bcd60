"""What the monitor reads: lines of output, lines of code, and samples of layers."""

from __future__ import annotations

import sys
from pathlib import Path
from types import FrameType, SimpleNamespace

import pytest

from pymodel.monitor.printed import PrintedValues
from pymodel.monitor.progress import count
from pymodel.monitor.sites import find_loops, find_loss_line, read_source
from pymodel.runs.layer_findings import LayerHistory


def told(text: str) -> list[tuple[str, float]]:
    found: list[tuple[str, float]] = []
    PrintedValues(lambda name, value: found.append((name, value))).note(text)
    return found


@pytest.mark.parametrize(
    ("line", "values"),
    [
        ("step 250: train loss 2.4210, val loss 2.4338", [("train_loss", 2.421), ("val_loss", 2.4338)]),
        ("[3/20] Loss_D: 0.8492 Loss_G: 1.2167", []),
        ("Test set: Average loss: 0.0411, Accuracy: 98.5%", [("test_average_loss", 0.0411), ("test_accuracy", 98.5)]),
        ("epoch 3 | acc=0.91 | f1=0.5", [("acc", 0.91), ("f1", 0.5)]),
        ("gradient_accumulation_steps = 4", []),
        ("accelerate 1.15.0 is installed, errors 3", []),
        ("loss: nan", [("loss", float("nan"))]),
        ("lossless codec 2.5", []),
        ("top_score = 4", []),
    ],
)
def test_values_of_a_line(line: str, values: list[tuple[str, float]]) -> None:
    assert str(told(f"{line}\n")) == str(values)


def test_a_doubtful_name_counts_when_it_comes_again_and_lines_may_come_in_parts() -> None:
    assert told("reward = 4\nreward = 5\n") == [("reward", 5.0)]
    found: list[tuple[str, float]] = []
    values = PrintedValues(lambda name, value: found.append((name, value)))
    for part in ("val lo", "ss 0", ".5", "\r", "val loss 0.25\n"):
        values.note(part)
    assert found == [("val_loss", 0.5), ("val_loss", 0.25)]


SCRIPT = """\
def train(args, loader):
    for epoch in range(1, args.epochs + 1):
        for x in loader:
            out = model(x)
            loss = criterion(out)
            if args.extra:
                other = loss + 1
            scaler.scale(loss).backward()
            optimizer.step()

def closure():
    value = f()
    accelerator.backward(value)
    return value
"""


def test_lines_of_code(tmp_path: Path) -> None:
    (tmp_path / "script.py").write_text(SCRIPT)
    source = read_source(str(tmp_path / "script.py"))
    assert find_loss_line(source, 8) == 5
    assert find_loss_line(source, 13) == 12
    assert find_loss_line(source, 2) is None
    assert [(loop.line, loop.variable) for loop in find_loops(source, 9)] == [(3, None), (2, "epoch")]
    assert source.text(9) == "optimizer.step()"


def test_progress_is_read_and_nothing_is_run(tmp_path: Path) -> None:
    class Noisy:
        @property
        def epochs(self) -> int:
            raise AssertionError("a property is the script's code")

    path = tmp_path / "script.py"
    path.write_text("for epoch in range(2, args.epochs * 2 + 1, 2):\n    step()\n")
    (loop,) = find_loops(read_source(str(path)), 2)
    assert count(loop, frame_with(SimpleNamespace(epochs=5), 6)) == (3, 5)
    assert count(loop, frame_with(Noisy(), 6)) == (3, None)


def frame_with(args: object, epoch: int) -> FrameType:
    return sys._getframe()


def test_layers_that_do_not_learn_are_named() -> None:
    history = LayerHistory()
    healthy = {"mean": 0.0, "std": 1.0, "zeros": 0.4, "grad_norm": 1.0}
    for step in range(1, 6):
        samples = {
            "good": healthy,
            "relu": {"mean": 0.0, "std": 0.0, "zeros": 1.0},
            "first": healthy | {"grad_norm": 1e-9},
            "last": healthy | {"grad_norm": 1e4 if step == 5 else 1.0},
            "wide": healthy | {"std": 1e7},
        }
        history.add(step, samples)
        if step == 2:
            assert history.findings == ()
    found = {(each.module, each.state): each.step for each in history.findings}
    assert found == {("relu", "dead"): 3, ("first", "vanishing"): 3, ("wide", "exploding"): 3, ("last", "exploding"): 5}
    history.add(6, {"relu": healthy})
    assert ("relu", "dead") not in {(each.module, each.state) for each in history.findings}
