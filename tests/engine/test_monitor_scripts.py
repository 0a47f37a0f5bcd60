"""Scripts as people write them, unmodified: what is captured against what an instrumented copy notes; and that a
monitored script prints and learns what a plain one does, to the bit."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from pymodel import runs

from .scripts import ROOT, SCRIPTS, Ended, Scripts

PAGE = ROOT / "docs" / "monitor.md"
PROLOGUE = "import atexit, json\nTRUE = []\natexit.register(lambda: json.dump(TRUE, open('true.json', 'w')))\n"
FRAMEWORKS = ("hf_trainer", "lightning_fit", "accelerated")


@dataclass(frozen=True)
class Case:
    """A script; the line that its instrumented copy has in place of `line`; how many losses make a step."""

    title: str
    script: str
    line: str
    noted: str
    arguments: tuple[str, ...] = ()
    metrics: tuple[str, ...] = ("train/loss",)
    micro_batches: int = 1
    prints_times: bool = False


CASES = {
    "nanogpt": Case(
        "nanoGPT's loop: 4 micro-batches, evaluation lines, clipping",
        "nanogpt.py",
        "logits, loss = model(X, Y)",
        "logits, loss = model(X, Y); TRUE.append(loss.item())",
        micro_batches=4,
    ),
    "mnist": Case(
        "pytorch/examples' mnist", "mnist.py", "loss.backward()", "TRUE.append(loss.item()); loss.backward()"
    ),
    "gan": Case(
        "DCGAN's loop: two optimizers, three backward passes",
        "gan.py",
        "optimizerG.step()",
        "optimizerG.step(); TRUE += [errD.item(), errG.item()]",
        metrics=("train/optimizerD/loss", "train/optimizerG/loss"),
    ),
    "lbfgs": Case(
        "LBFGS with a closure",
        "lbfgs.py",
        "loss = optimizer.step(closure)",
        "loss = optimizer.step(closure); TRUE.append(loss.item())",
    ),
    "amp": Case(
        "autocast with a gradient scaler",
        "amp.py",
        "scaler.scale(loss)",
        "TRUE.append(loss.item()); scaler.scale(loss)",
    ),
    "compiled": Case("a compiled model", "compiled.py", "loss.backward()", "TRUE.append(loss.item()); loss.backward()"),
    "reinforce": Case(
        "REINFORCE",
        "reinforce.py",
        "policy_loss.backward()",
        "TRUE.append(policy_loss.item()); policy_loss.backward()",
    ),
    "workers-fork": Case(
        "forked loader workers",
        "workers.py",
        "loss.backward()",
        "TRUE.append(loss.item()); loss.backward()",
        ("fork",),
    ),
    "workers-spawn": Case(
        "spawned loader workers",
        "workers.py",
        "loss.backward()",
        "TRUE.append(loss.item()); loss.backward()",
        ("spawn",),
    ),
    "hf_trainer": Case(
        "Hugging Face's Trainer: 2 micro-batches",
        "hf_trainer.py",
        'return {"loss": nn.functional.cross_entropy(logits, labels), "logits": logits}',
        "loss = nn.functional.cross_entropy(logits, labels)\n"
        "        self.training and TRUE.append(loss.item())\n"
        '        return {"loss": loss, "logits": logits}',
        micro_batches=2,
        prints_times=True,
    ),
    "lightning_fit": Case(
        "Lightning: 2 micro-batches, 1 in an epoch's last step",
        "lightning_fit.py",
        "return loss",
        "TRUE.append(loss.item() if (batch_idx + 1) % 9 else [loss.item()]); return loss",
        micro_batches=2,
    ),
    "accelerated": Case(
        "accelerate: 2 micro-batches",
        "accelerated.py",
        "accelerator.backward(loss)",
        "TRUE.append(loss.item()); accelerator.backward(loss)",
        micro_batches=2,
    ),
}


@pytest.fixture(scope="module")
def plain_torch() -> Iterator[Scripts]:
    scripts = Scripts()
    yield scripts
    scripts.close()


@pytest.fixture(scope="module")
def frameworks() -> Iterator[Scripts]:
    scripts = Scripts("transformers.trainer", "pytorch_lightning", "accelerate")
    yield scripts
    scripts.close()


@pytest.fixture
def scripts(request: pytest.FixtureRequest, name: str) -> Scripts:
    found = request.getfixturevalue("frameworks" if name in FRAMEWORKS else "plain_torch")
    assert isinstance(found, Scripts)
    return found


def true_losses(case: Case, scripts: Scripts, folder: Path) -> list[float]:
    """The loss of each step, as an instrumented copy notes it: the mean of its micro-batches. A loss in a list is a
    step's last one, however many there are before it."""
    text = (SCRIPTS / case.script).read_text()
    assert case.line in text
    folder.mkdir()
    (folder / case.script).write_text(PROLOGUE + text.replace(case.line, case.noted))
    ended = scripts.run(folder, case.script, *case.arguments, plain=True)
    assert ended.code == 0, ended.errors
    steps: list[list[float]] = [[]]
    for noted in json.loads((folder / "true.json").read_text()):
        if len(steps[-1]) == case.micro_batches:
            steps.append([])
        steps[-1] += noted if isinstance(noted, list) else [noted]
        if isinstance(noted, list):
            steps.append([])
    return [sum(step) / len(step) for step in steps if step]


