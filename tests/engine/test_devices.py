"""Nominal devices: what code asks for is shown and followed on a machine without a GPU."""

from __future__ import annotations

from pathlib import Path

import pytest

from pymodel.schema import Diagnostic, Trace

from .test_frontier import written
from .test_steps import HEAD, trace_script
from .test_trace import trace

NOTHING = "self.fc = nn.Identity()"


def mixes(found: Trace) -> list[Diagnostic]:
    return [each for each in found.diagnostics if each.code == "device-mix"]


def device_of(found: Trace, name: str) -> str | None:
    return next(each.device for each in found.values if each.name == name and each.kind == "tensor")


CASES = {
    "a tensor that is made on the CPU": (
        *(NOTHING, "steps = torch.arange(16)\ny = «x + steps»", "hint"),
        "made on the CPU, wherever the model is",
    ),
    "a state that is made on the CPU": (
        "self.rnn = nn.GRU(16, 6, batch_first=True)",
        *("h = torch.zeros(1, x.size(0), 6)\ny, _ = «self.rnn(x[:, 0], h)»", "hint", "`device=x.device`"),
    ),
    "a plain tensor attribute": ("self.scale = torch.ones(16)", "y = «x * self.scale»", "hint", "register_buffer"),
    "what is sent to the GPU": (
        *(NOTHING, "mask = torch.ones(16, device='cuda')\ny = «x * mask»", "warning"),
        "runs only while the model is on cuda",
    ),
    "a layer met from the GPU": (
        *("self.fc = nn.Linear(16, 4)", "h = x.cuda()\ny = «self.fc(h)»", "warning", "while the model is on cuda"),
    ),
    "the GPU and the CPU": (
        *(NOTHING, "a = torch.ones(16).cuda()\nb = a * torch.rand(())\ny = «a + torch.ones(16)» + x.cuda()", "error"),
        "the first is on cuda and the other on cpu",
    ),
    "a model whose construction sends it": (
        *("self.fc = nn.Linear(16, 4)\nself.cuda()", "y = self.fc(x)\ny = «y + torch.ones(4)»", "error"),
        "the first is on cuda and the other on cpu",
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_a_mix_is_told_where_it_meets(name: str, tmp_path: Path) -> None:
    layers, body, severity, words = CASES[name]
    path, places = written(tmp_path, layers, body)
    found = trace(path, "Net")
    assert found.status == "complete"
    [told] = mixes(found)
    assert [(told.start.line, told.start.column, told.end.column)] == places
    assert told.severity == severity
    assert words in told.message


@pytest.mark.parametrize(
    ("layers", "body"),
    [
        (NOTHING, "y = x + torch.arange(16, device=x.device)"),
        (NOTHING, "y = x + torch.arange(16).to(x)"),
        (NOTHING, "y = x + torch.arange(16).type_as(x)"),
        (NOTHING, "y = x[:, torch.arange(3)] * torch.tensor(2.0) + x.new_zeros(16)"),
        ("self.register_buffer('scale', torch.ones(16))", "y = x * self.scale"),
        ("self.w = nn.Parameter(torch.ones(16, 16))", "y = x @ self.w.T + self.w.data.new_zeros(16)"),
        (
            "self.rnn = nn.LSTM(16, 6)",
            "packed = nn.utils.rnn.pack_padded_sequence(x[:, 0], torch.full((16,), x.size(0)))\n"
            "y, _ = self.rnn(packed)\ny = y.data",
        ),
        ("self.device = 'cuda'", "y = x + torch.arange(16, device=self.device)"),
        ("self.a = nn.Linear(16, 4).to('cuda:0')\nself.b = nn.Linear(4, 4).cpu()", "y = self.b(self.a(x).cpu())"),
        (NOTHING, "h = x.cuda()\ny = h + torch.ones(16, device=h.device)"),
    ],
)
def test_what_is_on_one_device_or_may_be_is_no_mix(layers: str, body: str, tmp_path: Path) -> None:
    path, _ = written(tmp_path, layers, body)
    found = trace(path, "Net")
    assert (found.status, mixes(found)) == ("complete", [])


def test_what_comes_of_one_tensor_is_told_once(tmp_path: Path) -> None:
    path, _ = written(
        tmp_path, NOTHING, "steps = torch.arange(16).float()\na, b = steps * 2, steps + 1\ny = x * a\ny = y + b"
    )
    assert len(mixes(trace(path, "Net"))) == 1


def test_values_are_shown_where_the_code_put_them(tmp_path: Path) -> None:
    path, _ = written(tmp_path, NOTHING, "a = x.cuda()\nb = a * 2\nc = torch.ones_like(b)\nd = c.cpu()\ny = x")
    found = trace(path, "Net")
    devices = {name: device_of(found, name) for name in ("x", "a", "b", "c", "d", "y")}
    assert devices == {"x": "cpu", "a": "cuda", "b": "cuda", "c": "cuda", "d": "cpu", "y": "cpu"}


@pytest.mark.parametrize(
    ("moved", "words"),
    [("inputs = inputs.cuda()", "cross_entropy"), ("targets = targets.to('cuda')", "linear")],
)
def test_a_batch_that_is_not_sent_where_the_model_is(tmp_path: Path, moved: str, words: str) -> None:
    path = tmp_path / "train.py"
    path.write_text(
        HEAD + "loader = DataLoader(TensorDataset(torch.randn(9, 8), torch.zeros(9).long()), batch_size=4)\n"
        "model = nn.Sequential(nn.Linear(8, 3)).cuda()\n"
        "for inputs, targets in loader:\n"
        f"    {moved}\n"
        "    outputs = model(inputs)\n"
        "    loss = nn.functional.cross_entropy(outputs, targets)\n"
        "    loss.backward()\n"
    )
    found = trace_script(path)
    assert found.status == "complete"
    told = mixes(found)[0]
    assert told.severity == "error"
    assert words in told.message
    assert (
        f"{'loss = ' if words == 'cross_entropy' else 'outputs ='}"
        in path.read_text().splitlines()[told.start.line - 1]
    )
    sound = path.read_text().replace(moved, "inputs, targets = inputs.cuda(), targets.cuda()")
    path.write_text(sound)
    assert trace_script(path).diagnostics == ()
