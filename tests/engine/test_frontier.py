"""All faults of a model in one pass: each on its own range and told once, with what is known before and after it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from pymodel.schema import Trace
from pymodel.trace.expressions import evaluate

from .test_trace import FIXTURES, trace

MODEL = """\
import torch
import torch.nn.functional as F
from torch import nn


class Net(nn.Module):  # pymodel: Net(), x=(B, 6, 16, 16)
    def __init__(self):
        super().__init__()
{layers}

    def forward(self, x):
        before = x + 1
{body}
        after = y * 2
        return after
"""
CASES: dict[str, tuple[str, str, tuple[int, ...]]] = {
    # name: layers, the line(s) of forward with «the fault» marked, and what `after` is behind the batch
    "conv2d": ("self.conv = nn.Conv2d(3, 8, 3)", "y = «self.conv(x)»", (8, 14, 14)),
    "conv2d of a vector": ("self.conv = nn.Conv1d(16, 8, 3)", "y = «self.conv(x[:, :3, :, 0])»", (8, 14)),
    "conv_transpose2d": ("self.up = nn.ConvTranspose2d(5, 8, 2, 2)", "y = «self.up(x)»", (8, 32, 32)),
    "linear": ("self.fc = nn.Linear(9, 4)", "y = «self.fc(x)»", (6, 16, 4)),
    "matmul": ("self.w = nn.Parameter(torch.zeros(9, 4))", "y = «x @ self.w»", (6, 16, 4)),
    "matmul of batches": ("self.fc = nn.Identity()", "y = «x @ x[:, :5]»", (6, 16, 16)),
    "einsum": (
        "self.w = nn.Parameter(torch.zeros(9, 4))",
        'y = «torch.einsum("bchw,wd->bchd", x, self.w)»',
        (6, 16, 4),
    ),
    "view": ("self.fc = nn.Linear(100, 4)", "y = self.fc(«x.view(-1, 100)»)", (4,)),
    "unflatten": ("self.fc = nn.Identity()", "y = «x.unflatten(1, (4, 2))»", (4, 2, 16, 16)),
    "cat": ("self.fc = nn.Identity()", "y = «torch.cat([x, x[:, :, :8]], dim=1)»", (12, 16, 16)),
    "cat of another rank": ("self.fc = nn.Identity()", "y = «torch.cat([x, x.mean(-1)], dim=1)»", (12, 16, 16)),
    "stack": ("self.fc = nn.Identity()", "y = «torch.stack([x, x[:, :3]], dim=1)»", (2, 6, 16, 16)),
    "broadcast": ("self.fc = nn.Identity()", "y = «x + x[:, :4]»", (6, 16, 16)),
    "in place": ("self.fc = nn.Identity()", "y = x.clone()\n        «y += x[:, :4]»", (6, 16, 16)),
    "batch_norm": ("self.norm = nn.BatchNorm2d(5)", "y = «self.norm(x)»", (5, 16, 16)),
    "layer_norm": ("self.norm = nn.LayerNorm(5)", "y = «self.norm(x)»", (6, 16, 5)),
    "group_norm": ("self.norm = nn.GroupNorm(2, 8)", "y = «self.norm(x)»", (8, 16, 16)),
    "embedding": ("self.emb = nn.Embedding(9, 4)", "y = «self.emb(x[:, 0, 0])»", (16, 4)),
    "attention": (
        "self.fc = nn.Identity()",
        "y = «F.scaled_dot_product_attention(x, x[..., :8], x)»",
        (6, 16, 16),
    ),
    "permute": ("self.fc = nn.Identity()", "y = «x.permute(0, 2, 1)»", (16, 6)),
    "transpose": ("self.fc = nn.Identity()", "y = «x.transpose(1, 4)»", (16, 16, 6)),
    "split": ("self.fc = nn.Identity()", "y, _ = «x.split([4, 4], dim=1)»", (4, 16, 16)),
    "expand": ("self.fc = nn.Identity()", "y = «x.expand(-1, 3, -1, -1)»", (3, 16, 16)),
    "index": ("self.fc = nn.Identity()", "y = «x[:, 7]»", (16, 16)),
    "too many indices": ("self.fc = nn.Identity()", "y = «x[:, 0, 0, 0, 0]»", ()),
    "dim": ("self.fc = nn.Identity()", "y = «x.mean(dim=4)»", (6, 16)),
    "LSTM": (
        "self.lstm = nn.LSTM(9, 5, batch_first=True)",
        "y, _ = «self.lstm(x[:, 0])»",
        (16, 5),
    ),
    "MultiheadAttention": (
        "self.attn = nn.MultiheadAttention(12, 3, batch_first=True)",
        "y, _ = «self.attn(x[:, 0], x[:, 0], x[:, 0])»",
        (16, 12),
    ),
    "pooling": ("self.pool = nn.MaxPool2d(32)", "y = «self.pool(x)»", (6, 1, 1)),
}


def written(folder: Path, layers: str, body: str) -> tuple[Path, list[tuple[int, int, int]]]:
    """The model's file, and the (line, column, end) of each part that is marked."""
    text = MODEL.format(
        layers="\n".join(f"        {line}" for line in layers.splitlines()),
        body="\n".join(f"        {line.strip()}" for line in body.splitlines()),
    )
    places = [
        (number, match.start(), match.end() - 2)
        for number, line in enumerate(text.splitlines(), 1)
        for match in re.finditer("«[^»]*»", line)
    ]
    path = folder / "net.py"
    path.write_text(text.replace("«", "").replace("»", ""))
    return path, places


