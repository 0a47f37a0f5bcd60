"""What is told of a file's numbers: against torch's own, for every dtype, in bounded memory, as text, JSON and page."""

from __future__ import annotations

import json
import math
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from torch import Tensor

from pymodel.cli import main
from pymodel.explain.statistics import PIECE, describe_tensor
from pymodel.explain.weights import TensorNotUsable, read_values, report_weights, singular_values
from pymodel.weights import open_weights
from pymodel.weights.safetensors import write_header


def save_safetensors(tensors: dict[str, Tensor], path: Path) -> Path:
    places, end = {}, 0
    for name, tensor in tensors.items():
        places[name] = (tensor.dtype, tuple(tensor.shape), end)
        end += tensor.numel() * tensor.element_size()
    content = b"".join(bytes(tensor.contiguous().view(-1).view(torch.uint8).tolist()) for tensor in tensors.values())
    path.write_bytes(write_header(places, {}) + content)
    return path


@pytest.mark.parametrize(
    "dtype",
    [torch.float32, torch.float64, torch.float16, torch.bfloat16, torch.float8_e4m3fn, torch.int64, torch.uint8],
)
def test_statistics_are_those_of_torch(dtype: torch.dtype) -> None:
    torch.manual_seed(0)
    values = (torch.randn(2 * PIECE + 17) * 5 + 20).clamp_min(0)
    values[::7] = 0
    tensor = values.to(dtype)
    exact = tensor.double()
    found = describe_tensor(tensor)
    assert found.mean == pytest.approx(float(exact.mean()), rel=1e-5)
    assert found.std == pytest.approx(float(exact.std(correction=0)), rel=1e-5)
    assert (found.min, found.max) == (float(exact.min()), float(exact.max()))
    assert found.l1 == pytest.approx(float(exact.abs().sum()), rel=1e-5)
    assert found.l2 == pytest.approx(float(exact.square().sum().sqrt()), rel=1e-5)
    assert found.zeros == int((exact == 0).sum())
    assert found.histogram is not None
    assert sum(found.histogram.counts) == len(values)
    assert found.histogram.counts[0] >= found.zeros


def test_a_far_mean_does_not_cost_the_deviation_its_digits() -> None:
    torch.manual_seed(0)
    found = describe_tensor(torch.randn(PIECE) * 1e-3 + 100)
    assert found.std == pytest.approx(1e-3, rel=0.02)


def test_the_histogram_is_that_of_torch() -> None:
    torch.manual_seed(0)
    tensor = torch.rand(10_000)
    found = describe_tensor(tensor, bins=20).histogram
    assert found is not None
    expected = torch.histc(tensor, 20).tolist()
    assert all(abs(a - b) <= 2 for a, b in zip(found.counts, expected, strict=True)), "edges may round"


def test_what_is_not_finite_is_counted_and_left_out() -> None:
    tensor = torch.tensor([math.nan, math.inf, -math.inf, 3e38, 3e38, -3e38, 0.0])
    found = describe_tensor(tensor)
    assert (found.nan, found.inf, found.zeros) == (1, 2, 1)
    assert found.mean == pytest.approx(0.75e38, rel=1e-5)
    assert found.std is not None
    assert found.histogram is not None
    assert sum(found.histogram.counts) == 4


@pytest.mark.parametrize("values", [[], [math.nan], [2.0, 2.0], [1e-42, 2e-42, 0.0]])
def test_degenerate_tensors_have_statistics_too(values: list[float]) -> None:
    found = describe_tensor(torch.tensor(values))
    assert found.elements == len(values)
    if found.histogram is not None:
        assert sum(found.histogram.counts) == len(values)


def test_both_kinds_of_file_say_the_same(tmp_path: Path) -> None:
    torch.manual_seed(0)
    shared = torch.randn(4, 3)
    tensors = {"a": shared, "b.half": torch.randn(5).half(), "c.none": torch.empty(0, 3), "tied": shared}
    torch.save(tensors, tmp_path / "w.pt")
    pickled = report_weights(tmp_path / "w.pt")
    plain = report_weights(save_safetensors({k: v for k, v in tensors.items() if k != "tied"}, tmp_path / "w.st"))
    assert {each.name: each.statistics for each in plain.tensors}.items() <= {
        each.name: each.statistics for each in pickled.tensors
    }.items()
    assert {each.name: each.shared_with for each in pickled.tensors}["tied"] == "a"


