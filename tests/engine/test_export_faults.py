"""Faults put into exported files: each is seen, and the first line that it spoils is named."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy
import onnx
import pytest
import torch
from onnx import helper, numpy_helper

from pymodel.export.export import export
from pymodel.export.job import describe_difference
from pymodel.export.reverify import verify
from pymodel.schema import ExportRequest, Symbol

NET = '''
import torch
import torch.nn.functional as F
from torch import nn


class Reader(nn.Module):
    """Attention over a short text."""

    def __init__(self):
        super().__init__()
        self.embed = nn.Embedding(40, 16)
        self.norm = nn.LayerNorm(16)
        self.query = nn.Linear(16, 16)
        self.key = nn.Linear(16, 16)
        self.value = nn.Linear(16, 16)
        self.head = nn.Linear(16, 8)

    def forward(self, ids):
        x = self.embed(ids)
        h = self.norm(x)
        scores = self.query(h) @ self.key(h).transpose(1, 2)
        weights = scores.softmax(-1)
        mixed = weights @ self.value(h)
        x = x - mixed
        x = F.gelu(x)
        large = x * 30000.0
        small = large / 30000.0
        pairs = small.reshape(ids.shape[0], -1, 8)
        return self.head(small), pairs.sum(1)


class Switch(nn.Module):
    def __init__(self):
        super().__init__()
        self.short = nn.Linear(6, 6)
        self.long = nn.Linear(6, 6)

    def forward(self, x):
        x = x * 2
        if x.shape[1] > 9:
            x = self.long(x)
        else:
            x = self.short(x)
        return x.relu()


class Counter(nn.Module):
    def __init__(self):
        super().__init__()
        self.calls = 0
        self.fc = nn.Linear(6, 6)

    def forward(self, x):
        x = self.fc(x)
        self.calls += 1
        if self.calls % 2 == 0:
            x = x + 1
        return x * 3


class Gambler(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(6, 6)

    def forward(self, x):
        x = self.fc(x)
        x = F.dropout(x, 0.5, training=True)
        return x.tanh()
'''
Graph = Any
SYMBOLS = {"B": Symbol("batch", (7,)), "T": Symbol("length", (8,))}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("faults")
    (folder / "net.py").write_text(NET)
    for suffix in ("onnx", "pt2"):
        assert export(request(folder, "Reader", suffix))["verified"]
    simplified = replace(request(folder, "Reader"), output=str(folder / "simplified.onnx"), simplify=True)
    found = export(simplified)
    assert [(each["name"], each["verified"]) for each in found["steps"]] == [("exported", True), ("simplified", True)]
    return folder


def request(folder: Path, name: str, suffix: Any = "onnx") -> ExportRequest:
    pin = "ids=(B, T):int64" if name == "Reader" else "x=(B, T, 6)"
    return ExportRequest(f"{folder / 'net.py'}::{name}", suffix, inputs=(pin,), roots=(str(folder),), symbols=SYMBOLS)


def line_of(text: str) -> int:
    return next(number for number, line in enumerate(NET.splitlines(), 1) if text in line)


def node_of(graph: Graph, kind: str, number: int = 0) -> Any:
    return [node for node in graph.node if node.op_type == kind][number]


def set_initializer(graph: Graph, name: str, change: Callable[[Any], Any]) -> None:
    tensor = next(each for each in graph.initializer if each.name == name)
    tensor.CopyFrom(numpy_helper.from_array(change(numpy_helper.to_array(tensor)), name))


def consumed_weight(graph: Graph, kind: str, number: int) -> str:
    initializers = {each.name for each in graph.initializer}
    return next(name for name in node_of(graph, kind, number).input if name in initializers)


def change_attribute(graph: Graph, kind: str, name: str, value: Any) -> None:
    node = node_of(graph, kind)
    kept = [each for each in node.attribute if each.name != name]
    del node.attribute[:]
    node.attribute.extend([*kept, helper.make_attribute(name, value)])


def change_one_weight(model: Any) -> None:
    """One number of one row of the embedding."""

    def change(values: Any) -> Any:
        values = values.copy()
        values[17, 3] += 0.5
        return values

    set_initializer(model.graph, "embed.weight", change)


def change_a_bias(model: Any) -> None:
    set_initializer(model.graph, "value.bias", lambda values: values + numpy.float32(0.01))


def behave_as_an_old_opset(model: Any) -> None:
    """Softmax over axis 1, which was the default before opset 13."""
    change_attribute(model.graph, "Softmax", "axis", 1)


def change_epsilon(model: Any) -> None:
    change_attribute(model.graph, "LayerNormalization", "epsilon", 0.3)


def swap_operands(model: Any) -> None:
    node = node_of(model.graph, "Sub")
    node.input[0], node.input[1] = node.input[1], node.input[0]


def overflow_in_half(model: Any) -> None:
    """The large values go through 16 bits, whose largest number is 65504."""
    graph = model.graph
    index = next(i for i, node in enumerate(graph.node) if node.op_type == "Mul" and "large" not in node.name)
    node = graph.node[index]
    name = node.output[0]
    node.output[0] = "wide"
    half = helper.make_node("Cast", ["wide"], ["half"], to=onnx.TensorProto.FLOAT16)
    back = helper.make_node("Cast", ["half"], [name], to=onnx.TensorProto.FLOAT)
    back.metadata_props.extend(node.metadata_props)
    del node.metadata_props[:]
    graph.node.insert(index + 1, half)
    graph.node.insert(index + 2, back)


def bake_the_batch_in(model: Any) -> None:
    """The reshape takes the batch that it was exported at."""
    graph = model.graph
    node = node_of(graph, "Reshape")
    graph.initializer.append(numpy_helper.from_array(numpy.array([2, -1, 8]), "baked"))
    node.input[1] = "baked"


def drop_the_residual(model: Any) -> None:
    """What a simplifier may do wrong: a node goes, as if it did nothing."""
    graph = model.graph
    node = node_of(graph, "Sub")
    kept, dropped = node.input[0], node.output[0]
    graph.node.remove(node)
    for other in graph.node:
        for index, name in enumerate(other.input):
            if name == dropped:
                other.input[index] = kept


def transpose_a_weight(model: Any) -> None:
    name = consumed_weight(model.graph, "MatMul", 0)
    set_initializer(model.graph, name, lambda values: numpy.ascontiguousarray(values.T))


FAULTS: dict[str, tuple[str, Callable[[Any], None], str]] = {
    "a changed weight": ("Reader.onnx", change_one_weight, "self.embed(ids)"),
    "a changed bias": ("Reader.onnx", change_a_bias, "mixed = weights"),
    "a wrong opset behaviour": ("Reader.onnx", behave_as_an_old_opset, "scores.softmax"),
    "another epsilon": ("Reader.onnx", change_epsilon, "self.norm(x)"),
    "operands swapped": ("Reader.onnx", swap_operands, "x = x - mixed"),
    "an overflow of 16 bits": ("Reader.onnx", overflow_in_half, "large = x"),
    "a size baked in": ("Reader.onnx", bake_the_batch_in, "pairs = small.reshape"),
    "a simplified graph made wrong": ("simplified.onnx", drop_the_residual, "x = x - mixed"),
    "a weight transposed": ("simplified.onnx", transpose_a_weight, "scores = self.query"),
}


@pytest.mark.parametrize("case", FAULTS)
def test_the_first_bad_line_is_named(folder: Path, tmp_path: Path, case: str) -> None:
    source, spoil, line = FAULTS[case]
    model = onnx.load(str(folder / source))
    spoil(model)
    onnx.save(model, str(tmp_path / "bad.onnx"))
    found: Any = verify(replace(request(folder, "Reader"), verify=str(tmp_path / "bad.onnx")))
    assert not found["verified"]
    divergence = found["first_divergence"]
    assert (divergence["path"], divergence["line"]) == (str(folder / "net.py"), line_of(line)), found["difference"]


def test_a_good_file_is_proven_again(folder: Path) -> None:
    for name in ("Reader.onnx", "simplified.onnx", "Reader.pt2"):
        assert verify(replace(request(folder, "Reader"), verify=str(folder / name)))["verified"], name


def test_a_weight_changed_in_a_program_is_named(folder: Path, tmp_path: Path) -> None:
    program = torch.export.load(str(folder / "Reader.pt2"))
    with torch.no_grad():
        program.state_dict["key.weight"][2, 5] += 1.0
    torch.export.save(program, str(tmp_path / "bad.pt2"))
    found: Any = verify(replace(request(folder, "Reader"), verify=str(tmp_path / "bad.pt2")))
    assert not found["verified"]
    assert found["first_divergence"]["line"] == line_of("scores = self.query")


@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("Switch", "if x.shape[1] > 9"),
        ("Counter", "if self.calls % 2"),
        ("Gambler", "F.dropout"),
    ],
)
@pytest.mark.parametrize("suffix", ["onnx", "pt2"])
def test_what_was_traced_away_is_named(folder: Path, name: str, line: str, suffix: str) -> None:
    """A branch on a size or on Python's own state, and what is random: the file cannot hold them."""
    found: Any = export(request(folder, name, suffix))
    assert not found["verified"]
    assert not (folder / f"{name}.{suffix}").exists()
    divergence = found["first_divergence"]
    assert (divergence["path"], divergence["line"]) == (str(folder / "net.py"), line_of(line)), found["difference"]
    error = describe_difference(found)
    assert error is not None
    assert (error.path, error.line) == (divergence["path"], divergence["line"])
