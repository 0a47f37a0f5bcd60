"""Traces of whole files, through the engine's own front door, with nothing asked of the user."""

from __future__ import annotations

import ast
import sys
from pathlib import Path

import pytest
import torch

from pymodel.schema import Analyse, Finished, Trace, Traced, Value
from pymodel.trace.symbols import evaluate
from pymodel.worker.analyse import analyse

FIXTURES = Path(__file__).resolve().parent.parent / "fixtures" / "models"

ARTICLE = """\
import torch
from torch import nn


class MyModel(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 64, kernel_size=3)
        self.relu = nn.ReLU()
        self.fc1 = nn.Linear(64 * 10 * 10, 1024)
        self.fc2 = nn.Linear(1024, 10)

    def forward(self, x):
        x = self.conv1(x)
        x = self.relu(x)
        x = x.view(-1, 64 * 10 * 10)
        x = self.relu(self.fc1(x))
        for _ in range(2):
            x = x + 1
        return self.fc2(x)
"""


def trace(path: Path, name: str, text: str | None = None) -> Trace:
    events: list[Traced] = []
    documents = {} if text is None else {str(path): text}
    request = Analyse(1, str(path), (f"{path}::{name}",), documents, (str(path.parent),))
    end = analyse(request, lambda event: events.append(event) if isinstance(event, Traced) else None)
    assert isinstance(end, Finished)
    return events[0].trace


def value_at(found: Trace, text: str, line: int) -> Value:
    return next(each for each in found.values if each.text == text and each.start.line == line)


def test_the_articles_model(tmp_path: Path) -> None:
    path = tmp_path / "model.py"
    path.write_text(ARTICLE)
    found = trace(path, "MyModel")
    assert found.status == "complete"
    assert [(each.name, each.dims, each.dtype) for each in found.inputs] == [("x", ("B", 3, 12, 12), "float32")]
    assert found.totals is not None
    assert found.totals.parameters == 6_566_666
    assert found.totals.flops == f"{2 * (27 * 64 * 100 + 6400 * 1024 + 1024 * 10)}*B"
    call, name = value_at(found, "self.conv1(x)", 14), value_at(found, "x", 14)
    assert call.name is None
    assert (call.start.column, call.end.column) == (12, 25)
    assert (name.name, name.start.column, name.end.column) == ("x", 8, 9)
    assert call.dims == name.dims == ("B", 64, 10, 10)
    looped = value_at(found, "x + 1", 19)
    assert looped.occurrences == (("B", 1024),)


def test_every_executed_call_and_operator_of_forward_has_its_exact_range(tmp_path: Path) -> None:
    path = tmp_path / "model.py"
    path.write_text(ARTICLE)
    found = trace(path, "MyModel")
    forward = next(n for n in ast.walk(ast.parse(ARTICLE)) if isinstance(n, ast.FunctionDef) and n.name == "forward")
    written = {
        (n.lineno, n.col_offset, n.end_lineno, n.end_col_offset)
        for n in ast.walk(forward)
        if isinstance(n, (ast.Call, ast.BinOp))
    }
    shown = {
        (each.start.line, each.start.column, each.end.line, each.end.column)
        for each in found.values
        if each.name is None and each.phase == "forward"
    }
    assert written == shown


def test_a_broken_model_shows_its_fault_and_what_follows(tmp_path: Path) -> None:
    path = tmp_path / "model.py"
    path.write_text(ARTICLE)
    found = trace(path, "MyModel", ARTICLE.replace("nn.Conv2d(3, 64", "nn.Conv2d(3, 32"))
    assert found.status == "partial"
    assert found.inputs[0].dims == ("B", 3, 12, 12)
    [fault] = found.diagnostics
    assert (fault.code, fault.start.line) == ("shape-mismatch", 16)
    assert value_at(found, "self.fc2(x)", 20).dims == ("B", 10)


def test_two_faults_are_found_in_one_pass(tmp_path: Path) -> None:
    path = tmp_path / "model.py"
    broken = ARTICLE.replace("nn.Conv2d(3, 64", "nn.Conv2d(3, 32").replace("nn.Linear(1024, 10)", "nn.Linear(512, 10)")
    path.write_text(broken)
    assert [each.start.line for each in trace(path, "MyModel").diagnostics] == [16, 20]


def test_a_config_driven_gpt_is_symbolic_in_batch_and_length() -> None:
    found = trace(FIXTURES / "gpt.py", "GPT")
    assert found.status == "complete"
    assert found.construction is not None
    assert found.construction.expression == "GPT(GPTConfig())"
    assert found.inputs[0].dims is not None
    attention = next(each for each in found.values if each.name == "att")
    batch, length = found.inputs[0].dims
    assert attention.dims == (batch, 12, length, length)
    assert len(attention.occurrences) == 11


