"""Importing what may be run of a module, from the editor's text, whatever else the module does."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
import torch

from pymodel.resolve.load import Loaded, LoadFailed, evaluate, load_module
from pymodel.resolve.stubs import MissingPackage

FIXTURES = Path(__file__).parents[1] / "fixtures" / "resolve"


def write(folder: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)


def codes(loaded: Loaded) -> list[tuple[str, int]]:
    return [(each.code, each.start.line) for each in loaded.diagnostics]


def test_one_failing_statement_does_not_lose_the_rest() -> None:
    loaded = load_module(str(FIXTURES / "broken.py"))
    assert ("missing-import", 4) in codes(loaded)
    assert ("missing-import", 5) in codes(loaded)
    assert ("import-failed", 7) in codes(loaded)
    assert hasattr(loaded.module, "Usable")


def test_nothing_runs_for_its_effect(tmp_path: Path) -> None:
    marker = tmp_path / "ran"
    effect = f"open({str(marker)!r}, 'w')"
    write(
        tmp_path,
        {"a.py": f"from torch import nn\nimport b\n{effect}\nfor _ in [1]: {effect}\nclass N(nn.Module): pass\n"},
    )
    write(tmp_path, {"b.py": f"{effect}\nif __name__ == '__main__': {effect}\n"})
    loaded = load_module(str(tmp_path / "a.py"), roots=(str(tmp_path),))
    assert not marker.exists()
    assert codes(loaded) == [("not-run", 3), ("not-run", 4)]


def test_open_documents_are_imported_from_the_editor(tmp_path: Path) -> None:
    write(tmp_path, {"a.py": "from b import VALUE\n", "b.py": "VALUE = 1\n"})
    documents = {str(tmp_path / "b.py"): "VALUE = len('unsaved')\n"}
    loaded = load_module(str(tmp_path / "a.py"), roots=(str(tmp_path),), documents=documents)
    assert loaded.module.VALUE == 7
    assert loaded.files == (str(tmp_path / "a.py"), str(tmp_path / "b.py"))


def test_relative_imports_and_folders_without_init(tmp_path: Path) -> None:
    write(
        tmp_path,
        {
            "shop_x/__init__.py": "from .net import Net\n",
            "shop_x/net.py": "from .deep.block import Block\nfrom parts_x.conf import cfg\nclass Net(Block): pass\n",
            "shop_x/deep/__init__.py": "",
            "shop_x/deep/block.py": "from torch import nn\nclass Block(nn.Module): pass\n",
            "parts_x/conf.py": "def make(): return 3\ncfg = make()\nother = undefined()\n",
        },
    )
    loaded = load_module(str(tmp_path / "shop_x/net.py"), roots=(str(tmp_path),), names=("Net",))
    assert codes(loaded) == []
    assert loaded.module.cfg == 3
    assert loaded.module is sys.modules["shop_x.net"]


def test_workspace_files_never_stand_in_for_the_library_or_torch(tmp_path: Path) -> None:
    write(tmp_path, dict.fromkeys(("json.py", "torch.py", "math.py", "torch/nn.py"), "raise SystemExit(3)\n"))
    write(tmp_path, {"a.py": "import json, math, torch\nfrom torch import nn\nclass N(nn.Module): pass\n"})
    loaded = load_module(str(tmp_path / "a.py"), roots=(str(tmp_path),))
    assert codes(loaded) == []
    assert loaded.module.json.loads("1") == 1


def test_a_name_that_the_workspace_does_not_have(tmp_path: Path) -> None:
    write(tmp_path, {"pack_x/__init__.py": "", "pack_x/a.py": "from .nothing import Thing\nfrom torch import nn\n"})
    loaded = load_module(str(tmp_path / "pack_x/a.py"), roots=(str(tmp_path),))
    (fault,) = loaded.diagnostics
    assert (fault.code, fault.start.line) == ("missing-import", 1)
    assert "pack_x.nothing" in fault.message


def test_a_broken_import_of_the_workspace_stands_on_its_own_line(tmp_path: Path) -> None:
    write(tmp_path, {"a.py": "from b import f\n", "b.py": "def f(): pass\nclass C(f()): pass\n"})
    loaded = load_module(str(tmp_path / "a.py"), roots=(str(tmp_path),))
    (fault,) = loaded.diagnostics
    assert (fault.path, fault.start.line, fault.severity) == (str(tmp_path / "b.py"), 2, "error")


def test_evaluate_runs_in_the_module(tmp_path: Path) -> None:
    write(tmp_path, {"a.py": "WIDTH = 3\n"})
    loaded = load_module(str(tmp_path / "a.py"))
    assert evaluate(loaded.module, ("depth = WIDTH + 1",), "WIDTH * depth") == 12


def test_a_file_that_is_not_there() -> None:
    with pytest.raises(LoadFailed):
        load_module("/nowhere/net.py")


def test_annotations_of_a_package_that_is_missing_tell_the_input(tmp_path: Path) -> None:
    path = tmp_path / "model.py"
    path.write_text(
        "from torch import Tensor, nn\n"
        "from jaxtyping_that_is_missing import Int\n"
        "from types_that_are_missing import Mask\n\n\n"
        "class Net(nn.Module):\n"
        "    def __init__(self):\n"
        "        super().__init__()\n"
        "        self.embed = nn.Embedding(10, 4)\n\n"
        '    def forward(self, tokens: Int[Tensor, "batch 7"], mask: Mask | None = None) -> Tensor:\n'
        "        return self.embed(tokens)\n"
    )
    loaded = load_module(str(path))
    annotations = loaded.module.Net.forward.__annotations__
    assert (annotations["tokens"].dim_str, str(annotations["tokens"])) == ("batch 7", "Int")
    assert {each.code for each in loaded.diagnostics} == {"missing-import"}


def test_what_a_missing_package_gave_all_of_is_stood_in_for(tmp_path: Path) -> None:
    text = "from torch import nn\nfrom .imports import *\nclass Net(Module):\n    def __init__(self, n: L = 4):\n"
    text += "        self.layer = nn.Linear(n, 2)\n    def forward(self, x):\n        return self.layer(x)\n"
    text += "class Other(Module):\n    def forward(self, x):\n        return chunked(x)\n"
    write(tmp_path, {"kit_x/__init__.py": "", "kit_x/imports.py": "from absent_x.all import *\n", "kit_x/net.py": text})
    loaded = load_module(str(tmp_path / "kit_x/net.py"), roots=(str(tmp_path),))
    assert [code for code, _ in codes(loaded)] == ["missing-import"]
    assert loaded.module.Net().layer.in_features == 4
    with pytest.raises(MissingPackage, match=r"absent_x\.all\.chunked|absent_x\.chunked"):
        loaded.module.Other()(1)
    assert "x" not in vars(loaded.module)


def test_a_base_from_a_missing_package_goes_with_any_metaclass(tmp_path: Path) -> None:
    text = "from abc import ABC, abstractmethod\nfrom torch import nn\nfrom absent_x.mixins import Saves, Kind\n"
    text += "class Base(nn.Module, Saves, ABC):\n    @abstractmethod\n    def width(self): ...\n"
    text += "class Net(Base):\n    def __init__(self, n: Kind[int] | None = 5):\n        super().__init__()\n"
    text += "        self.save_hyperparameters()\n        self.layer = nn.Linear(n, 1)\n    def width(self): return 5\n"
    write(tmp_path, {"net.py": text})
    net = load_module(str(tmp_path / "net.py"), roots=(str(tmp_path),)).module.Net()
    assert (net.layer.in_features, net.hparams.n, net.hparams["n"]) == (5, 5, 5)


def test_a_module_that_calls_itself_by_another_name(tmp_path: Path) -> None:
    text = "import sys\nfrom torch import nn\nBase = nn.Module\nthis = sys.modules[__name__]\n"
    write(tmp_path, {"net.py": f"{text}class Net(this.Base):\n    def forward(self, x): return x\n"})
    loaded = load_module(str(tmp_path / "net.py"), names=("Net",))
    assert "Base" in vars(loaded.module)
    assert not loaded.diagnostics


def test_what_is_registered_in_an_object_of_the_module_is_there(tmp_path: Path) -> None:
    text = (
        "from torch import nn\nclass Kinds(dict):\n    def add(self, name, kind): self[name] = kind\nACTS = Kinds()\n"
    )
    text += "ACTS.add('relu', nn.ReLU)\nUNUSED = Kinds()\nUNUSED.add('never', 1 / 0)\n"
    text += "class Net(nn.Module):\n    def forward(self, x): return ACTS['relu']()(x)\n"
    write(tmp_path, {"net.py": text})
    loaded = load_module(str(tmp_path / "net.py"), names=("Net",))
    assert list(loaded.module.ACTS) == ["relu"]
    assert codes(loaded) == [("not-run", 6), ("not-run", 7)]


def test_import_star_does_without_what_was_not_run(tmp_path: Path) -> None:
    library = "__all__ = ['VALUE', 'shown']\nVALUE = 3\nif VALUE > 2:\n    for shown in [1]: print(shown)\n"
    write(tmp_path, {"lib_x.py": library, "net.py": "from lib_x import *\nclass Net:\n    width = VALUE\n"})
    loaded = load_module(str(tmp_path / "net.py"), roots=(str(tmp_path),))
    assert loaded.module.Net.width == 3
    assert not loaded.diagnostics


def test_torch_does_not_get_a_file_that_is_called_as_what_it_asks_for(tmp_path: Path) -> None:
    """The workspace does, where it imports it."""
    (tmp_path / "triton.py").write_text("SIZE = 3\n")
    path = tmp_path / "net.py"
    path.write_text("import triton\n\n\nclass Net:\n    size = triton.SIZE\n")
    loaded = load_module(str(path), roots=(str(tmp_path),))
    assert loaded.module.Net.size == 3
    del sys.modules["triton"]
    asks = "import importlib.util\nfound = importlib.util.find_spec('triton')"
    found = {}
    for name in (f"{Path(torch.__file__).parent}/asks.py", str(path)):
        scope: dict[str, object] = {}
        exec(compile(asks, name, "exec"), scope)
        found[name] = scope["found"]
    assert [each is not None for each in found.values()] == [False, True]
