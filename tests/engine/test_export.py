from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import onnx
import onnxruntime
import pytest
import torch

from pymodel.export.cases import Case, choose_cases
from pymodel.export.compare import compare
from pymodel.export.export import export, make_subject, prepare, settle_dims
from pymodel.export.external import UnsafeData
from pymodel.export.metadata import read_request
from pymodel.export.onnx import OnnxFile, check_file
from pymodel.export.packages import PackageMissing, require
from pymodel.export.proof import Observation, Proof
from pymodel.schema import ExportRequest, PyModelError, Symbol
from pymodel.train.user_code import describe_error
from pymodel.weights import open_weights

from .jobs import MAIN

MODEL = """
import torch
from torch import nn

class Reader(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(6, 3)

    def forward(self, x):
        print("this must not reach stdout")
        return self.fc(x)

class Gambler(nn.Module):
    def forward(self, x):
        return x + torch.rand_like(x)
"""


@pytest.fixture
def target(tmp_path: Path) -> str:
    (tmp_path / "net.py").write_text(MODEL)
    return f"{tmp_path / 'net.py'}::Reader"


def test_onnx_is_checked_at_two_batch_sizes_and_serves_others(
    target: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    torch.save({"fc.weight": torch.ones(3, 6), "fc.bias": torch.zeros(3)}, tmp_path / "ones.pt")
    result = export(ExportRequest(target, weights=str(tmp_path / "ones.pt"), inputs=("x=(B, 6):float32",)))
    assert result["verified"] is True
    assert result["sizes"] == [{"B": 2}, {"B": 3}, {"B": 5}]
    assert capsys.readouterr().out == ""
    path = str(tmp_path / "Reader.onnx")
    assert result["path"] == path
    assert [each.name for each in tmp_path.iterdir() if each.name.startswith(".")] == []
    session = onnxruntime.InferenceSession(path)
    (answer,) = session.run(None, {"x": torch.ones(9, 6).numpy()})
    assert answer.tolist() == [[6.0] * 3] * 9
    assert session.get_inputs()[0].shape == ["B", 6]
    said = {each.key: each.value for each in onnx.load(path).metadata_props}
    assert said["pymodel.target"] == "net.py::Reader"
    assert said["pymodel.weights"] == "ones.pt"


def test_pt2_computes_the_same(target: str, tmp_path: Path) -> None:
    result = export(ExportRequest(target, "pt2", inputs=("x=(B, 6):float32",), output=str(tmp_path / "out.pt2")))
    assert result["weights"] == "fresh"
    loaded = torch.export.load(str(tmp_path / "out.pt2")).module()
    assert loaded(torch.zeros(5, 6)).shape == (5, 3)


def test_what_differs_from_the_model_is_not_kept(target: str, tmp_path: Path) -> None:
    result = export(ExportRequest(target.replace("Reader", "Gambler"), "pt2", inputs=("x=(B, 6)",)))
    assert result["verified"] is False
    assert result["first_divergence"]
    kept = {path.name for path in tmp_path.iterdir()}
    assert kept == {"net.py", "Gambler.pt2.report.md", "Gambler.pt2.report.json"}
    assert "not equal to the model" in (tmp_path / "Gambler.pt2.report.md").read_text()


def test_a_pickle_that_could_run_code_is_refused(target: str, tmp_path: Path) -> None:
    torch.save(torch.nn.Linear(6, 3), tmp_path / "whole.pt")
    with pytest.raises(PyModelError, match="no plain weights"):
        export(ExportRequest(target, weights=str(tmp_path / "whole.pt"), inputs=("x=(B, 6)",)))


def test_weights_of_another_model_are_told_by_name(target: str, tmp_path: Path) -> None:
    torch.save({"other.weight": torch.ones(1)}, tmp_path / "other.pt")
    with pytest.raises(PyModelError, match=r"fc\.weight"):
        export(ExportRequest(target, weights=str(tmp_path / "other.pt"), inputs=("x=(B, 6)",)))


def test_without_inputs_the_next_step_is_named(target: str) -> None:
    with pytest.raises(PyModelError, match="Set an example input"):
        export(ExportRequest(target))


def test_a_missing_package_comes_with_its_command() -> None:
    with pytest.raises(PackageMissing, match="pip install no_such_package"):
        require("torch", "no_such_package")


def test_a_difference_is_seen_and_measured() -> None:
    found = compare(torch.ones(2), torch.tensor([1.0, 1.5]))
    assert not found.equal
    assert found.max_abs == 0.5


@pytest.mark.parametrize(
    ("dtype", "near", "far"),
    [(torch.float64, 1e-9, 1e-5), (torch.float32, 1e-5, 1e-2), (torch.float16, 1e-3, 0.1), (torch.bfloat16, 1e-2, 0.2)],
)
def test_tolerance_is_by_dtype(dtype: torch.dtype, near: float, far: float) -> None:
    ones = torch.ones(8, dtype=dtype)
    assert compare(ones, ones + near).equal
    assert not compare(ones, ones + far).equal


def test_small_outputs_are_held_to_their_own_size() -> None:
    assert not compare(torch.full((8,), 1e-2), torch.full((8,), 1.1e-2)).equal


def test_what_is_not_finite_must_be_so_in_both() -> None:
    odd = torch.tensor([1.0, float("nan"), float("inf")])
    assert compare(odd, odd.clone()).equal
    for other in ([1.0, 2.0, float("inf")], [1.0, float("nan"), float("-inf")], [float("nan"), float("nan"), 3.0]):
        assert not compare(odd, torch.tensor(other)).equal


def test_integers_must_be_equal() -> None:
    assert not compare(torch.tensor([10**6]), torch.tensor([10**6 + 1])).equal


def test_sizes_are_what_the_trace_allows() -> None:
    symbols = {
        "B": Symbol("batch", (7, 11)),
        "H": Symbol("height", (64, 96), min=32, multiple_of=32, max=128),
        "T": Symbol("length", (7, 11), max=7),
        "N": Symbol("size", (4,), equals=4),
    }
    sizes = [case.sizes for case in choose_cases(symbols)]
    assert sizes[0] == sizes[1] == {"B": 2, "H": 64, "T": 7, "N": 4}
    assert {each["H"] for each in sizes} == {64, 96, 32}
    assert {each["T"] for each in sizes} == {7, 6, 4}
    assert {each["N"] for each in sizes} == {4}
    assert [each for each in sizes if each["B"] != 2 and each["H"] != 64]  # and together


def test_dims_that_the_exporter_got_wrong_are_mended() -> None:
    shapes = [Observation(Case({"B": n}, 0), (), ((n, 3 * n, 4),)) for n in (2, 3)]
    proof = Proof((), tuple(shapes), (), None)
    dims, notes = settle_dims(["y"], [("B", 6, "s9")], [("B", "3*B", 5)], proof)
    assert dims == [("B", "3*B", "y_2")]
    assert len(notes) == 2


def test_opset_and_limits_of_embeddings(tmp_path: Path) -> None:
    (tmp_path / "net.py").write_text(EMBEDDINGS)
    result = export(
        ExportRequest(f"{tmp_path / 'net.py'}::Net", inputs=("ids=(B, T):int64", "kind=(B, T):int64"), opset=18)
    )
    assert result["verified"], result
    model = onnx.load(str(result["path"]))
    assert [each.version for each in model.opset_import if each.domain == ""] == [18]
    assert [each.name for each in model.graph.output] == ["hidden", "flat"]
    assert [each["dims"] for each in result["outputs"]] in ([["B", "T", 4], [product, 4]] for product in ("B*T", "T*B"))  # type: ignore[attr-defined]
    text = model.SerializeToString()
    assert str(tmp_path).encode() not in text  # nothing of this machine's folders


EMBEDDINGS = """
from torch import nn

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.words, self.kinds = nn.Embedding(50, 4), nn.Embedding(3, 4)

    def forward(self, ids, kind=None):
        x = self.words(ids) + self.kinds(kind)
        return {"hidden": x, "flat": x.reshape(-1, 4)}
"""


def test_values_reach_every_row_of_a_table(tmp_path: Path) -> None:
    (tmp_path / "net.py").write_text(EMBEDDINGS)
    request = ExportRequest(f"{tmp_path / 'net.py'}::Net", inputs=("ids=(B, T):int64", "kind=(B, T):int64"))
    subject = make_subject(request, prepare(request))
    assert subject.inputs.limits == {"ids": 50, "kind": 3}


def test_tied_weights_are_written_once_and_the_snippet_loads_them(tmp_path: Path) -> None:
    (tmp_path / "tied.py").write_text(TIED)
    result = export(ExportRequest(f"{tmp_path / 'tied.py'}::Tied", "safetensors", construction="Tied(5)"))
    with open_weights(tmp_path / "Tied.safetensors") as weights:
        assert list(weights.places) == ["a.weight", "a.bias", "b.bias"]
        assert weights.metadata["b.weight"] == "a.weight"
    from_package = str(result["snippet"]).replace("from safetensors.torch import", "from pymodel.weights import")
    program = from_package.replace("load_file", "load_weights").replace(
        '"Tied.safetensors"', 'Path("Tied.safetensors")'
    )
    program = f"from pathlib import Path\n{program}\nassert model.a.weight is model.b.weight"
    subprocess.run([sys.executable, "-c", program], cwd=tmp_path, check=True)


TIED = """
from torch import nn

class Tied(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.a, self.b = nn.Linear(width, width), nn.Linear(width, width)
        self.b.weight = self.a.weight
"""

FAILING = {
    "branch": ("        if x.sum() > 0:\n            x = x * 2\n        return x", 1, "depends on a tensor's values"),
    "number": ("        n = int(x.max().item())\n        return x[:n] * n", 1, "becomes a Python number"),
    "numpy": ("        y = x * 2\n        return torch.from_numpy(y.numpy())", 2, "leaves torch for NumPy"),
    "operator": ("        y = x * 2\n        return torch.linalg.svdvals(y)", 2, "ONNX has no `aten._linalg_svd`"),
    "own fault": (
        "        return x @ torch.ones(9, 9)",
        1,
        "must have same reduction dim",
    ),
}


@pytest.mark.parametrize("case", FAILING)
def test_a_failure_names_the_line_and_what_to_change(case: str, tmp_path: Path) -> None:
    body, line, words = FAILING[case]
    text = f"import torch\nfrom torch import nn\n\nclass Net(nn.Module):\n    def forward(self, x):\n{body}\n"
    (tmp_path / "net.py").write_text(text)
    with pytest.raises(Exception, match=words) as raised:
        export(ExportRequest(f"{tmp_path / 'net.py'}::Net", inputs=("x=(B, 6)",)))
    error = describe_error(raised.value)
    assert (error.path, error.line) == (str(tmp_path / "net.py"), 5 + line)
    assert not list(tmp_path.glob("*.onnx"))


def make_external(path: Path, location: str) -> None:
    """A model that adds weights which lie at `location`."""
    weights = onnx.TensorProto(name="w", data_type=onnx.TensorProto.FLOAT, dims=[4])
    weights.data_location = onnx.TensorProto.EXTERNAL
    for key, value in (("location", location), ("offset", "0"), ("length", "16")):
        weights.external_data.add(key=key, value=value)
    node = onnx.helper.make_node("Add", ["x", "w"], ["y"])
    tensors = [onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, [4]) for name in "xy"]
    graph = onnx.helper.make_graph([node], "g", tensors[:1], tensors[1:], [weights])
    path.write_bytes(onnx.helper.make_model(graph).SerializeToString())