def test_shown_shapes_are_true_on_the_cpu() -> None:
    """The same model run for real, at two sizes that no probe used."""
    found = trace(FIXTURES / "bilstm.py", "BiLSTM")
    assert found.construction is not None
    namespace: dict[str, object] = {}
    exec((FIXTURES / "bilstm.py").read_text(), namespace)
    model = eval(found.construction.expression, namespace)
    dims = found.inputs[0].dims
    assert dims is not None
    claimed = found.modules[0].outputs[0]
    for sizes in ((2, 5), (9, 31)):
        binding = {str(dim): size for dim, size in zip(dims, sizes, strict=True) if isinstance(dim, str)}
        tokens = torch.zeros([evaluate(dim, binding) for dim in dims], dtype=torch.int64)
        assert tuple(model(tokens).shape) == tuple(evaluate(dim, binding) for dim in claimed)


@pytest.mark.parametrize("text", ["", "class Net(nn.Module:\n", "\ufeffx = 1\n", "def f(:\n  pass\n"])
def test_text_in_any_state_is_read(tmp_path: Path, text: str) -> None:
    path = tmp_path / "model.py"
    path.write_text(text)
    assert isinstance(analyse(Analyse(1, str(path)), lambda event: None), Finished)


def test_nested_tensors_are_told_as_not_followed(tmp_path: Path) -> None:
    path = tmp_path / "model.py"
    path.write_text(
        "import torch\nfrom torch import nn\n\n\nclass Net(nn.Module):  # pymodel: Net(), x=(B, 5, 8)\n"
        "    def forward(self, x):\n        before = x * 2\n"
        "        ragged = torch.nested.nested_tensor([x[0], x[1, :3]])\n        return ragged * before\n"
    )
    found = trace(path, "Net")
    [told] = found.diagnostics
    assert (told.code, told.severity, told.start.line) == ("not-followed", "hint", 8)
    assert value_at(found, "before", 7).dims == ("B", 5, 8)


def test_code_that_an_earlier_analysis_left_behind_speaks_of_no_site_of_this_one(tmp_path: Path) -> None:
    lines = "".join(f"    x = x + {number}\n" for number in range(60))
    patch = f"def climb(x):\n{lines}    return x\n\n\nclass Patch:\n    nn.functional.climb = climb\n"
    (tmp_path / "patches.py").write_text(f"from torch import nn\n\n\n{patch}")
    text = "from torch import nn\n\n\nclass Net(nn.Module):\n    def forward(self, x):\n"
    text += "        return nn.functional.climb(x)\n"
    try:
        first = trace(tmp_path / "net.py", "Net", f"from patches import Patch; {text}")
        again = trace(tmp_path / "net.py", "Net", text)  # torch still has `climb`, as the first one instrumented it
    finally:
        del torch.nn.functional.climb
    own = [each for each in first.values if each.path.endswith("net.py")]
    assert (first.status, again.status) == ("complete", "complete")
    assert len(own) < len(first.values)
    assert again.values == tuple(own)


@pytest.mark.parametrize("is_package", [True, False])
def test_analyses_in_one_process_share_no_module(tmp_path: Path, is_package: bool) -> None:
    """A module that stays from an earlier analysis would have that one's text, and speak of that one's places."""
    for width in (16, 8):
        folder = tmp_path / str(width)
        (folder / "parts").mkdir(parents=True)
        if is_package:
            (folder / "parts/__init__.py").touch()
        (folder / "parts/block.py").write_text(
            "from torch import nn\n\n\nclass Block(nn.Module):\n    def __init__(self):\n        super().__init__()\n"
            f"        self.up = nn.Linear(4, {width})\n\n    def forward(self, x):\n"
            + "".join(f"        x = x + {number}\n" for number in range(width))
            + "        return self.up(x)\n"
        )
        (folder / "net.py").write_text(
            "from torch import nn\nfrom parts.block import Block\n\n\nclass Net(nn.Module):\n    def __init__(self):\n"
            "        super().__init__()\n        self.block = Block()\n\n    def forward(self, x):\n"
            "        return self.block(x)\n"
        )
        modules, finders = dict(sys.modules), list(sys.meta_path)
        found = trace(folder / "net.py", "Net")
        assert [each[-1] for each in found.modules[0].outputs] == [width]
        within = [each for each in found.values if each.path == str(folder / "parts/block.py")]
        assert {each.text for each in within if each.start.line == 10 + width} >= {"self.up(x)"}
        assert not {"net", "parts", "parts.block"} & (sys.modules.keys() - modules.keys())
        assert sys.meta_path == finders
