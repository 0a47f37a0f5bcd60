"""ONNX: written from an ExportedProgram by torch's own exporter, run by onnxruntime."""

from __future__ import annotations

import re
import secrets
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.utils import _pytree as pytree

from ..schema import Dims, PyModelError
from .external import check_external_data
from .inputs import Inputs, Values
from .lines import Line, Lines, line_of_stack, read_line
from .packages import require
from .program import Program

STACK, LINE = "pkg.torch.onnx.stack_trace", "pymodel.line"
QUANTISING = ("DynamicQuantizeLinear", "DequantizeLinear")
MOST_IN_ONE_FILE = 1_900_000_000
"""Bytes of weights; protobuf ends at 2 GB, and the graph needs some."""


class FileNotUsable(PyModelError):
    """A file is no ONNX, or breaks ONNX's own rules."""


def convert(program: Program, inputs: Inputs, opset: int | None, lines: Lines) -> Any:
    """The model as ONNX, in memory: inputs, outputs and sizes called as in the code, and each node with its line.

    Raises:
        PackageMissing: onnx or onnxscript is not installed.
        Exception: what the exporter raises.
    """
    require("onnx", "onnxscript", "onnxruntime")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the exporter's own inside
        converted = torch.onnx.export(program.exported, dynamo=True, opset_version=opset, verbose=False)
    if converted is None:
        raise RuntimeError("torch.onnx.export gave no program")
    model: Any = converted.model
    _rename_values(model, inputs, program)
    for node in model.graph.all_nodes():
        line = line_of_stack(node.metadata_props.pop(STACK, ""))
        if line is not None:
            node.metadata_props[LINE] = str(lines.shorten(line))
        for value in node.outputs:
            _rename_dims(value, program)
    return model


def _rename_values(model: Any, inputs: Inputs, program: Program) -> None:
    places = ["_".join(map(str, place)) for place, _ in inputs.tensors()]
    taken = {value.name for node in model.graph.all_nodes() for value in node.outputs} | set(model.graph.initializers)
    for values, names in ((model.graph.inputs, places), (model.graph.outputs, program.names)):
        for value, name in zip(values, names, strict=False):
            if name not in taken and not (values is model.graph.outputs and value.is_graph_input()):
                value.name = name
                taken.add(name)
            _rename_dims(value, program)


def _rename_dims(value: Any, program: Program) -> None:
    if value.shape is None:
        return
    for axis, dim in enumerate(value.shape):
        text = getattr(dim, "value", None)
        if isinstance(text, str):
            value.shape[axis] = program.rename(text)


def mend_dims(model: Any, inputs: Sequence[Dims], outputs: Sequence[Dims]) -> None:
    """Declare these dims instead. What the exporter noted in between is no better than what was wrong: it goes."""
    import onnx_ir

    for node in model.graph.all_nodes():
        for value in node.outputs:
            value.shape = None
    for values, dims in ((model.graph.inputs, inputs), (model.graph.outputs, outputs)):
        for value, wanted in zip(values, dims, strict=True):
            value.shape = onnx_ir.Shape(list(wanted))


def save(model: Any, path: Path, metadata: Mapping[str, str], final: Path) -> Path | None:
    """Write the file; weights that one file cannot hold go beside it, into one whose path is the answer."""
    import onnx_ir

    model.metadata_props.update(metadata)
    weights = [each.const_value for each in model.graph.initializers.values() if each.const_value is not None]
    if sum(each.nbytes for each in weights) <= MOST_IN_ONE_FILE:
        onnx_ir.save(model, path)
        return None
    data = final.with_name(
        f"{final.stem}.{secrets.token_hex(4)}.data"
    )  # a name of its own: an older file keeps its own
    onnx_ir.save(model, path, external_data=data.name)
    return data


def replace(model: Any, path: Path, metadata: Mapping[str, str], final: Path, data: Path | None) -> Path | None:
    """Write the file once more."""
    remove(data)
    return save(model, path, metadata, final)


def remove(data: Path | None) -> None:
    if data is not None:
        data.unlink(missing_ok=True)


def check_file(path: Path) -> None:
    """onnx's own check, shape inference included.

    Raises:
        FileNotUsable: the file breaks ONNX's rules, or is none.
        UnsafeData: its external data lie where they must not.
    """
    require("onnx", "onnxruntime")
    import onnx

    check_external_data(path)
    try:
        onnx.checker.check_model(str(path), full_check=True)
    except Exception as error:  # checker, shape inference and protobuf have errors of their own
        words = " ".join(str(error).split())[:300]
        raise FileNotUsable(
            f"This is no valid ONNX file: {words}", path=str(path), advice="Export it again."
        ) from error


def read_properties(path: Path) -> dict[str, str]:
    """The metadata of a file."""
    require("onnx")
    import onnx

    check_external_data(path)
    return {each.key: each.value for each in onnx.load(str(path), load_external_data=False).metadata_props}


class OnnxFile:
    """An ONNX file in onnxruntime."""

    def __init__(self, path: Path) -> None:
        import onnx
        import onnxruntime  # type: ignore[import-untyped, unused-ignore]

        check_external_data(path)
        self.path = path
        proto = onnx.load(str(path), load_external_data=False)
        self.node_lines: dict[str, Line] = {}
        self.value_lines: dict[str, Line] = {}
        for node in proto.graph.node:
            text = next((each.value for each in node.metadata_props if each.key == LINE), None)
            if text is not None:
                self.node_lines[node.name] = read_line(text)
                self.value_lines |= dict.fromkeys(node.output, read_line(text))
        self.lines = set(self.value_lines.values())
        self.is_quantised = any(node.op_type in QUANTISING for node in proto.graph.node)
        self.session = self._open(onnxruntime, str(path))
        self.names = [each.name for each in self.session.get_outputs()]
        self.dims: list[Dims] = [
            tuple(dim if isinstance(dim, (int, str)) else "?" for dim in each.shape or ())
            for each in self.session.get_outputs()
        ]

    @staticmethod
    def _open(onnxruntime: Any, model: str | bytes) -> Any:
        options = onnxruntime.SessionOptions()
        options.log_severity_level = 3
        return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])

    def run(self, values: Values) -> list[Tensor]:
        return self._run(self.session, values)

    def _run(self, session: Any, values: Values) -> list[Tensor]:
        tensors = [leaf for leaf in pytree.tree_leaves(values) if isinstance(leaf, Tensor)]
        fed = {each.name: tensor.cpu().numpy() for each, tensor in zip(session.get_inputs(), tensors, strict=True)}
        return [torch.as_tensor(value) for value in session.run(None, fed) if hasattr(value, "dtype")]

    def run_all(self, values: Values) -> dict[Line, list[Tensor]]:
        """Every tensor that it computes, by the line that computes it."""
        import onnx
        import onnxruntime

        proto = onnx.load(str(self.path))
        names = [name for node in proto.graph.node for name in node.output if name in self.value_lines]
        del proto.graph.output[:]
        proto.graph.output.extend(onnx.ValueInfoProto(name=name) for name in names)
        session = self._open(onnxruntime, proto.SerializeToString())
        found: dict[Line, list[Tensor]] = {}
        for name, tensor in zip(names, self._run(session, values), strict=True):
            found.setdefault(self.value_lines[name], []).append(tensor)
        return found

    def line_of_error(self, error: Exception) -> Line | None:
        """The line of the node that onnxruntime's error names."""
        found = re.search(r"Name:\s?'([^']+)'", str(error))
        return self.node_lines.get(found[1]) if found else None
