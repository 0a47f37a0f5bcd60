"""Code whose shapes depend on values: what is not known has a symbol or a mark, and nothing else has."""

from __future__ import annotations

from pathlib import Path

from pymodel.schema import Trace

from .test_trace import trace, value_at

MODEL = """\
import torch
from torch import nn


class Net(nn.Module):  # pymodel: Net(), x=(B, 6)
    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(6, 4)

    def forward(self, x):
"""


def traced(tmp_path: Path, forward: str) -> Trace:
    """A model with one linear layer whose forward is `forward`, from line 11 on."""
    path = tmp_path / "model.py"
    path.write_text(MODEL + "".join(f"        {line}\n" for line in forward.splitlines()))
    found = trace(path, "Net")
    assert found.status == "complete", found.diagnostics
    return found


def test_a_mask_gives_an_unknown_size_and_only_what_rests_on_it_is_assumed(tmp_path: Path) -> None:
    found = traced(
        tmp_path, "before = self.fc(x)\nchosen = before[before[:, 0] > 0]\nafter = before + 1\nreturn chosen"
    )
    chosen = value_at(found, "chosen", 12)
    assert (chosen.dims, chosen.assumed) == (("u0", 4), True)
    for name, line in (("before", 11), ("after", 13)):
        known = value_at(found, name, line)
        assert (known.dims, known.assumed) == (("B", 4), False)


def test_the_same_mask_chooses_as_many_of_everything(tmp_path: Path) -> None:
    found = traced(tmp_path, "mask = x[:, 0] > 0\ny = x[mask] + 2 * x[mask]\nreturn self.fc(y)")
    assert value_at(found, "y", 12).dims == ("u0", 6)


def test_another_look_at_an_assumed_tensor_is_assumed(tmp_path: Path) -> None:
    found = traced(tmp_path, "chosen = x[x[:, 0] > 0]\nturned = chosen.T\nagain = turned.mT.data\nreturn again")
    assert (value_at(found, "turned", 12).dims, value_at(found, "turned", 12).assumed) == ((6, "u0"), True)
    assert (value_at(found, "again", 13).dims, value_at(found, "again", 13).assumed) == (("u0", 6), True)


def test_unknown_sizes_of_every_kind(tmp_path: Path) -> None:
    found = traced(
        tmp_path,
        "ids = x.argmax(1)\n"
        "where = x.nonzero()\n"
        "rows, columns = torch.where(x > 0)\n"
        "kept = x.masked_select(x > 1)\n"
        "different = torch.unique(ids)\n"
        "counts = torch.bincount(ids)\n"
        "repeated = torch.repeat_interleave(x, ids, dim=0)\n"
        "return self.fc(x)",
    )
    shapes = [value_at(found, name, line).dims for name, line in (("where", 12), ("rows", 13), ("kept", 14))]
    assert shapes == [("u0", 2), ("u1",), ("u2",)]
    for name, line in (("different", 15), ("counts", 16), ("repeated", 17)):
        assert value_at(found, name, line).assumed
    assert value_at(found, "self.fc(x)", 18).assumed is False


def test_a_number_read_from_a_tensor_is_an_unknown(tmp_path: Path) -> None:
    found = traced(tmp_path, "n = x.argmax().item()\ny = torch.zeros(n + 2, 3)\nz = y.repeat(2, 1)\nreturn self.fc(x)")
    number, made = value_at(found, "n", 11), value_at(found, "z", 13)
    assert (number.value, number.assumed) == ("u0", True)
    assert (made.dims, made.assumed) == (("2*u0+4", 3), True)
    assert value_at(found, "self.fc(x)", 14).assumed is False


def test_a_branch_on_values_makes_what_follows_assumed(tmp_path: Path) -> None:
    for condition in ("x.sum() > 0", "x.sum().item() > 0", "torch.equal(x, x + 1)", "1 in x", "torch.allclose(x, x)"):
        found = traced(tmp_path, f"y = self.fc(x)\nif {condition}:\n    y = y.sum(1)\nz = y + 1\nreturn z")
        assert value_at(found, "y", 11).assumed is False
        assert value_at(found, "z", 14).assumed, condition


def test_writing_through_a_mask_assumes_nothing(tmp_path: Path) -> None:
    found = traced(tmp_path, "y = x.clone()\ny[x > 0] = x[x > 0] * 2\ny[x < 0] = 0\nreturn self.fc(y)")
    assert value_at(found, "self.fc(y)", 14).assumed is False


