"""The input oracle on ordinary code: how to build each model and what to feed it, with nothing asked."""

from __future__ import annotations

from pathlib import Path

import pytest

from pymodel.discover.models import find_models
from pymodel.discover.pins import find_pins
from pymodel.resolve.load import load_module
from pymodel.resolve.resolution import ConstructionNotFound, Resolution
from pymodel.resolve.resolve import Oracle
from pymodel.schema import Pin
from pymodel.worker.trials import make_engine

FIXTURES = Path(__file__).parents[1] / "fixtures" / "resolve"


def solve(path: Path, name: str, *, text: str | None = None, pins: tuple[Pin, ...] = ()) -> Resolution:
    documents = {} if text is None else {str(path): text}
    loaded = load_module(str(path), roots=(str(path.parent),), documents=documents)
    (site,) = [each for each in find_models(loaded.document) if each.name == name]
    own = (*pins, *(pin for pin in find_pins(loaded.document) if pin.target == site.target))
    return Oracle(loaded, str(path.parent), make_engine("eval")).resolve(site, own)


def dims(found: Resolution) -> list[object]:
    return [getattr(each.spec, "dims", each.spec) for each in found.inputs]


@pytest.mark.parametrize(
    ("file", "name", "expression", "source", "inputs"),
    [
        ("image.py", "MyModel", "MyModel()", "call-site", [("B", 3, 12, 12)]),
        ("gpt.py", "GPT", "GPT(GPTConfig())", "config", [("B", "t")]),
        ("gpt.py", "Block", "Block(GPTConfig())", "config", [("B", "T", 32)]),
        ("bilstm.py", "BiLSTMClassifier", "BiLSTMClassifier(vocab_size=1000)", "search", [("B", "T")]),
        ("unet.py", "UNet", "UNet(n_channels=3, n_classes=10)", "search", [("B", 3, 32, 32)]),
        ("callsite.py", "Encoder", "Encoder(widths, nn.ReLU)", "call-site", [("B", 20)]),
        ("arguments.py", "Regressor", "Regressor(args)", "call-site", [("B", 17)]),
        ("dictionary.py", "Mixer", "Mixer(SETTINGS)", "config", [("B", "tokens")]),
        ("several.py", "Captioner", "Captioner()", "default", [("B", 3, 32, 32), ("B", "T")]),
        ("broken.py", "Usable", "Usable()", "default", [("B", 9)]),
        ("variables.py", "model", "model", "attribute", [("B", 1, 28, 28)]),
        ("variables.py", "build_model", "build_model()", "default", [("B", 12)]),
        ("variables.py", "Autoencoder", "Autoencoder(WIDTH)", "call-site", [("B", 12)]),
        ("vision.py", "ResNet", "ResNet(BasicBlock, [1, 1])", "call-site", [("B", 3, 32, 32)]),
        ("vision.py", "LeNet", "LeNet()", "default", [("B", 1, 28, 28)]),
        ("vision.py", "PatchViT", "PatchViT()", "default", [("B", 3, 48, 48)]),
        ("vision.py", "Generator", "Generator()", "default", [("B", 10, 1, 1)]),
        ("vision.py", "MLP", "MLP()", "default", [("B", 1, 28, 28)]),
    ],
)
def test_solved_with_nothing_asked(file: str, name: str, expression: str, source: str, inputs: list[object]) -> None:
    found = solve(FIXTURES / file, name)
    assert found.verified, found.attempts
    assert (found.construction.expression, found.construction.source.kind) == (expression, source)
    assert dims(found) == inputs


def test_several_arguments_agree() -> None:
    found = solve(FIXTURES / "several.py", "TwoTower")
    assert found.verified
    assert [each.name for each in found.inputs] == ["user", "item", "features"]
    assert [getattr(each.spec, "dtype", None) or "float32" for each in found.inputs] == ["int64", "int64", "float32"]


def test_a_size_that_only_the_flattening_tells(tmp_path: Path) -> None:
    text = (FIXTURES / "image.py").read_text().replace("SIZE = 12", "").replace("SIZE", "12")
    (tmp_path / "net.py").write_text(text)
    assert dims(solve(tmp_path / "net.py", "MyModel")) == [("B", 3, 12, 12)]