def faults(found: Trace) -> list[tuple[int, int, int]]:
    errors = [each for each in found.diagnostics if each.severity == "error"]
    return sorted((each.start.line, each.start.column, each.end.column) for each in errors)


def dims_of(found: Trace, name: str) -> tuple[int | str, ...] | None:
    return next(each.dims for each in found.values if each.name == name)


@pytest.mark.parametrize("name", CASES)
def test_one_fault(name: str, tmp_path: Path) -> None:
    layers, body, after = CASES[name]
    path, places = written(tmp_path, layers, body)
    found = trace(path, "Net")
    assert found.status == "partial"
    assert faults(found) == places
    assert dims_of(found, "before") == ("B", 6, 16, 16)
    assert dims_of(found, "after") == ("B", *after)


SEVERAL = {
    2: (
        "self.conv = nn.Conv2d(3, 8, 3)\nself.fc = nn.Linear(100, 4)",
        "h = «self.conv(x)»\ny = «self.fc(h.flatten(1))»",
    ),
    3: (
        "self.norm = nn.BatchNorm2d(5)\nself.conv = nn.Conv2d(5, 8, 3, padding=1)\nself.out = nn.Linear(7, 3)",
        "h = «self.norm(x)»\nh = self.conv(h)\nh = «torch.cat([h, x[..., :8]], dim=1)»\ny = «self.out(h)»",
    ),
    4: (
        "self.emb = nn.Embedding(9, 4)\nself.lstm = nn.LSTM(6, 5, batch_first=True)\nself.fc = nn.Linear(4, 2)",
        "h = «self.emb(x[:, 0, 0])»\nh, _ = «self.lstm(h)»\nh = «self.fc(h)»\ny = «h.view(-1, 3)»",
    ),
}


@pytest.mark.parametrize("count", SEVERAL)
def test_several_faults_in_one_pass(count: int, tmp_path: Path) -> None:
    path, places = written(tmp_path, *SEVERAL[count])
    found = trace(path, "Net")
    assert len(places) == count
    assert faults(found) == places
    assert dims_of(found, "before") == ("B", 6, 16, 16)
    assert dims_of(found, "after") is not None


