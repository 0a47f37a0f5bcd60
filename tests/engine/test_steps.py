"""Training and evaluation code: what each line of a step holds, and what is wrong with it."""

from __future__ import annotations

from pathlib import Path

import pytest

from pymodel.discover.roots import find_import_roots
from pymodel.samples import PROJECT
from pymodel.schema import Analyse, Dims, Trace, Traced
from pymodel.worker.analyse import analyse

from .analyst import FIXTURES

STEPS = FIXTURES / "steps"
HEAD = "import torch\nfrom torch import nn\nfrom torch.utils.data import DataLoader, TensorDataset\n"
LOOP = """
loader = DataLoader(TensorDataset({data}), batch_size=32)
model = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, {width}))
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
for inputs, targets in loader:
    outputs = model(inputs)
    loss = {loss}
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
"""


def trace_script(path: Path) -> Trace:
    """The trace of a file's training code."""
    traces: list[Trace] = []
    request = Analyse(1, str(path), (f"{path}::__main__",), roots=find_import_roots(str(path), (str(path.parent),)))
    analyse(request, lambda message: traces.append(message.trace) if isinstance(message, Traced) else None)
    [trace] = traces
    return trace


def shapes(trace: Trace, path: Path, line: str) -> dict[str, Dims | None]:
    """What the names and expressions of the first line with this text hold, by their text."""
    number = next(n for n, text in enumerate(path.read_text().splitlines(), 1) if line in text)
    return {value.text: value.dims for value in trace.values if value.start.line == number}


def write_loop(folder: Path, data: str, loss: str, width: int = 3) -> Path:
    path = folder / "train.py"
    path.write_text(HEAD + LOOP.format(data=data, loss=loss, width=width))
    return path


def test_every_line_of_the_samples_training_loop_has_its_shapes() -> None:
    path = PROJECT / "image_classifier/train.py"
    trace = trace_script(path)
    assert trace.status == "complete"
    assert trace.diagnostics == ()
    assert shapes(trace, path, "for images, labels in loader:") == {"images": ("B", 3, 12, 12), "labels": ("B",)}
    assert shapes(trace, path, "outputs = model(images)")["outputs"] == ("B", 10)
    assert shapes(trace, path, "loss = criterion(outputs, labels)")["loss"] == ()
    assert shapes(trace, path, "correct += (model(images)")["model(images).argmax(dim=1) == labels"] == ("B",)


def test_batches_without_a_loader_and_a_model_with_two_outputs() -> None:
    path = STEPS / "language_model.py"
    trace = trace_script(path)
    assert trace.status == "complete"
    assert shapes(trace, path, "codes = windows[")["codes"] == (32, 48)
    assert shapes(trace, path, "following, previous = model(codes)")["previous"] == (32, 47, 1000)


def test_pairs_that_are_compared_with_each_other() -> None:
    path = PROJECT / "text_classifier/pretrain.py"
    trace = trace_script(path)
    assert trace.status == "complete"
    found = shapes(trace, path, "for step, (first, second, files) in")
    assert (found["first"], found["second"], found["files"]) == (("B", 48), ("B", 48), ("B",))
    assert shapes(trace, path, "similarity = model(first, second)")["similarity"] == ("B", "B")


def test_data_that_is_not_there_is_inferred_from_the_model_and_the_loss() -> None:
    path = STEPS / "nanogpt.py"
    trace = trace_script(path)
    assert trace.status == "complete"
    assert shapes(trace, path, "    X, Y = get_batch(split)") == {"X": ("B", "T"), "Y": ("B", "T")}
    step = shapes(trace, path, '        X, Y = get_batch("train")')
    assert step["X"] == ("B", "T")
    found = [value for value in trace.values if value.name == "logits" and value.start.line == 93]
    assert found[0].dims == ("B", "T", 65)
    assert trace.symbols["B"].probed == (7, 11, 13)
    assert any("train.bin" in attempt for attempt in trace.attempts)


def test_the_steps_of_a_lightning_module() -> None:
    path = STEPS / "lightning_module.py"
    trace = trace_script(path)
    assert (trace.status, trace.diagnostics) == ("complete", ())
    assert shapes(trace, path, "logits = self(signal)")["logits"] == ("B", 3)
    assert shapes(trace, path, "loss = self.criterion")["loss"] == ()
    assert shapes(trace, path, "predicted = self(signal)")["predicted"] == ("B",)
    labels = [value for value in trace.values if value.name == "label"]
    assert {(value.dims, value.dtype, value.assumed) for value in labels} == {(("B",), "int64", True)}
    assert not next(value for value in trace.values if value.name == "loss").assumed


def test_a_batch_that_is_spread_over_a_models_arguments() -> None:
    path = STEPS / "spread_batch.py"
    trace = trace_script(path)
    assert (trace.status, trace.diagnostics) == ("complete", ())
    assert shapes(trace, path, "hidden = self.embed")["hidden"] == ("B", "T", 16)
    assert shapes(trace, path, "predictions = ")["predictions"] == ("B",)


def test_two_optimizers_of_a_gan() -> None:
    path = STEPS / "gan.py"
    trace = trace_script(path)
    assert trace.status == "complete"
    assert trace.diagnostics == ()
    assert shapes(trace, path, "real = data[0].to(device)")["real"] == ("B", 3, 8, 8)
    assert shapes(trace, path, "label = torch.full")["label"] == ("B",)
    assert shapes(trace, path, "fake = netG(noise)")["fake"] == ("B", 3, 8, 8)
    assert shapes(trace, path, "output = netD(fake.detach())")["output"] == ("B",)