@pytest.mark.parametrize("case", ["absolute", "upwards", "link", "linked folder", "hard link", "missing", "too short"])
def test_external_data_out_of_its_folder_is_refused(case: str, tmp_path: Path) -> None:
    folder = tmp_path / "model"
    folder.mkdir()
    secret = tmp_path / "secret.bin"
    secret.write_bytes(b"s" * 16)
    locations = {"absolute": str(secret), "upwards": "../secret.bin", "linked folder": "out/secret.bin"}
    if case == "link":
        (folder / "w.bin").symlink_to(secret)
    elif case == "linked folder":
        (folder / "out").symlink_to(tmp_path)
    elif case == "hard link":
        os.link(secret, folder / "w.bin")
    elif case == "too short":
        (folder / "w.bin").write_bytes(b"123")
    make_external(folder / "m.onnx", locations.get(case, "w.bin"))
    with pytest.raises(UnsafeData, match="would be read from") as raised:
        check_file(folder / "m.onnx")
    assert "\n" not in str(raised.value)


def test_external_data_beside_its_file_is_read(tmp_path: Path) -> None:
    make_external(tmp_path / "m.onnx", "w.bin")
    (tmp_path / "w.bin").write_bytes(torch.ones(4).numpy().tobytes())
    check_file(tmp_path / "m.onnx")
    assert OnnxFile(tmp_path / "m.onnx").run({"x": torch.ones(4)})[0].tolist() == [2.0] * 4


