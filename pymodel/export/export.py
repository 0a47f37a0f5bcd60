"""Writes a model to a file and proves it: made under a temporary name, proven there, and only then renamed."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import nn

from ..runs.atomic import replacing
from ..schema import Dims, ExportRequest, ModelSettings, PyModelError
from ..train.device import pick_device
from ..train.user_code import build_model, split_reference
from . import onnx
from .cases import Case, choose_base, choose_cases, keep_fixed
from .failure import explain_failure
from .inputs import describe_symbols, read_inputs, read_signature, size_of, with_limits
from .lines import Lines
from .metadata import make_metadata
from .program import Program, ProgramFile, make_program, save_program
from .proof import Proof, Subject, describe, prove
from .report import write_report
from .safetensors import loader_snippet, write_safetensors
from .steps import STEPS
from .weights import load_into

Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Prepared:
    """A model that is ready: with its weights, in eval mode, on the GPU where there is one."""

    model: nn.Module
    weights: str
    device: torch.device


def export(request: ExportRequest, progress: Progress = lambda done, total: None) -> dict[str, object]:
    """Export the model, and give the document of `pymodel export --json`. A file that is not proven is not kept.

    Raises:
        PyModelError: something is missing or does not fit, in words.
        Exception: what the user's code raises.
    """
    with contextlib.redirect_stdout(sys.stderr):
        prepared = prepare(request)
        path = destination(request)
        if request.format == "safetensors":
            document, metadata = _export_weights(request, prepared, path)
        else:
            document, metadata = _export_graph(request, prepared, path, progress)
        return {**document, "report": write_report(document, metadata)}


def prepare(request: ExportRequest) -> Prepared:
    torch.manual_seed(0)
    model, _ = build_model(ModelSettings(request.target, request.construction, request.prelude), Path(), request.roots)
    weights = load_into(model, request)
    device = pick_device()
    return Prepared(model.eval().to(device), weights, device)


def make_subject(request: ExportRequest, prepared: Prepared) -> Subject:
    """What files of this model are compared with.

    Raises:
        InputsNotUsable: the pins give no inputs.
    """
    inputs = read_inputs(request.inputs)
    symbols = describe_symbols(request.symbols, inputs.symbols)
    signature = read_signature(prepared.model, inputs)
    base = {name: choose_base(symbol) for name, symbol in symbols.items()}
    inputs = with_limits(inputs, prepared.model.cpu(), signature, base)
    prepared.model.to(prepared.device)
    return Subject(prepared.model, signature, inputs, choose_cases(symbols), Lines(request.roots), prepared.device)


def destination(request: ExportRequest) -> Path:
    """Where the file goes: where the request says, else beside the model's own file, under its name."""
    path, name = split_reference(request.target)
    chosen = Path(request.output) if request.output else Path(path).with_name(f"{name}.{request.format}")
    if not chosen.parent.is_dir():
        raise PyModelError("This folder is not there.", path=str(chosen.parent), advice="Make it, or choose another.")
    return chosen.absolute()


def _export_weights(request: ExportRequest, prepared: Prepared, path: Path) -> tuple[dict[str, Any], dict[str, str]]:
    metadata = make_metadata(request, prepared.weights, ())
    with replacing(path) as temporary:
        shared = write_safetensors(prepared.model, temporary, metadata)
    notes = [f"{name} shares its weights with {first}: they are written once" for name, first in shared.items()]
    document = _document(request, path, prepared, notes) | {"snippet": loader_snippet(request, path, shared)}
    return document, metadata


def _document(request: ExportRequest, path: Path, prepared: Prepared, notes: Sequence[str]) -> dict[str, Any]:
    return {
        "path": str(path),
        "format": request.format,
        "verified": True,
        "sizes": [],
        "outputs": [],
        "first_divergence": None,
        "weights": prepared.weights,
        "notes": list(notes),
        "steps": [],
    }


def _export_graph(
    request: ExportRequest, prepared: Prepared, path: Path, progress: Progress
) -> tuple[dict[str, Any], dict[str, str]]:
    subject = make_subject(request, prepared)
    metadata = make_metadata(request, prepared.weights, subject.cases)
    total = 3 + len(_wanted_steps(request))
    program = _record(subject, subject.cases[0])
    progress(1, total)
    written = _Written([], None, [])
    with contextlib.suppress(_NotKept), replacing(path) as temporary:
        if request.format == "pt2":
            narrow, written.notes = narrow_subject(subject, program)
            metadata = make_metadata(request, prepared.weights, narrow.cases)
            save_program(program, temporary, metadata, subject.lines)
            file = ProgramFile(temporary, subject.signature)
            written.proof = prove(narrow, file, program.names, [program.dims_of(each) for each in file.shapes])
        else:
            metadata = _write_onnx(request, prepared, subject, program, temporary, path, written)
        progress(3, total)
        if not written.proof or not written.proof.verified:
            raise _NotKept
        for number, name in enumerate(_wanted_steps(request)):
            _take_step(name, temporary, written.subject or subject, written)
            progress(4 + number, total)
    assert written.proof is not None
    notes = [*program.notes, *written.notes, *map(_describe_unmoved, written.proof.unmoved)]
    document = _document(request, path, prepared, notes) | describe(written.proof)
    steps = [{"name": "exported", **describe(written.proof)}, *written.steps]
    for step in steps[1:]:
        if step["verified"]:  # what is told first is told of the file that was kept
            document |= {key: step[key] for key in ("sizes", "outputs")}
        else:
            document |= {key: step[key] for key in ("first_divergence", "difference")}
    return document | {"steps": steps}, metadata


