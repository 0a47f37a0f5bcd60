"""What a model makes of a sample, and what its answer rests on: against what can be reckoned by hand."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image
from torch import Tensor, nn

from pymodel.cli import main
from pymodel.explain.activations import MOST_MAPS, explain_activations
from pymodel.explain.attributions import MethodUnknown, explain_attributions
from pymodel.explain.job import explain
from pymodel.explain.methods import METHODS
from pymodel.explain.png import encode_all, encode_pixels
from pymodel.explain.sample import Sample, SampleNotUsable
from pymodel.explain.subject import Subject
from pymodel.schema import ExplainRequest

PROJECT = '''
import torch
from torch import nn
from torch.utils.data import Dataset


class Words(Dataset):
    classes = ["calm", "<b>loud</b>"]
    known = ["", "be", "quiet", "<script>", "NOW"]

    def __len__(self):
        return 6

    def __getitem__(self, index):
        return torch.tensor([index % 5, 1, 4]), index % 2

    def encode(self, text):
        return [self.known.index(word) for word in text.split()]

    def decode(self, numbers):
        return [self.known[number] for number in numbers]


class Loudness(nn.Module):
    """Adds up what each word says: what it rests on is known."""

    def __init__(self):
        super().__init__()
        self.words = nn.Embedding(5, 2)

    def forward(self, words):
        return self.words(words).sum(1)


class Pictures(Dataset):
    def __len__(self):
        return 3

    def __getitem__(self, index):
        return torch.full((3, 8, 8), index / 4), index


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 40, 3)
        self.relu = nn.ReLU()
        self.head = nn.Linear(40, 3)

    def forward(self, x):
        return self.head(self.relu(self.conv(x)).mean((2, 3)))
'''


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("project")
    (folder / "code.py").write_text(PROJECT)
    return folder


def request(project: Path, what: Any, name: str, data: str | None = None, **asked: Any) -> ExplainRequest:
    source = f"{project / 'code.py'}::{data}" if data else None
    return ExplainRequest(f"{project / 'code.py'}::{name}", what, construction=f"{name}()", data=source, **asked)


def decoded(content: bytes) -> Tensor:
    picture = Image.open(io.BytesIO(content))
    pixels = torch.frombuffer(bytearray(picture.tobytes()), dtype=torch.uint8)
    return pixels.view(picture.height, picture.width, -1)


def test_pictures_are_read_back_as_they_were_written() -> None:
    grey = torch.arange(35, dtype=torch.uint8).view(5, 7)
    assert torch.equal(decoded(encode_pixels(grey))[:, :, 0], grey)
    colours = torch.arange(60, dtype=torch.uint8).view(4, 5, 3)
    assert torch.equal(decoded(encode_pixels(colours)), colours)
    for one, content in zip(grey.view(5, 1, 7), encode_all(grey.view(5, 1, 7), bytes(range(256)) * 3), strict=True):
        assert torch.equal(decoded(content)[:, :, 0], one)


def test_a_row_is_run_and_every_layer_is_told(project: Path) -> None:
    document = explain(request(project, "activations", "Net", "Pictures", sample="2"))
    content = document.content
    assert content["sample"]["kind"] == "image"
    assert content["prediction"]["label"] == "2"
    assert sum(each["probability"] for each in content["prediction"]["answers"]) == pytest.approx(1)
    assert [each["path"] for each in content["layers"]] == ["conv", "relu", "head"]
    conv, relu, head = content["layers"]
    assert conv["dims"] == [1, 40, 6, 6]
    assert (conv["maps"], len(conv["shown"])) == (40, MOST_MAPS)
    assert relu["statistics"]["min"] == 0
    assert relu["dead"] > 0, "of 40 units drawn at random some never speak"
    assert relu["rows"] == 4
    assert head["maps"] == 0
    assert document.page.count("<details>") == MOST_MAPS
    assert decoded(document.pictures["maps-conv.png"]).shape[0] >= 6
    assert decoded(document.pictures["sample.png"]).shape == (8, 8, 3)


def test_an_image_file_is_brought_to_the_size_of_the_models_images(project: Path, tmp_path: Path) -> None:
    Image.new("RGBA", (50, 20), (255, 0, 0, 255)).save(tmp_path / "red.png")
    document = explain(request(project, "activations", "Net", "Pictures", sample=str(tmp_path / "red.png")))
    assert content_of(document, "conv") == [1, 40, 6, 6]
    (tmp_path / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\nnothing")
    with pytest.raises(SampleNotUsable, match="no image"):
        explain(request(project, "activations", "Net", "Pictures", sample=str(tmp_path / "broken.png")))


def content_of(document: Any, path: str) -> list[int]:
    dims: list[int] = next(each["dims"] for each in document.content["layers"] if each["path"] == path)
    return dims


@pytest.mark.parametrize("written", ["module", "function", "by hand"])
def test_attention_is_seen_however_it_is_written(written: str) -> None:
    torch.manual_seed(0)

    class Attends(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.inner = nn.MultiheadAttention(8, 2, batch_first=True) if written == "module" else nn.Linear(8, 24)
            self.last = nn.Linear(8, 3)

        def forward(self, x: Tensor) -> Tensor:
            if isinstance(self.inner, nn.MultiheadAttention):
                return self.last(self.inner(x, x, x, need_weights=False)[0].mean(1))
            q, k, v = (each.unflatten(2, (2, 4)).transpose(1, 2) for each in self.inner(x).chunk(3, dim=2))
            if written == "function":
                mixed = nn.functional.scaled_dot_product_attention(q, k, v)
            else:
                mixed = torch.einsum("bhqk,bhkd->bhqd", (q @ k.transpose(2, 3) / 2).softmax(-1), v)
            return torch.softmax(self.last(mixed.transpose(1, 2).flatten(2).mean(1)), -1)

    model = Attends().eval()
    x = torch.randn(1, 5, 8)
    found = explain_activations(Subject(model, "fresh", None, "", "auto"), Sample("numbers", "x", (x,), {}))
    assert len(found.attention) == 1, "the softmax of the answer is no attention"
    weights = found.attention[0].weights
    assert weights.shape == (2, 5, 5)
    projection = model.inner.in_proj_weight if written == "module" else model.inner.weight
    bias = model.inner.in_proj_bias if written == "module" else model.inner.bias
    q, k, _ = (each.unflatten(2, (2, 4)).transpose(1, 2) for each in (x @ projection.T + bias).chunk(3, dim=2))
    assert torch.allclose(weights, (q @ k.transpose(2, 3) / 2).softmax(-1)[0], atol=1e-5)
    assert found.attention[0].path == ("inner" if written == "module" else "")


class Weighing(nn.Module):
    """A known weight a number: what each counts is the product."""

    def __init__(self) -> None:
        super().__init__()
        self.weights = nn.Parameter(torch.tensor([[2.0, -1.0, 0.5, 0.0], [0.0, 1.0, 1.0, 3.0]]))

    def forward(self, x: Tensor) -> Tensor:
        return x @ self.weights.T


def test_of_a_linear_model_each_method_finds_the_products() -> None:
    model, x = Weighing().eval(), torch.tensor([[3.0, 1.0, -2.0, 5.0]])
    sample = Sample("table", "x", (x,), {}, columns=("a", "b", "c", "d"))
    found = explain_attributions(Subject(model, "fresh", None, "", "cross_entropy"), sample, class_index=0)
    products = (model.weights[0] * x[0]).detach()
    by_name = {each.method: each for each in found.found}
    assert set(by_name) == set(METHODS)
    for name in ("integrated-gradients", "occlusion", "kernel-shap"):
        assert torch.allclose(by_name[name].values, products, atol=1e-3), name
    assert torch.allclose(by_name["saliency"].values, model.weights[0].abs().detach())
    assert torch.allclose(by_name["lime"].values, products, atol=0.6), "it is regularised"
    assert by_name["grad-cam"].values is None
    assert by_name["grad-cam"].reason == "Grad-CAM is for images."
    for name in ("integrated-gradients", "kernel-shap"):
        assert by_name[name].expected == pytest.approx(4.0)
        assert by_name[name].error == pytest.approx(0, abs=1e-3)
    assert by_name["lime"].error is None


def test_of_a_text_each_token_has_its_share(project: Path, tmp_path: Path) -> None:
    weights = torch.tensor([[0.0, 0.0], [1.0, -1.0], [3.0, -3.0], [0.5, 0.25], [-2.0, 4.0]])
    torch.save({"words.weight": weights}, tmp_path / "w.pt")
    asked = {"sample": "be <script> NOW", "weights": str(tmp_path / "w.pt")}
    document = explain(request(project, "attributions", "Loudness", "Words", **asked))
    content = document.content
    assert content["sample"]["tokens"] == ["be", "<script>", "NOW"]
    assert content["class"]["name"] == "<b>loud</b>"
    methods = {each["method"]: each for each in content["methods"]}
    for name in ("integrated-gradients", "occlusion", "kernel-shap"):
        assert methods[name]["values"] == pytest.approx([-1, 0.25, 4], abs=1e-3), name
    assert methods["kernel-shap"]["completeness_error"] == pytest.approx(0, abs=1e-3)
    assert "<b>" not in document.page
    assert "<script>NOW" not in document.page
    assert document.page.count("<script>") == 1, "the page's own"


def test_of_an_image_the_sums_are_what_theory_says(project: Path) -> None:
    document = explain(request(project, "attributions", "Net", "Pictures", sample="1"))
    for each in document.content["methods"]:
        assert torch.tensor(each["values"]).shape == (8, 8), each["method"]
        assert decoded(document.pictures[each["file"]]).shape == (8, 8, 3)
        if each["method"] in ("integrated-gradients", "kernel-shap"):
            assert abs(each["completeness_error"]) <= 0.01 * abs(each["expected_sum"]) + 1e-4
            assert torch.tensor(each["values"]).sum() == pytest.approx(each["sum"], rel=1e-3, abs=1e-4)


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ({"sample": "9", "data": "Pictures"}, "no row 9: there are"),
        ({"sample": "-1", "data": "Pictures"}, "no row -1"),
        ({"sample": "0"}, "no data to take a row of"),
        ({"sample": "some words", "data": "Pictures"}, "turns a text into the model's numbers"),
    ],
)
def test_what_cannot_be_a_sample_is_said(project: Path, asked: dict[str, str], words: str) -> None:
    with pytest.raises(SampleNotUsable, match=words):
        explain(request(project, "activations", "Net", **asked))


def test_what_cannot_be_asked_is_said(project: Path) -> None:
    for asked, words in (({"methods": ("magic",)}, "no method `magic`"), ({"class_index": 3}, "no class 3")):
        with pytest.raises(MethodUnknown, match=words):
            explain(request(project, "attributions", "Net", "Pictures", sample="0", **asked))


def test_the_command_writes_page_document_and_pictures(
    project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(project)
    target = ["code.py::Net", "--init", "Net()", "--input", "x=(B, 3, 8, 8)"]
    output = tmp_path / "out"
    assert main(["explain", "activations", *target, "--sample", "random", "-o", str(output), "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["weights"] == "fresh"
    assert document["page"] == str(output / "activations.html")
    names = {path.name for path in output.iterdir()}
    assert names == {"activations.html", "activations.json", "maps-conv.png", "sample.png"}
    assert json.loads((output / "activations.json").read_text())["layers"] == document["layers"]
