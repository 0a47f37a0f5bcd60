"""What code refuses by itself (asserts, guards, unpacking, patterns): told on its range in words, then gone on."""

from __future__ import annotations

from pathlib import Path

import pytest

from pymodel.schema import Diagnostic, Trace

from .test_frontier import MODEL, dims_of, faults, written
from .test_trace import trace

NOTHING = "self.fc = nn.Identity()"
CASES: dict[str, tuple[str, str, str, str, tuple[int, ...]]] = {
    # name: layers, forward with «the fault» marked, its code, words of its message, what `after` is behind the batch
    "too many sizes": (
        *(NOTHING, "«B, C» = x.shape\ny = x.mean((2, 3))", "unpack-mismatch"),
        *("2 names for a shape of 4 dimensions: it is (B, 6, 16, 16)", (6,)),
    ),
    "too few sizes": (
        *(NOTHING, "«B, C, D, H, W» = x.size()\ny = x.flatten(1)", "unpack-mismatch"),
        *("5 names for a shape of 4 dimensions", (1536,)),
    ),
    "too few for a star": (
        *(NOTHING, "«a, b, c, d, e, *rest» = x.shape\ny = x.flatten(1)", "unpack-mismatch"),
        *("expected at least 5, got 4", (1536,)),
    ),
    "chunks": (
        *(NOTHING, "«q, k» = x.chunk(3, dim=1)\ny = q", "unpack-mismatch"),
        *("too many values to unpack (expected 2)", (2, 16, 16)),
    ),
    "an assertion": (
        *(NOTHING, "«assert x.shape[1] == 3, 'three channels'»\ny = x", "raises"),
        *("This assertion does not hold: three channels. Here `x.shape[1]` is 6.", (6, 16, 16)),
    ),
    "an assertion without words": (
        *("self.width = 5", "«assert x.size(-1) == self.width»\ny = x", "raises"),
        *("Here `x.size(-1)` is 16, `self.width` is 5.", (6, 16, 16)),
    ),
    "a guard": (
        *(NOTHING, "if x.dim() != 3:\n    «raise ValueError(f'expected 3-D, got {x.dim()}-D')»\ny = x", "raises"),
        *("ValueError: expected 3-D, got 4-D", (6, 16, 16)),
    ),
    "rearrange": (
        *(NOTHING, "y = «rearrange(x, 'b (g c) h w -> b g c h w', g=4)»", "pattern-mismatch"),
        *("dimension 1 is 6, but `(g c)` with g=4 must be a multiple of 4", (4, 1, 16, 16)),
    ),
    "rearrange of another rank": (
        *(NOTHING, "y = «rearrange(x, 'b c l -> b l c')»", "pattern-mismatch"),
        *("`b c l` names 3 dimensions, but the tensor is (B, 6, 16, 16), which has 4", (16, 6)),
    ),
    "reduce": (
        *(NOTHING, "y = «reduce(x, 'b c (h p) (w q) -> b c h w', 'mean', p=5, q=4)»", "pattern-mismatch"),
        *("dimension 2 is 16, but `(h p)` with p=5 must be a multiple of 5", (6, 3, 4)),
    ),
    "repeat": (
        *(NOTHING, "y = «repeat(x, '... h w -> ... h w n', h=8, n=2)»", "pattern-mismatch"),
        *("dimension 2 is 16, but `h` with h=8 must be 8", (6, 8, 16, 2)),
    ),
    "a layer of patches": (
        "self.patch = Rearrange('b c (h p) (w q) -> b (h w) (p q c)', p=5, q=5)",
        *("y = «self.patch(x)»", "pattern-mismatch", "with p=5 must be a multiple of 5", (9, 150)),
    ),
    "a norm of another rank": (
        *("self.norm = nn.BatchNorm1d(6)", "y = «self.norm(x)»", "shape-mismatch"),
        *("expected 2D or 3D input (got 4D input)", (6, 16, 16)),
    ),
}
IMPORTS = "from einops import rearrange, reduce, repeat\nfrom einops.layers.torch import Rearrange\n"


def write(folder: Path, layers: str, body: str) -> tuple[Path, list[tuple[int, int, int]]]:
    """The file of a model that imports einops, indents as the body does, and its marked places."""
    path, places = written(folder, layers, body.replace("    ", "\t"))
    lines = path.read_text().splitlines()
    shifted = IMPORTS.count("\n")
    guards = [number for number, line in enumerate(lines) if line.rstrip().endswith(":") and " if " in line]
    for number in guards:
        lines[number + 1] = "    " + lines[number + 1]
    path.write_text(IMPORTS + "\n".join(lines) + "\n")
    indented = {number + 2 for number in guards}
    return path, [
        (line + shifted, start + 4 * (line in indented), end + 4 * (line in indented)) for line, start, end in places
    ]


def errors_of(found: Trace) -> list[Diagnostic]:
    return [each for each in found.diagnostics if each.severity == "error"]


@pytest.mark.parametrize("name", CASES)
def test_it_is_told_on_its_range_and_gone_on(name: str, tmp_path: Path) -> None:
    layers, body, code, words, after = CASES[name]
    path, places = write(tmp_path, layers, body)
    found = trace(path, "Net")
    assert faults(found) == places
    [error] = errors_of(found)
    assert error.code == code
    assert words in error.message
    assert found.status == "partial"
    batch = next(name for name, symbol in found.symbols.items() if symbol.meaning == "batch")
    assert dims_of(found, "before") == (batch, 6, 16, 16)
    assert dims_of(found, "after") == (batch, *after)


def test_what_follows_from_sizes_unpacked_wrongly_is_not_told_again(tmp_path: Path) -> None:
    path, places = write(tmp_path, NOTHING, "«B, T» = x.shape\nh = x.view(B, T, 4, 8)\ny = «x + x[:, :4]»")
    found = trace(path, "Net")
    assert faults(found) == places
    assert next(each for each in found.values if each.name == "T").assumed


def test_a_refusal_that_values_decide_is_not_told(tmp_path: Path) -> None:
    path, _ = write(tmp_path, NOTHING, "assert (x > 0).all(), 'positive'\nassert x.max() < 5\ny = x")
    found = trace(path, "Net")
    assert errors_of(found) == []
    assert dims_of(found, "after") == ("B", 6, 16, 16)


def test_a_shape_that_values_decide_is_no_error(tmp_path: Path) -> None:
    path, _ = write(tmp_path, NOTHING, "h = x[x > 0]\ny = h.view(-1, 7)\ny = y.view(3, 7)")
    assert errors_of(trace(path, "Net")) == []


def test_a_guard_that_is_caught_and_one_that_iteration_waits_for_are_no_faults(tmp_path: Path) -> None:
    text = MODEL.format(
        layers="        self.fc = nn.Identity()",
        body="        try:\n            y = checked(x)\n        except ValueError:\n            y = x\n"
        "        y = torch.stack(list(Steps(y)), 1)",
    )
    path = tmp_path / "net.py"
    path.write_text(
        text + "\n\ndef checked(x):\n    if x.dim() != 3:\n        raise ValueError\n    return x[0]\n\n\n"
        "class Steps:\n    def __init__(self, x):\n        self.x, self.n = x, 0\n\n"
        "    def __iter__(self):\n        return self\n\n    def __next__(self):\n        if self.n == 3:\n"
        "            raise StopIteration\n        self.n += 1\n        return self.x\n"
    )
    found = trace(path, "Net")
    assert (found.status, found.diagnostics) == ("complete", ())
    assert dims_of(found, "after") == ("B", 3, 6, 16, 16)
