"""torch's ExportedProgram: what ONNX is made of, and a format of its own, `.pt2`."""

from __future__ import annotations

import ast
import re
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.export import Dim, ExportedProgram
from torch.utils import _pytree as pytree

from ..discover.pins import ContainerSpec, Spec, TensorSpec
from ..schema import Dims
from .inputs import Inputs, Signature, Values
from .lines import Line, Lines, line_of_stack

SYMBOL = re.compile(r"\b[su]\d+\b")


@dataclass(frozen=True)
class Program:
    """An exported model. `names` are its outputs'; `symbols` give each of the exporter's symbols in the pins' words;
    `fixed` are those of the pins that it holds to be constant, and `notes` say what else it holds to be narrower."""

    exported: ExportedProgram
    names: tuple[str, ...]
    symbols: Mapping[str, str]
    fixed: Mapping[str, int]
    notes: tuple[str, ...]

    def dims_of(self, shape: Any) -> Dims:
        return tuple(dim if isinstance(dim, int) else self.rename(str(dim)) for dim in shape)

    def rename(self, text: str) -> str:
        return SYMBOL.sub(lambda found: self.symbols.get(found[0], found[0]), text)


def make_program(model: nn.Module, inputs: Inputs, signature: Signature, values: Values) -> Program:
    """Record one run of the model, in which each dimension that the pins name may vary.

    Raises:
        Exception: what the exporter or the model's own code raises.
    """
    args, kwargs = signature.split(values)
    dynamic: Any = {each.name: _dynamic(each.spec) for each in inputs.specs}
    if len(signature.positional) == len(inputs.specs):
        dynamic = tuple(dynamic.values())
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")  # of the exporter's own inside
        exported = torch.export.export(model, args, kwargs, dynamic_shapes=dynamic)
        output = model(*args, **kwargs)
    symbols, fixed, notes = _read_symbols(exported, inputs)
    return Program(exported, name_outputs(output), symbols, fixed, notes)


def _dynamic(spec: Spec) -> Any:
    """What the exporter is told of an input: which dimensions may vary. How, it finds out by itself."""
    if isinstance(spec, TensorSpec):
        return {axis: Dim.AUTO for axis, dim in enumerate(spec.dims) if isinstance(dim, str)}
    if isinstance(spec, ContainerSpec):
        items = [_dynamic(item) for item in spec.items]
        if spec.kind == "dict":
            return dict(zip(map(ast.literal_eval, spec.keys), items, strict=True))
        return tuple(items) if spec.kind == "tuple" else items
    return None


def _read_symbols(exported: ExportedProgram, inputs: Inputs) -> tuple[dict[str, str], dict[str, int], tuple[str, ...]]:
    symbols: dict[str, str] = {}
    fixed: dict[str, int] = {}
    notes: list[str] = []
    for (_, spec), shape in zip(inputs.tensors(), _input_shapes(exported), strict=False):
        for wanted, dim in zip(spec.dims, shape, strict=True):
            if isinstance(wanted, int):
                continue
            name = str(dim)
            if name.isdigit():
                fixed |= {wanted: int(name)} if wanted.isidentifier() else {}
                continue
            if not SYMBOL.fullmatch(name):
                continue
            known = symbols.setdefault(name, wanted if wanted.isidentifier() else f"({wanted})")
            if known not in (wanted, f"({wanted})"):
                notes.append(f"{wanted} must equal {known}: forward computes so")
    for symbol, limits in exported.range_constraints.items():
        words = symbols.get(str(symbol))
        if words is not None and limits.upper < 2**31:
            notes.append(f"{words} is at most {limits.upper}: beyond, forward takes another branch")
        if words is not None and limits.lower > 2:
            notes.append(f"{words} is at least {limits.lower}: below, forward takes another branch")
    return symbols, fixed, tuple(dict.fromkeys(notes))


def _input_shapes(exported: ExportedProgram) -> list[Any]:
    wanted = set(exported.graph_signature.user_inputs)
    values = [node.meta.get("val") for node in exported.graph.nodes if node.op == "placeholder" and node.name in wanted]
    return [value.shape for value in values if isinstance(value, Tensor)]


def name_outputs(output: Any) -> tuple[str, ...]:
    """A name for each tensor of an output: its key in a dict or its field, else its number."""
    leaves, _ = pytree.tree_flatten_with_path(output)
    names: list[str] = []
    for path, leaf in leaves:
        if not isinstance(leaf, Tensor):
            continue
        parts = [str(getattr(key, "key", getattr(key, "name", getattr(key, "idx", "")))) for key in path]
        name = re.sub(r"\W+", "_", "_".join(parts)) or "output"
        name = f"output_{name}" if name[0].isdigit() else name
        names.append(name if name not in names else f"{name}_{len(names)}")
    return tuple(names)


def flatten_tensors(output: Any) -> list[Tensor]:
    """The tensors of a model's output, in the order that exporters give them."""
    return [leaf for leaf in pytree.tree_leaves(output) if isinstance(leaf, Tensor)]


def save_program(program: Program, path: Path, metadata: Mapping[str, str], lines: Lines) -> None:
    """Write the `.pt2` file. Of the stacks that it would hold, only the line is left, without this machine's paths."""
    for module in program.exported.graph_module.modules():
        if isinstance(module, torch.fx.GraphModule):
            for node in module.graph.nodes:
                line = line_of_stack(node.meta.get("stack_trace") or "")
                if line is not None:
                    short = lines.shorten(line)
                    node.meta["stack_trace"] = f'File "{short.path}", line {short.line}'
    torch.export.save(program.exported, str(path), extra_files={f"{key}.txt": text for key, text in metadata.items()})


class ProgramFile:
    """A `.pt2` file, loaded again."""

    def __init__(self, path: Path, signature: Signature) -> None:
        exported = torch.export.load(str(path))
        self.signature = signature
        self.module: Any = exported.module()
        shapes = [
            node.meta["val"].shape
            for node in exported.graph.output_node().args[0]
            if hasattr(node, "meta") and isinstance(node.meta.get("val"), Tensor)
        ]
        self.shapes = shapes[-len(exported.graph_signature.user_outputs) :]
        self.lines = {
            line for node in self.module.graph.nodes if (line := line_of_stack(node.meta.get("stack_trace") or ""))
        }

    def run(self, values: Values) -> list[Tensor]:
        with torch.no_grad():
            return flatten_tensors(self.signature.call(self.module, values))

    def run_all(self, values: Values) -> dict[Line, list[Tensor]]:
        """Every tensor that it computes, by the line that computes it."""
        recorder = _Recorder(self.module)
        args, kwargs = self.signature.split(values)
        with torch.no_grad():
            recorder.run(*pytree.tree_leaves((args, kwargs)), enable_io_processing=False)
        return recorder.found


class _Recorder(torch.fx.Interpreter):
    def __init__(self, module: Any) -> None:
        super().__init__(module)
        self.found: dict[Line, list[Tensor]] = {}

    def run_node(self, n: torch.fx.Node) -> Any:
        if n.op == "call_module" or (n.op == "call_function" and not n.users):
            return None  # a check of what the program was made for: what fails it shall be seen
        result = super().run_node(n)
        line = line_of_stack(n.meta.get("stack_trace") or "")
        if line is not None and n.op == "call_function":
            for tensor in flatten_tensors(result):
                self.found.setdefault(line, []).append(tensor.detach().clone())
        return result