@pytest.mark.parametrize("content", [b"", b"\x08\x07garbage", b"PK\x03\x04", b"\xff" * 1000])
def test_what_is_no_onnx_gives_one_clear_error(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "m.onnx").write_bytes(content)
    with pytest.raises(PyModelError, match=r"no (valid )?ONNX"):
        check_file(tmp_path / "m.onnx")


def test_a_file_cannot_lead_its_check_out_of_the_project(tmp_path: Path) -> None:
    """What a file says of itself may be anything: the model's code must lie in the folders that were given."""
    (tmp_path / "evil.py").write_text("")
    project = tmp_path / "project"
    project.mkdir()
    for target in ("../evil.py::Net", f"{tmp_path / 'evil.py'}::Net"):
        with pytest.raises(PyModelError, match="is not in"):
            read_request({"pymodel.target": target}, project / "m.onnx", (project,))


def test_the_command_prints_the_contracts_document(tmp_path: Path) -> None:
    (tmp_path / "net.py").write_text(MODEL)

    def run(*words: str) -> tuple[int, Any]:
        command = [sys.executable, "-P", str(MAIN), "export", *words, "--json"]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
        return done.returncode, json.loads(done.stdout)

    code, document = run("net.py::Reader")
    assert code == 0
    keys = ("path", "format", "verified", "sizes", "outputs", "first_divergence")
    assert tuple(document)[: len(keys)] == keys
    assert set(document["outputs"][0]) == {"name", "dims", "max_abs_error", "max_rel_error"}
    assert document["outputs"][0]["dims"] == ["B", 3]
    code, again = run("--verify", "Reader.onnx")
    assert (code, again["verified"], again["path"]) == (0, True, document["path"])
    code, document = run("net.py::Gambler", "--input", "x=(B, 6)")
    assert (code, document["verified"]) == (1, False)
    assert document["first_divergence"] == {"path": str(tmp_path / "net.py"), "line": 16}


CONSTANT = """
from torch import nn

class Silent(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(6, 3)
        nn.init.zeros_(self.fc.weight)

    def forward(self, x):
        return self.fc(x), x + 1
"""


def test_an_output_that_nothing_moves_is_told_since_its_equality_proves_little(tmp_path: Path) -> None:
    (tmp_path / "net.py").write_text(CONSTANT)
    result = export(ExportRequest(f"{tmp_path / 'net.py'}::Silent", inputs=("x=(B, 6)",)))
    assert result["verified"]
    [first, second] = [each["name"] for each in result["outputs"]]  # type: ignore[attr-defined]
    said = [note for note in result["notes"] if "the same for other inputs" in note]  # type: ignore[attr-defined]
    assert len(said) == 1
    assert said[0].startswith(first)
    assert not said[0].startswith(second)
