"""Will this export? Each hindrance is told on its line, from the trace; and where there is none, nothing is."""

from __future__ import annotations

from pathlib import Path

import pytest

from pymodel.lint.preflight import find_hindrances, read_text
from pymodel.schema import Pin, Traced

from .analyst import Analyst

BODIES = {
    "branch": ("if x.sum() > 0:\n            x = x * 2", "x.sum() > 0"),
    "branch on a name": ("any_large = (x > 3).any()\n        if any_large:\n            x = x * 2", "any_large"),
    "one of two conditions": ("if x.shape[0] > 1 and x.min() < 0:\n            x = x * 2", "x.min() < 0"),
    "expression": ("x = x * 2 if x.mean() > 0 else x", "x.mean() > 0"),
    "assertion": ("assert x.max() < 9", "x.max() < 9"),
    "item": ("scale = x.max().item()\n        x = x * scale", "x.max().item()"),
    "cast": ("scale = float(x.max())\n        x = x * scale", "float(x.max())"),
    "numpy": ("print(x.detach().numpy())", "x.detach().numpy()"),
    "loop": ("for row in x:\n            x = x + row", "x"),
    "open size": ("picked = x[x > 0]\n        x = x + picked.sum()", "x[x > 0]"),
    "random": ("x = x + torch.rand_like(x)", "torch.rand_like(x)"),
    "state": ("self.last = x", "self.last"),
}
FINE = {
    "a branch on a shape": "if x.shape[0] > 3:\n            x = x * 2",
    "a branch on a setting": "if self.training or self.width > 2:\n            x = x * 2",
    "a branch on None": "y = None\n        if y is None:\n            x = x * 2",
    "where": "x = torch.where(x.sum() > 0, x * 2, x)",
    "a loop over layers": "for layer in self.layers:\n            x = layer(x)",
    "noise in training": "if self.training:\n            x = x + torch.rand_like(x)",
    "a cast of a size": "n = int(x.shape[1] * 2)\n        x = x * n",
}


def write(folder: Path, bodies: dict[str, str]) -> Path:
    """A file with a model for each body."""
    parts = ["import torch\nfrom torch import nn\n"]
    for number, body in enumerate(bodies.values()):
        parts.append(f"""
class Net{number}(nn.Module):
    def __init__(self):
        super().__init__()
        self.width = 3
        self.layers = nn.ModuleList(nn.Linear(6, 6) for _ in range(2))

    def forward(self, x):
        {body}
        return x
""")
    path = folder / "nets.py"
    path.write_text("\n".join(parts))
    return path


@pytest.fixture(scope="module")
def found(zygote: Analyst, tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[tuple[str, str]]]:
    """The texts and messages of the hindrances of each body."""
    bodies = {name: body for name, (body, _) in BODIES.items()} | FINE
    path = write(tmp_path_factory.mktemp("preflight"), bodies)
    lines = path.read_text().splitlines()
    pins = [Pin(f"{path}::Net{number}", None, ("x=(B, 6)",), "comment") for number in range(len(bodies))]
    said = zygote.analyse(path, pins=tuple(pins))
    traces = {each.trace.target.rpartition("::")[2]: each.trace for each in said if isinstance(each, Traced)}
    return {
        name: [
            (lines[each.start.line - 1][each.start.column : each.end.column], each.message)
            for each in find_hindrances(traces[f"Net{number}"], read_text)
        ]
        for number, name in enumerate(bodies)
    }


@pytest.mark.parametrize("name", BODIES)
def test_a_hindrance_is_told_on_its_expression(found: dict[str, list[tuple[str, str]]], name: str) -> None:
    assert [text for text, _ in found[name]] == [BODIES[name][1]]
    assert all(message.endswith(".") and len(message) > 40 for _, message in found[name])


@pytest.mark.parametrize("name", FINE)
def test_what_exports_is_told_nothing_of(found: dict[str, list[tuple[str, str]]], name: str) -> None:
    assert found[name] == []