def test_a_fault_that_a_loop_repeats_is_told_once(tmp_path: Path) -> None:
    path, places = written(
        tmp_path,
        "self.layers = nn.ModuleList(nn.Linear(9, 16) for _ in range(30))",
        "y = x\nfor layer in self.layers:\n    y = «layer(y)»".replace("\n    ", "\n"),
    )
    text = path.read_text().replace("        y = layer(y)", "            y = layer(y)")
    path.write_text(text)
    found = trace(path, "Net")
    assert faults(found) == [(line, start + 4, end + 4) for line, start, end in places]
    assert dims_of(found, "after") == ("B", 6, 16, 16)


def test_an_assertion_is_told_on_its_line_and_what_was_before_stays(tmp_path: Path) -> None:
    path, _ = written(tmp_path, "self.fc = nn.Identity()", "y = x.flatten(1)\nassert y.shape[1] == 7, 'seven features'")
    found = trace(path, "Net")
    [error] = [each for each in found.diagnostics if each.severity == "error"]
    assert found.status == "partial"
    assert (error.code, error.start.line) == ("raises", 14)
    assert "seven features" in error.message
    assert dims_of(found, "y") == ("B", 1536)


MUTATIONS = {
    "a GPT's MLP": (
        *("nano_gpt.py", "GPT", "self.c_proj = nn.Linear(4 * config.n_embd"),
        *("self.c_proj = nn.Linear(3 * config.n_embd", "x = self.c_proj(x)"),
    ),
    "a U-Net's skip": (*("unet.py", "UNet", "self.up2 = Up(512, 256", "self.up2 = Up(500, 256", "x1 = self.up(x1)"),),
    "a U-Net's step": (
        *("unet.py", "UNet", "self.down3 = Down(256, 512)", "self.down3 = Down(128, 512)"),
        "return self.double_conv(x)",
    ),
    "DETR's width": ("detr.py", "DETR", "self.conv = nn.Conv2d(2048", "self.conv = nn.Conv2d(1024", "h = self.conv(x)"),
    "DETR's positions": (
        *("detr.py", "DETR", "self.row_embed = nn.Parameter(torch.rand(50, hidden_dim // 2))"),
        *("self.row_embed = nn.Parameter(torch.rand(50, hidden_dim // 4))", "src = pos + "),
    ),
    "a GAN's generator": (
        *("dcgan.py", "Generator", "nn.ConvTranspose2d(ngf * 4, ngf * 2", "nn.ConvTranspose2d(ngf * 3, ngf * 2"),
        "output = self.main(input)",
    ),
    "a diffusion's time": (
        *("diffusion_unet.py", "DiffusionUNet", "nn.Linear(time_dim, out_ch)", "nn.Linear(time_dim // 2, out_ch)"),
        "self.temb_proj(temb)",
    ),
    "a GNN's width": (
        *("gnn.py", "GCN", "GCNConv(hidden_channels, num_classes)", "GCNConv(2 * hidden_channels, num_classes)"),
        "x = self.lin(x)",
    ),
}
"""File, model, what stands there, what is put in its place, and what the faulty line holds."""


@pytest.mark.parametrize("name", MUTATIONS)
def test_one_changed_constant_in_a_sound_model(name: str) -> None:
    """It is found on its line, and the model's outputs are known all the same."""
    file, model, sound, broken, where = MUTATIONS[name]
    path = FIXTURES / file
    text = path.read_text()
    assert sound in text
    mutated = text.replace(sound, broken)
    lines = {n for n, line in enumerate(mutated.splitlines(), 1) if where in line}
    healthy, found = trace(path, model), trace(path, model, mutated)
    errors = [each for each in found.diagnostics if each.severity == "error"]
    assert {each.start.line for each in errors} & lines
    assert len(errors) <= 2  # a width may be wrong for what comes in, and for what it is joined to
    assert outputs_at_base(found) == outputs_at_base(healthy)


def outputs_at_base(found: Trace) -> list[tuple[int, ...]]:
    """What comes out at the sizes probed first: behind a fault, height and width are the numbers they were."""
    sizes = {name: symbol.probed[0] for name, symbol in found.symbols.items()}
    return [tuple(evaluate(dim, sizes) for dim in dims) for dims in found.modules[0].outputs]
