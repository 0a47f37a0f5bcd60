from __future__ import annotations

from pathlib import Path

import onnx
import onnxruntime
import pytest
import torch

from pymodel.export.export import export
from pymodel.export.packages import PackageMissing, require
from pymodel.export.verify import compare
from pymodel.schema import ExportRequest, PyModelError

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
    assert result["sizes"] == [{"B": 2}, {"B": 3}]
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
    with pytest.raises(PyModelError, match="differs from the model"):
        export(ExportRequest(target.replace("Reader", "Gambler"), "pt2", inputs=("x=(B, 6)",)))
    assert [path.name for path in tmp_path.iterdir()] == ["net.py"]


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
    errors, equal = compare([torch.ones(2)], [torch.tensor([1.0, 1.5])], ["y"], [("B",)])
    assert not equal
    assert errors[0].max_abs_error == 0.5