def test_tensors_as_sizes_and_indices(tmp_path: Path) -> None:
    found = traced(
        tmp_path,
        "ids = x.argmax(1)\nlast = x[:, ids[0]:]\nparts = [each for each in ids.tolist()]\n"
        "rows = torch.stack([x[i] for i in range(int(ids.max()))])\nreturn self.fc(x)",
    )
    assert value_at(found, "last", 12).assumed
    rows = value_at(found, "rows", 14)
    assert rows.assumed
    assert rows.dims is not None
    assert str(rows.dims[0]).startswith("u")
    assert value_at(found, "self.fc(x)", 15).assumed is False


def test_as_many_unknown_sizes_as_the_code_has(tmp_path: Path) -> None:
    found = traced(
        tmp_path,
        "parts = [x[x[:, i] > 0] for i in range(6)]\n"
        "y = torch.cat(parts)\n"
        "z = x[:3] if len(y) > 20 else x[torch.where(x[:, 0] > 2)[0]]\n"
        "return self.fc(x)",
    )
    assert value_at(found, "y", 12).assumed
    assert {"u0", "u1", "u2"} <= set(found.symbols)
    assert found.symbols["u0"].meaning == "unknown"
    assert value_at(found, "self.fc(x)", 14).assumed is False


def test_a_check_of_values_that_raises_is_taken_as_passed(tmp_path: Path) -> None:
    found = traced(
        tmp_path,
        "y = self.fc(x)\nif not (x >= 0).all():\n    raise ValueError('negative')\n"
        "if (x > 1).any():\n    raise ValueError('large')\nz = y + 1\nreturn z",
    )
    after = value_at(found, "z", 16)
    assert (after.dims, after.assumed) == (("B", 4), True)


def test_assumed_sizes_that_do_not_fit_each_other_are_no_fault(tmp_path: Path) -> None:
    found = traced(
        tmp_path,
        "ids = x.argmax(1)\nn = ids.max().item()\nleft, right = x.split([n, n], dim=1)\n"
        "y = torch.cat([x[x[:, 0] > 0], x]) + x\nreturn self.fc(x)",
    )
    assert found.diagnostics == ()
    assert value_at(found, "y", 14).assumed
    assert value_at(found, "self.fc(x)", 15).assumed is False


def test_autocast_to_the_device_of_a_tensor(tmp_path: Path) -> None:
    found = traced(
        tmp_path, "with torch.autocast(device_type=x.device.type, enabled=False):\n    y = self.fc(x)\nreturn y"
    )
    assert value_at(found, "y", 12).dims == ("B", 4)


def test_a_number_that_cannot_be_moved_leaves_all_in_doubt(tmp_path: Path) -> None:
    found = traced(
        tmp_path,
        "n = int(x.argmax())\nif n > 1:\n    raise ValueError\ny = torch.zeros(n + 2, 3)\nreturn self.fc(x)",
    )
    assert value_at(found, "y", 14).assumed


def test_each_of_many_numbers_is_assumed(tmp_path: Path) -> None:
    found = traced(
        tmp_path,
        "sizes = [int(x[:, i].argmax()) for i in range(6)]\nfirst = torch.zeros(sizes[0], 3)\n"
        "last = torch.zeros(sizes[5], 3)\nreturn self.fc(x)",
    )
    assert value_at(found, "first", 12).assumed
    assert value_at(found, "last", 13).assumed


def test_a_function_whose_package_is_absent_gives_what_is_assumed_and_the_run_goes_on(tmp_path: Path) -> None:
    text = MODEL.replace("import torch\n", "import torch\nfrom flash_attn_of_nowhere import attend, scan\n")
    path = tmp_path / "model.py"
    path.write_text(
        text + "        before = self.fc(x)\n        y = attend(before, before, causal=True)\n"
        "        u, state = scan(y)\n        return self.fc(x) + y\n"
    )
    found = trace(path, "Net")
    assert (found.status, found.diagnostics) == ("complete", ())
    before, y = value_at(found, "before", 12), value_at(found, "y", 13)
    assert (before.dims, before.assumed) == (("B", 4), False)
    assert (y.dims, y.assumed) == (("B", 4), True)
    assert value_at(found, "self.fc(x) + y", 15).assumed