def captured_losses(ended: Ended, names: tuple[str, ...]) -> list[float]:
    rows, _ = runs.read_metrics(ended.run)
    return [float(row.values[name]) for row in rows for name in names if name in row.values]


@pytest.mark.parametrize("name", CASES)
def test_captured_is_true_and_nothing_is_changed(name: str, scripts: Scripts, tmp_path: Path) -> None:
    case = CASES[name]
    true = true_losses(case, scripts, tmp_path / "true")
    plain = scripts.run(tmp_path / "plain", case.script, *case.arguments, plain=True)
    monitored = scripts.run(tmp_path / "monitored", case.script, *case.arguments)
    assert (plain.code, monitored.code) == (0, 0), monitored.errors
    if not case.prints_times:
        assert monitored.output == plain.output
    assert (tmp_path / "monitored/weights.pt").read_bytes() == (tmp_path / "plain/weights.pt").read_bytes()

    captured = captured_losses(monitored, case.metrics)
    assert len(captured) == len(true) > 5
    for ours, theirs in zip(captured, true, strict=True):
        assert math.isclose(ours, theirs, rel_tol=1e-6), (ours, theirs)
    known = runs.read_monitored(monitored.run)
    assert known is not None
    assert not [gap for gap in known.gaps if "fault" in gap.why]
    assert runs.read_run(monitored.run).state == "completed"
    meaning = known.meanings[case.metrics[0]]
    assert f"| {case.title} | {len(true)} | {len(captured)} | {meaning} |" in PAGE.read_text(encoding="utf-8")


def test_every_row_of_the_page_is_of_a_case() -> None:
    rows = re.findall(r"^\| (.+?) \| \d+ \| \d+ \|", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    assert rows == [case.title for case in CASES.values()]


def test_rates_epochs_and_places_are_known(plain_torch: Scripts, tmp_path: Path) -> None:
    ended = plain_torch.run(tmp_path / "mnist", "mnist.py")
    rows, _ = runs.read_metrics(ended.run)
    steps = [row for row in rows if "train/loss" in row.values]
    assert [row.step for row in steps] == list(range(1, 33))
    assert [row.epoch for row in steps] == [1] * 16 + [2] * 16
    rates = [(row.step, row.values["learning_rate"]) for row in steps if "learning_rate" in row.values]
    assert rates[0] == (1, 1.0)
    assert (17, 0.7) in rates
    assert [row.values["printed/test_average_loss"] for row in rows if "printed/test_average_loss" in row.values]
    known = runs.read_monitored(ended.run)
    assert known is not None
    sites = {site.kind: site for site in known.sites}
    assert sites["loss"].text == "loss = F.nll_loss(output, target)"
    assert sites["loss"].value == steps[-1].values["train/loss"]
    assert (sites["step"].text, sites["step"].name) == ("optimizer.step()", "learning_rate")
    assert (sites["batch"].done, sites["batch"].total) == (16, 16)
    assert (sites["epoch"].done, sites["epoch"].total) == (2, 2)
    assert [model.class_name for model in known.models] == ["Net"]
    run = runs.read_run(ended.run)
    assert (run.kind, run.last_step, run.epoch, run.total_steps, run.device) == ("script", 32, 2, 32, "cpu")
    assert (ended.run / "source/mnist.py").read_bytes() == (SCRIPTS / "mnist.py").read_bytes()
    assert (ended.run / "log.txt").read_bytes() == ended.output


def test_layers_are_sampled(plain_torch: Scripts, tmp_path: Path) -> None:
    ended = plain_torch.run(tmp_path / "gan", "gan.py")
    row = runs.SampledSteps(ended.run).read()
    assert row is not None
    assert row.layers.keys() >= {"netD", "netD.0", "netD.2", "netG.0", "netG.1"}
    assert row.layers["netG.1"].keys() == {"mean", "std", "zeros"}
    assert row.layers["netD.0"].keys() == {"mean", "std", "zeros", "grad_norm", "update_ratio"}
    assert 0.2 < float(row.layers["netG.1"]["zeros"]) < 0.8
    assert 0 < float(row.layers["netD.0"]["update_ratio"]) < 0.1


def test_what_cannot_be_recorded_says_why(plain_torch: Scripts, tmp_path: Path) -> None:
    ended = plain_torch.run(tmp_path / "never", "never_steps.py")
    plain = plain_torch.run(tmp_path / "plain", "never_steps.py", plain=True)
    assert ended.output == plain.output
    known = runs.read_monitored(ended.run)
    assert known is not None
    assert [(gap.what, gap.why) for gap in known.gaps] == [
        ("steps", "no optimizer of torch has stepped; what is printed is recorded")
    ]
    rows, _ = runs.read_metrics(ended.run)
    assert rows[-1].values["printed/loss"] == pytest.approx(0.22215)