def test_two_files_are_compared(tmp_path: Path) -> None:
    torch.manual_seed(0)
    first = {"kept": torch.randn(8), "grown": torch.randn(2, 2), "scaled": torch.ones(50), "gone": torch.ones(1)}
    second = {"kept": first["kept"], "grown": torch.randn(2, 3), "scaled": torch.ones(50) * 1.1, "new": torch.ones(1)}
    for name, tensors in (("a.pt", first), ("b.pt", second)):
        torch.save(tensors, tmp_path / name)
    changes = {each.name: each for each in report_weights(tmp_path / "a.pt", tmp_path / "b.pt").changes}
    kinds = {"kept": "same", "grown": "reshaped", "scaled": "changed", "gone": "removed", "new": "added"}
    assert {name: each.kind for name, each in changes.items()} == kinds
    assert changes["scaled"].relative == pytest.approx(0.1, rel=1e-4)
    assert changes["scaled"].max_abs == pytest.approx(0.1, rel=1e-4)
    assert changes["scaled"].cosine == pytest.approx(1)


def test_values_and_singular_values_are_read_on_demand(tmp_path: Path) -> None:
    torch.manual_seed(0)
    matrix = torch.randn(6, 2, 2)
    torch.save({"m": matrix, "v": torch.tensor([1.0, math.nan])}, tmp_path / "w.pt")
    with open_weights(tmp_path / "w.pt") as weights:
        values = read_values(weights, "m", 4, 3)
        assert values.values == tuple(matrix.flatten()[4:7].tolist())
        assert read_values(weights, "v", 0, 9).values == (1.0, "nan")
        assert singular_values(weights, "m") == pytest.approx(torch.linalg.svdvals(matrix.view(6, 4)).tolist())
        with pytest.raises(TensorNotUsable, match="no matrix"):
            singular_values(weights, "v")
        with pytest.raises(TensorNotUsable, match="There is no tensor `x`"):
            read_values(weights, "x", 0, 1)


def test_a_file_larger_than_the_limit_is_gone_through_in_pieces(tmp_path: Path) -> None:
    """256 MB of weights in far less memory: what was looked at is let go of."""
    path = tmp_path / "big.safetensors"
    count = 16 << 20
    places = {f"layer{n}": (torch.float32, (count,), n * count * 4) for n in range(4)}
    with path.open("wb") as file:
        file.write(write_header(places, {}))
        file.truncate(file.tell() + 4 * count * 4)
    program = (
        "import sys\nfrom pathlib import Path\nfrom pymodel.explain.weights import report_weights\n"
        "import resource\nbefore = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "report = report_weights(Path(sys.argv[1]))\n"
        "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before, report.tensors[3].statistics.zeros)"
    )
    output = subprocess.run([sys.executable, "-c", program, str(path)], capture_output=True, text=True, check=True)
    kilobytes, zeros = map(int, output.stdout.split())
    assert zeros == count
    assert kilobytes < 160 << 10, "less than two thirds of the file"


def test_the_command_prints_writes_and_refuses(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    name = "<img src=x onerror=alert(1)>"
    torch.save({name: torch.randn(3, 3), "\u202erow\u2028": torch.tensor([math.inf])}, tmp_path / "w.pt")
    assert main(["explain", "weights", str(tmp_path / "w.pt"), "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["tensors"][0]["name"] == name
    assert document["tensors"][1]["statistics"]["inf"] == 1
    assert main(["explain", "weights", str(tmp_path / "w.pt"), "-o", str(tmp_path / "out")]) == 0
    page = (tmp_path / "out" / "weights.html").read_text()
    assert "<img" not in page
    assert "&lt;img" in page
    assert json.loads((tmp_path / "out" / "weights.json").read_text()) == document
    assert main(["explain", "weights", str(tmp_path / "none.pt")]) == 3
    assert "none.pt" in capsys.readouterr().err
    assert main(["explain", "weights"]) == 2


def test_the_example_in_the_docs_is_what_the_command_prints(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    page = (Path(__file__).resolve().parents[2] / "docs" / "cli.md").read_text(encoding="utf-8")
    told = json.loads(page.partition("`pymodel explain weights w.pt --json`")[2].split("```")[1].removeprefix("json"))
    torch.save({"fc.weight": torch.tensor([[0.0, 1.0], [2.0, 3.0]])}, tmp_path / "w.pt")
    assert main(["explain", "weights", str(tmp_path / "w.pt"), "--json"]) == 0
    printed = json.loads(capsys.readouterr().out)
    assert printed.keys() == told.keys()
    [mine], [its] = printed["tensors"], told["tensors"]
    numbers = ({key: each["statistics"].pop(key) for key in ("std", "l2")} for each in (mine, its))
    assert next(numbers) == pytest.approx(next(numbers), abs=1e-3)
    assert mine == its
