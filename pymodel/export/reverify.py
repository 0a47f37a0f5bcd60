"""`pymodel export --verify`: proves a file again, that is there already."""

from __future__ import annotations

import contextlib
import sys
import zipfile
from pathlib import Path
from typing import Any

import torch

from ..schema import ExportRequest, PyModelError
from ..weights import load_weights, open_weights
from ..weights.structure import check_archive
from .compare import QUANTISED
from .export import Prepared, Progress, make_subject, prepare
from .metadata import PREFIX
from .onnx import OnnxFile, check_file
from .program import ProgramFile, name_outputs
from .proof import describe, prove
from .safetensors import find_shared

FORMATS = (".onnx", ".pt2", ".safetensors")


def verify(request: ExportRequest, progress: Progress = lambda done, total: None) -> dict[str, object]:
    """Prove the file that `request.verify` names, and give the document of `pymodel export --json`. Nothing is written.

    Raises:
        PyModelError: the file or the model cannot be read, or they do not fit, in words.
        Exception: what the user's code raises.
    """
    path = Path(request.verify or "").absolute()
    format_of(path)
    with contextlib.redirect_stdout(sys.stderr):
        if path.suffix == ".onnx":
            check_file(path)
        prepared = prepare(request)
        progress(1, 2)
        found = (
            _verify_weights(path, prepared) if path.suffix == ".safetensors" else _verify_graph(request, prepared, path)
        )
    progress(2, 2)
    return {"path": str(path), "format": path.suffix[1:], **found, "weights": prepared.weights}


def format_of(path: Path) -> str:
    """Raises PyModelError where it is none that can be proven."""
    if path.suffix not in FORMATS:
        raise PyModelError(f"A file is one of {', '.join(FORMATS)}.", path=str(path), advice="Name an exported file.")
    if not path.is_file():
        raise PyModelError("There is no such file.", path=str(path), advice="Check the path.")
    return path.suffix[1:]


def read_metadata(path: Path) -> dict[str, str]:
    """What a file says of itself.

    Raises:
        PyModelError: it is damaged, or none of the formats.
    """
    kind = format_of(path)
    if kind == "safetensors":
        with open_weights(path) as weights:
            return dict(weights.metadata)
    if kind == "onnx":
        from .onnx import read_properties

        return read_properties(path)
    check_archive(path)
    with zipfile.ZipFile(path) as archive:
        names = [name for name in archive.namelist() if f"/{PREFIX}" in name and name.endswith(".txt")]
        return {Path(name).name.removesuffix(".txt"): archive.read(name).decode("utf-8", "replace") for name in names}


def _verify_graph(request: ExportRequest, prepared: Prepared, path: Path) -> dict[str, Any]:
    subject = make_subject(request, prepared)
    if path.suffix == ".pt2":
        check_archive(path)
        program = ProgramFile(path, subject.signature)
        with torch.no_grad():
            names = name_outputs(subject.signature.call(subject.model, subject.make(subject.cases[0])))
        return describe(prove(subject, program, names, [tuple(map(_dim, each)) for each in program.shapes]))
    file = OnnxFile(path)
    proof = prove(subject, file, file.names, file.dims, QUANTISED if file.is_quantised else None)
    return describe(proof)


def _dim(dim: Any) -> int | str:
    return dim if isinstance(dim, int) else str(dim)


def _verify_weights(path: Path, prepared: Prepared) -> dict[str, Any]:
    """Bit for bit: names, dtypes, shapes and values."""
    state = {name: tensor.cpu() for name, tensor in prepared.model.state_dict().items()}
    shared = find_shared(prepared.model.state_dict())
    read = load_weights(path)
    faults = [f"`{name}` is missing" for name in state if name not in read and name not in shared]
    faults += [f"`{name}` is not of the model" for name in read if name not in state]
    for name in (each for each in read if each in state):
        if read[name].dtype != state[name].dtype or not torch.equal(read[name], state[name]):
            faults.append(f"`{name}` differs")
    nothing: dict[str, Any] = {"sizes": [], "outputs": [], "first_divergence": None}
    return {"verified": not faults, **nothing, "difference": "; ".join(faults[:5]) or None}
