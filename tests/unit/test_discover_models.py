"""What counts as a model, read as text."""

from __future__ import annotations

import pytest

from pymodel.discover.document import parse_document
from pymodel.discover.models import find_models
from pymodel.schema import Position


def names(text: str) -> list[str]:
    return [site.name for site in find_models(parse_document("/w/net.py", text))]


FORWARD = "\n    def forward(self, x): return x\n"


@pytest.mark.parametrize(
    "base",
    [
        *("nn.Module", "torch.nn.Module", "Module", "pl.LightningModule", "PreTrainedModel", "BertPreTrainedModel"),
        *("nn.Sequential", "nn.TransformerEncoderLayer", "Base[int], nn.Module"),
    ],
)
def test_bases_that_make_a_model(base: str) -> None:
    assert names(f"class Net({base}):{FORWARD}") == ["Net"]


@pytest.mark.parametrize(
    "text",
    [
        f"class Data(Dataset):{FORWARD}",
        f"class FocalLoss(nn.Module):{FORWARD}",
        f"class Square(torch.autograd.Function):{FORWARD}",
        f"class Plain:{FORWARD}",
        "class Abstract(nn.Module):\n    def helper(self): ...\n",
        "def build(width): return nn.Sequential()",
        "size = len(nn.Sequential())",
        f"class A(B):{FORWARD}class B(A):{FORWARD}",
    ],
)
def test_what_is_no_model(text: str) -> None:
    assert names(text) == []


def test_models_by_way_of_other_classes() -> None:
    text = f"class Base(nn.Module):{FORWARD}class Middle(Base): pass\nclass Net(Middle): pass\n"
    assert names(text) == ["Base", "Middle", "Net"]
    elsewhere = "from base import Base\nclass Net(Base):\n    def __init__(self): self.fc = nn.Linear(1, 2)\n"
    assert names(elsewhere + FORWARD[1:]) == ["Net"]


def test_variables_and_factories() -> None:
    text = (
        f"class Net(nn.Module):{FORWARD}"
        "model = nn.Sequential(nn.Linear(1, 2))\n"
        "other = Net()\n"
        "vit = timm.create_model('vit')\n"
        "def build(width: int = 3) -> nn.Module: ...\n"
        "def make():\n    net = Net()\n    return net\n"
    )
    sites = find_models(parse_document("/w/net.py", text))
    assert [(site.name, site.kind) for site in sites] == [
        *(("Net", "class"), ("model", "variable"), ("other", "variable"), ("vit", "variable")),
        *(("build", "factory"), ("make", "factory")),
    ]


def test_a_site_says_where_it_stands() -> None:
    text = f"@decorated\nclass   Net(nn.Module):{FORWARD}"
    (site,) = find_models(parse_document("/w/net.py", text))
    assert (site.target, site.line, site.bases) == ("/w/net.py::Net", 2, ("nn.Module",))
    assert (site.name_range.start, site.name_range.end) == (Position(2, 8), Position(2, 11))