def _describe_unmoved(name: str) -> str:
    return f"{name} came out the same for other inputs: with these weights its equality proves little"


class _NotKept(Exception):
    """The file is not proven: what was written under a temporary name goes."""


@dataclass
class _Written:
    notes: list[str]
    proof: Proof | None
    steps: list[dict[str, Any]]
    subject: Subject | None = None
    """What the file was compared with in the end: at fewer sizes, where it serves fewer."""


def _wanted_steps(request: ExportRequest) -> list[str]:
    if request.format != "onnx":
        return []
    return ["simplified"] * request.simplify + ["quantised"] * request.quantise


def _record(subject: Subject, case: Case) -> Program:
    try:
        return make_program(subject.model, subject.inputs, subject.signature, subject.make(case))
    except Exception as error:  # the exporter's own, or the user's code's
        raise explain_failure(error) from error


def _write_onnx(
    request: ExportRequest,
    prepared: Prepared,
    subject: Subject,
    program: Program,
    temporary: Path,
    final: Path,
    written: _Written,
) -> dict[str, str]:
    """Write the file and prove it. Gives its metadata, which tell of no size that it was not proven at."""
    metadata = make_metadata(request, prepared.weights, subject.cases)
    try:
        model = onnx.convert(program, subject.inputs, request.opset, subject.lines)
    except Exception as error:  # the exporter's own
        raise explain_failure(error, program) from error
    data = onnx.save(model, temporary, metadata, final)
    try:
        onnx.check_file(temporary)
        file = onnx.OnnxFile(temporary)
        written.subject = subject
        notes: list[str] = []
        inputs = [spec.dims for _, spec in subject.inputs.tensors()]
        proof = prove(subject, file, file.names, file.dims)
        if program.fixed and not proof.verified:
            written.subject, notes = narrow_subject(subject, program)
            inputs = [tuple(program.fixed.get(str(dim), dim) for dim in each) for each in inputs]
            proof = prove(written.subject, file, file.names, file.dims)
            metadata = make_metadata(request, prepared.weights, written.subject.cases)
        dims, mended = settle_dims(file.names, file.dims, request.outputs, proof)
        notes += mended
        if proof.verified and (dims != file.dims or program.fixed):
            onnx.mend_dims(model, inputs, dims)
            data = onnx.replace(model, temporary, metadata, final, data)
            onnx.check_file(temporary)
            proof = proof.with_dims(dims)
    except BaseException:
        onnx.remove(data)
        raise
    if not proof.verified:
        onnx.remove(data)
    written.proof = proof
    written.notes += notes
    return metadata


def narrow_subject(subject: Subject, program: Program) -> tuple[Subject, list[str]]:
    """The subject at the sizes that the exporter left to vary, and which it did not."""
    notes = [
        f"{name} is fixed at {size}: the exporter holds it to be a constant" for name, size in program.fixed.items()
    ]
    return replace(subject, cases=keep_fixed(subject.cases, program.fixed)), notes


def settle_dims(
    names: Sequence[str], declared: Sequence[Dims], traced: Sequence[Dims], proof: Proof
) -> tuple[list[Dims], list[str]]:
    """The dims that the file should declare of its outputs, and what was mended: each is held against the shapes that
    the model gave in every case; one that is wrong becomes what the trace says, or is left open."""
    settled: list[Dims] = []
    notes = []
    for index, (name, dims) in enumerate(zip(names, declared, strict=True)):
        shapes = [(each.case.sizes, each.shapes[index]) for each in proof.observations if index < len(each.shapes)]
        wanted = traced[index] if index < len(traced) and len(traced[index]) == len(dims) else dims
        mended = list(dims)
        for axis, dim in enumerate(dims):
            if _holds(dim, axis, shapes):
                continue
            right = _holds(wanted[axis], axis, shapes)
            mended[axis] = wanted[axis] if right else f"{name}_{axis}"
            notes.append(f"{name}: the exporter declared dimension {axis} as {dim}; it is {mended[axis]} here")
        settled.append(tuple(mended))
    return settled, notes


def _holds(dim: int | str, axis: int, shapes: Sequence[tuple[Mapping[str, int], tuple[int, ...]]]) -> bool:
    try:
        return all(axis < len(shape) and size_of(dim, sizes) == shape[axis] for sizes, shape in shapes)
    except (NameError, SyntaxError, ZeroDivisionError, TypeError):
        return False


def _take_step(name: str, current: Path, subject: Subject, written: _Written) -> None:
    """Change the file, prove the result, and put it in the file's place if it holds."""
    make, tolerance = STEPS[name]
    result = current.with_name(f"{current.stem}.{name}{current.suffix}")
    try:
        make(current, result)
        onnx.check_file(result)
        file = onnx.OnnxFile(result)
        proof = prove(subject, file, file.names, file.dims, tolerance)
        written.steps.append({"name": name, **describe(proof)})
        if proof.verified:
            result.replace(current)
    except PyModelError as error:
        nothing: dict[str, Any] = {"sizes": [], "outputs": [], "first_divergence": None}
        written.steps.append({"name": name, "verified": False, **nothing, "difference": str(error)})
    finally:
        result.unlink(missing_ok=True)