@pytest.mark.parametrize("channels", [16, 32, 128])
def test_a_shape_bug_keeps_the_input_that_ran_before(channels: int) -> None:
    path = FIXTURES / "image.py"
    text = path.read_text().replace("nn.Conv2d(3, 64", f"nn.Conv2d(3, {channels}")
    previous = Pin(f"{path}::MyModel", None, ("x=(B, 3, 12, 12):float32",), "previous")
    found = solve(path, "MyModel", text=text, pins=(previous,))
    assert dims(found) == [("B", 3, 12, 12)]
    assert not found.verified


def test_what_ran_before_gives_way_when_the_model_means_something_else() -> None:
    path = FIXTURES / "vision.py"
    previous = Pin(f"{path}::LeNet", None, ("x=(B, 3, 12, 12)",), "previous")
    assert dims(solve(path, "LeNet", pins=(previous,))) == [("B", 1, 28, 28)]


def test_pins_are_obeyed_even_where_they_do_not_run() -> None:
    path = FIXTURES / "image.py"
    text = path.read_text().replace(
        "class MyModel(nn.Module):", "class MyModel(nn.Module):  # pymodel: x=(B, 3, 32, 32)"
    )
    found = solve(path, "MyModel", text=text)
    assert dims(found) == [("B", 3, 32, 32)]
    assert found.inputs[0].source.kind == "pin"


def test_an_example_an_annotation_and_a_call_are_believed(tmp_path: Path) -> None:
    (tmp_path / "net.py").write_text(
        "import torch\nfrom torch import nn\n"
        "class Lit(nn.Module):\n"
        "    def __init__(self):\n"
        "        super().__init__()\n"
        "        self.conv = nn.Conv2d(3, 4, 3)\n"
        "        self.example_input_array = torch.zeros(1, 3, 20, 24)\n"
        "    def forward(self, x): return self.conv(x)\n"
        "class Typed(nn.Module):\n"
        "    def forward(self, x: 'Float[Tensor, \"batch 3 height 10\"]'): return x + 1\n"
        "class Called(nn.Module):\n"
        "    def __init__(self, width):\n"
        "        super().__init__()\n"
        "        self.conv = nn.Conv2d(3, width, 3)\n"
        "    def forward(self, x): return self.conv(x)\n"
    )
    (tmp_path / "README.md").write_text(
        "```python\nfrom net import Called\nnet = Called(width=5)\ny = net(torch.randn(2, 3, 40, 44))\n```\n"
    )
    assert dims(solve(tmp_path / "net.py", "Lit")) == [("B", 3, 20, 24)]
    assert dims(solve(tmp_path / "net.py", "Typed")) == [("B", 3, "height", 10)]
    called = solve(tmp_path / "net.py", "Called")
    assert dims(called) == [("B", 3, 40, 44)]
    assert called.construction.expression == "Called(width=5)"
    assert called.construction.source.path == str(tmp_path / "README.md")


def test_a_model_that_cannot_be_made_says_what_was_tried(tmp_path: Path) -> None:
    (tmp_path / "net.py").write_text(
        "from torch import nn\nclass Net(nn.Module):\n    def __init__(self, mystery):\n        super().__init__()\n"
        "        mystery.launch()(3)\n"
        "    def forward(self, x): return x\n"
    )
    with pytest.raises(ConstructionNotFound) as raised:
        solve(tmp_path / "net.py", "Net")
    assert "# pymodel: Net(" in raised.value.advice
    assert raised.value.line == 2


def test_another_class_of_the_same_name_is_no_witness(tmp_path: Path) -> None:
    head = "import torch\nfrom torch import nn\n"
    net = "class Net(nn.Module):\n    def __init__(self, width=6):\n        super().__init__()\n"
    body = "        self.fc = nn.Linear(width, 2)\n    def forward(self, x): return self.fc(x)\n"
    (tmp_path / "net.py").write_text(head + net + body)
    (tmp_path / "other.py").write_text(head + net + body + "Net(width=9)(torch.zeros(1, 9))\n")
    found = solve(tmp_path / "net.py", "Net")
    assert (found.construction.expression, dims(found)) == ("Net()", [("B", 6)])
