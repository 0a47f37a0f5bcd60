"""What texts around a model say of it: notebooks, README blocks, comments with shapes, calls through loops."""

from __future__ import annotations

import json
from pathlib import Path

from pymodel.discover.callsites import find_constructor_calls, find_forward_calls
from pymodel.discover.document import parse_document
from pymodel.discover.imports import module_name
from pymodel.discover.notebooks import read_code_blocks, read_code_cells
from pymodel.discover.settings import find_typed_dictionaries
from pymodel.discover.shape_comments import read_shape_comments


def test_cells_of_a_notebook_stand_where_their_text_does() -> None:
    cells = [
        {"cell_type": "markdown", "source": ["x = 1\n"]},
        {"cell_type": "code", "source": ["%matplotlib inline\n", "net = Net(3)\n", "'a \"quoted\" ü'"]},
    ]
    text = json.dumps({"cells": cells}, indent=1)
    lines = read_code_cells(text).split("\n")
    (line,) = [number for number, code in enumerate(lines) if code == "net = Net(3)"]
    assert "net = Net(3)" in text.splitlines()[line]
    assert lines[line + 1] == "'a \"quoted\" ü'"
    assert not any("matplotlib" in code or "x = 1" in code for code in lines)


def test_what_is_no_notebook_has_no_cells() -> None:
    assert [read_code_cells(text) for text in ("", "[]", '{"cells": 3}', '{"cells": [1]}', "not json")] == [""] * 5


def test_fenced_blocks_keep_their_lines() -> None:
    text = "# Use\n```python\nnet = Net()\n```\n```sh\nnet = None\n```\n"
    assert read_code_blocks(text).split("\n")[2] == "net = Net()"
    assert "None" not in read_code_blocks(text)


def test_shapes_in_docstrings_and_comments() -> None:
    document = parse_document(
        "net.py",
        "class Net:\n"
        '    """Shape:\n        - Input: :math:`(N, C, L)`"""\n'
        "    def forward(self, x, mask, scale):\n"
        '        """mask (Tensor): of shape [batch, 7], optional"""\n'
        "        # x: (B, T, 16)\n"
        "        return x\n",
    )
    found = read_shape_comments(document, "Net", ["x", "mask", "scale"])
    assert found == {"x": ("B", "T", 16), "mask": ("batch", 7)}


def test_calls_are_followed_through_functions_loops_and_wrappers() -> None:
    document = parse_document(
        "train.py",
        "def train(model, loader):\n"
        "    for step, (images, labels) in enumerate(tqdm(loader)):\n"
        "        model(images)\n"
        "def main(width=3):\n"
        "    net = nn.DataParallel(Net(width).to(device))\n"
        "    train(net, make_loader())\n",
    )
    (made,) = find_constructor_calls(document, "Net", "net.py")
    assert (made.expression, made.prelude, made.line) == ("Net(width)", ("width = 3",), 5)
    (call,) = find_forward_calls(document, "Net", "net.py")
    assert (call.expression, call.line) == ("((images,), {})", 3)
    assert call.prelude[-1] == "step, (images, labels) = next(iter(enumerate(loader)))"
    assert "loader = make_loader()" in call.prelude


def test_dictionaries_that_name_their_class() -> None:
    document = parse_document("c.py", "model = dict(type='Net', head={'name': 'Head', 'width': 2 * 8})\n")
    assert [(kind, entries) for kind, _, entries in find_typed_dictionaries(document)] == [
        ("Net", {"head": "{'name': 'Head', 'width': 2 * 8}"}),
        ("Head", {"width": "2 * 8"}),
    ]


def test_a_package_in_a_plain_folder_of_another_is_named_below_it(tmp_path: Path) -> None:
    inner = tmp_path / "library" / "models" / "ranking"
    inner.mkdir(parents=True)
    for folder in (inner, tmp_path / "library"):
        (folder / "__init__.py").touch()
    assert module_name(str(inner / "net.py")) == "library.models.ranking.net"
    assert module_name(str(inner.parent / "net.py")) == "net"