def test_dictionaries_trainers_and_accumulation() -> None:
    path = STEPS / "dictionary.py"
    trace = trace_script(path)
    assert trace.status == "complete"
    assert shapes(trace, path, "logits = self.model")["logits"] == ("B", 3)
    assert shapes(trace, path, "loss = nn.functional.cross_entropy")['batch["label"]'] == ("B",)
    assert shapes(trace, path, "norm = nn.utils")["norm"] == ()  # beyond a `continue` that is taken


def test_a_loss_that_broadcasts_is_told(tmp_path: Path) -> None:
    path = STEPS / "regression.py"
    [found] = trace_script(path).diagnostics
    assert (found.code, found.severity, found.start.line) == ("broadcast-loss", "warning", 13)
    assert "(B, 1)" in found.message
    assert "(B,)" in found.message


@pytest.mark.parametrize(
    ("targets", "loss", "words"),
    [
        ("torch.zeros(100, 1).long()", "nn.functional.cross_entropy(outputs, targets)", "class numbers of (B,)"),
        ("torch.zeros(100)", "nn.functional.cross_entropy(outputs, targets)", "`.long()` fits"),
        ("torch.zeros(100)", "nn.BCEWithLogitsLoss()(outputs, targets)", "the output's shape (B, 3)"),
        ("torch.zeros(100, 3).long()", "nn.BCEWithLogitsLoss()(outputs, targets)", "`.float()` fits"),
        ("torch.zeros(100, 3)", "nn.MSELoss(reduction='none')(outputs, targets)", "the loss is (B, 3)"),
    ],
)
def test_faults_of_a_step_stand_on_their_line(tmp_path: Path, targets: str, loss: str, words: str) -> None:
    path = write_loop(tmp_path, f"torch.randn(100, 8), {targets}", loss)
    trace = trace_script(path)
    [found] = trace.diagnostics
    assert found.severity == "error"
    assert words in found.message
    lines = path.read_text().splitlines()
    assert ("loss = " in lines[found.start.line - 1]) or "backward" in lines[found.start.line - 1]


def test_targets_that_fit_are_not_faulted(tmp_path: Path) -> None:
    fitting = [
        ("torch.zeros(100).long()", "nn.functional.cross_entropy(outputs, targets)"),
        ("torch.zeros(100, 3)", "nn.functional.cross_entropy(outputs, targets)"),
        ("torch.zeros(100, 3)", "nn.MSELoss()(outputs, targets)"),
        ("torch.zeros(100)", "nn.MSELoss()(outputs[:, 0], targets)"),
    ]
    for number, (targets, loss) in enumerate(fitting):
        folder = tmp_path / str(number)
        folder.mkdir()
        trace = trace_script(write_loop(folder, f"torch.randn(100, 8), {targets}", loss))
        assert (trace.status, trace.diagnostics) == ("complete", ()), loss


def test_samples_of_different_sizes_are_assumed(tmp_path: Path) -> None:
    path = tmp_path / "train.py"
    path.write_text(
        HEAD + "class Words(torch.utils.data.Dataset):\n"
        "    def __len__(self):\n        return 9\n"
        "    def __getitem__(self, index):\n        return torch.zeros(index + 2, dtype=torch.long), index % 2\n"
        "def pad(samples):\n"
        "    words, labels = zip(*samples)\n"
        "    return nn.utils.rnn.pad_sequence(list(words), batch_first=True), torch.tensor(labels)\n"
        "loader = DataLoader(Words(), batch_size=4, collate_fn=pad)\n"
        "model = nn.Sequential(nn.EmbeddingBag(10, 2))\n"
        "for words, labels in loader:\n"
        "    loss = nn.functional.cross_entropy(model(words), labels)\n"
        "    loss.backward()\n"
    )
    trace = trace_script(path)
    named = {value.name: value for value in trace.values if value.name}
    assert named["words"].assumed
    assert not named["labels"].assumed
    assert named["labels"].dims == ("B",)


def test_nothing_of_effect_runs(tmp_path: Path) -> None:
    path = write_loop(
        tmp_path, "torch.randn(100, 8), torch.zeros(100).long()", "nn.functional.cross_entropy(outputs, targets)"
    )
    canary = tmp_path / "canary"
    path.write_text(
        f"open({str(canary)!r}, 'w').close()\n" + path.read_text() + f"open({str(canary)!r}, 'w').close()\n"
    )
    assert trace_script(path).status == "complete"
    assert not canary.exists()


def test_labels_that_only_a_loss_tells_of_are_assumed(tmp_path: Path) -> None:
    path = tmp_path / "train.py"
    path.write_text(
        HEAD + "model = nn.Linear(8, 3)\n"
        "def train(batches):\n"
        "    for words, labels in batches:\n"
        "        logits = model(words)\n"
        "        loss = nn.functional.cross_entropy(logits, labels)\n"
        "        loss.backward()\n"
    )
    named = {value.name: value for value in trace_script(path).values if value.name}
    assert named["labels"].assumed
    assert not named["logits"].assumed
