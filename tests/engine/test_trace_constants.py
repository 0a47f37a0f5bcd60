"""Values that depend on neither inputs nor weights are known, though on meta: what rests on them is certain."""

from __future__ import annotations

from pathlib import Path

import pytest

from .test_trace import value_at
from .test_trace_assumed import traced


@pytest.mark.parametrize(
    ("code", "dims"),
    [
        ("sizes = torch.tensor([2, 3])\ny = torch.zeros(int(sizes.sum()), 4)", (5, 4)),
        ("steps = torch.arange(10)\ny = steps[steps % 3 == 0]", (4,)),
        ("mask = torch.ones(4, 4).tril()\ny = mask.nonzero()", (10, 2)),
        ("ones = torch.ones_like(x[0], dtype=torch.int64)\ny = torch.zeros(ones.sum().item())", (6,)),
        ("parts = torch.tensor([2, 4]).tolist()\ny = x.split(parts, dim=1)[1]", ("B", 4)),
        ("turns = torch.tensor([1, 0, 2])\ny = torch.repeat_interleave(x[:3], turns, dim=0)", (3, 6)),
        ("ids = torch.tensor([4, 4, 1])\ny = torch.unique(ids)", (2,)),
        ("rows = torch.arange(x.shape[0])\ny = torch.zeros(int(rows.max()) + 1)", ("B",)),
        ("mask = torch.ones(3, dtype=torch.bool)\ny = x if mask.all() else x[0]", ("B", 6)),
        ("last = torch.tensor([2, 5]).max()\ny = x[:, last:]", ("B", 1)),
    ],
)
def test_what_rests_on_known_values_is_certain(tmp_path: Path, code: str, dims: tuple[object, ...]) -> None:
    found = value_at(traced(tmp_path, f"{code}\nreturn self.fc(x)"), "y", 12)
    assert (found.dims, found.assumed) == (dims, False)


@pytest.mark.parametrize(
    "code",
    [
        "ids = torch.ones(3, dtype=torch.int64)\nids[0] = x.argmax()\ny = torch.zeros(int(ids.sum()))",
        "ids = torch.zeros(3)\nids.uniform_(2, 5)\ny = torch.zeros(int(ids.max()))",
        "ids = torch.zeros(3).view(3, 1)\nids[1:].add_(x[:2, :1])\ny = torch.zeros(int(ids.max()))",
        "ids = torch.randint(1, 9, (3,))\nn = int(ids.max())\ny = torch.zeros(n)",
        "ids = torch.zeros(3)\ntorch.add(x[0, :3], 1, out=ids)\ny = torch.zeros(int(ids.max()))",
        "ids = torch.full((3,), self.fc.weight.argmax().item())\n\ny = torch.zeros(int(ids[0]))",
    ],
)
def test_what_was_written_to_or_drawn_is_not_known(tmp_path: Path, code: str) -> None:
    assert value_at(traced(tmp_path, f"{code}\nreturn self.fc(x)"), "y", 13).assumed
