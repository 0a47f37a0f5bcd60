"""Data factories and import roots, read as text."""

from __future__ import annotations

from pathlib import Path

import pytest

from pymodel.discover.data import find_data_factories, find_factories
from pymodel.discover.document import parse_document
from pymodel.discover.imports import find_imported_files
from pymodel.discover.roots import find_import_roots

FACTORIES = """
import torch
from torch.utils.data import DataLoader, Dataset, TensorDataset, random_split

class Digits(Dataset):
    def __init__(self, train=True): ...
    def __getitem__(self, i): ...

class Needy(Dataset):
    def __init__(self, root): ...

class Resized(Digits): ...

def load():
    data = Digits()
    train, test = random_split(data, [0.8, 0.2])
    return train, test

def annotated() -> "DataLoader[int]": ...

def test_data():
    return TensorDataset(torch.zeros(3))

def three():
    full = Digits()
    parts = random_split(full, [0.8, 0.1, 0.1])
    return parts

def collate(batch):
    return DataLoader(batch)

def other():
    return Digits(), "name"

def length():
    return len(Digits())
"""


def test_the_factories_of_a_file_best_first() -> None:
    found = find_factories(parse_document("/w/data.py", FACTORIES))
    assert [each.name for each in found] == ["load", "three", "Digits", "Resized", "annotated", "test_data"]
    assert found[0].reference == "/w/data.py::load"
    assert found[0].kind == "function"
    assert found[0].reason == "returns 2 datasets or loaders"
    assert found[2].kind == "class"


@pytest.mark.parametrize(
    "text",
    [
        "class A: pass",
        "class Net(nn.Module): pass",
        "def f():\n    return 1, 2",
        "def f():\n    yield DataLoader()",
        "class D(Dataset):\n    def __init__(self, *, root): ...",
    ],
)
def test_what_is_no_factory(text: str) -> None:
    assert find_factories(parse_document("/w/a.py", text)) == ()


def test_nearest_files_come_first(tmp_path: Path) -> None:
    def write(name: str, text: str) -> None:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)

    dataset = "from torch.utils.data import Dataset\nclass {}(Dataset): ...\n"
    write("pkg/net.py", "from lib.imported import Imported\n")
    write("lib/imported.py", dataset.format("Imported"))
    write("pkg/beside.py", dataset.format("Beside"))
    write("a.py", dataset.format("Elsewhere"))
    write(".venv/lib/site-packages/b.py", dataset.format("Hidden"))
    near = str(tmp_path / "pkg" / "net.py")
    found = find_data_factories(str(tmp_path), near, {near: (tmp_path / "pkg/net.py").read_text()})
    assert [each.name for each in found] == ["Imported", "Beside", "Elsewhere"]
    unsaved = {near: dataset.format("Own")}
    assert find_data_factories(str(tmp_path), near, unsaved)[0].name == "Own"


def test_imported_files_and_roots(tmp_path: Path) -> None:
    package = tmp_path / "src" / "shop"
    package.mkdir(parents=True)
    for name, text in {
        "__init__.py": "",
        "net.py": "from . import blocks\nfrom .config import Config\nimport torch\n",
        "blocks.py": "import shop.deep\n",
        "config.py": "",
        "deep.py": "from .net import Net\n",
    }.items():
        (package / name).write_text(text)
    (tmp_path / "pyproject.toml").write_text('[tool.pytest.ini_options]\npythonpath = ["src/shop"]\n')
    path = str(package / "net.py")
    roots = find_import_roots(path, (str(tmp_path),))
    assert roots == (str(tmp_path / "src"), str(package), str(tmp_path))
    files = find_imported_files(path, (package / "net.py").read_text(), roots, {})
    assert {Path(each).name for each in files} == {"__init__.py", "blocks.py", "config.py", "deep.py"}
