"""Writes a model to a file and proves it: made under a temporary name, verified there, and only then renamed."""

from __future__ import annotations

import contextlib
import subprocess
import sys
from pathlib import Path

import torch

from ..runs.atomic import replacing
from ..schema import ExportRequest, ModelSettings, PyModelError, to_json
from ..train.user_code import build_model, split_reference
from .inputs import CHECKED, TRACED, read_inputs
from .onnx import write_onnx
from .program import write_program
from .safetensors import write_safetensors
from .verify import OutputError
from .weights import load_into


class NotVerified(PyModelError):
    """The file does not compute what the model does, so it was not kept."""


def export(request: ExportRequest) -> dict[str, object]:
    """Export the model, and give the document of `pymodel export --json`.

    Raises:
        NotVerified: the file differs from the model.
        PyModelError: something is missing or does not fit, in words.
        Exception: what the user's code or the exporter raises.
    """
    with contextlib.redirect_stdout(sys.stderr):
        return _export(request)


def _export(request: ExportRequest) -> dict[str, object]:
    torch.manual_seed(0)
    model, _ = build_model(ModelSettings(request.target, request.construction, request.prelude), Path(), request.roots)
    source = load_into(model, request)
    model.eval()
    path = destination(request)
    metadata = _metadata(request, source)
    sizes: list[dict[str, int]] = []
    errors: list[OutputError] = []
    with replacing(path) as temporary:
        if request.format == "safetensors":
            verified = write_safetensors(model, temporary, metadata)
        else:
            inputs = read_inputs(request.inputs)
            sizes = [{name: base + offset for offset, name in enumerate(inputs.symbols)} for base in (TRACED, CHECKED)]
            samples = [inputs.make(each) for each in sizes]
            write = write_onnx if request.format == "onnx" else write_program
            errors, verified = write(model, inputs, samples, temporary, metadata)
        if not verified:
            worst = max((each.max_abs_error for each in errors), default=float("inf"))
            advice = "Look for random numbers or for branches on values in forward."
            raise NotVerified(f"The exported file differs from the model by {worst:g}.", advice=advice)
    return {
        "path": str(path),
        "format": request.format,
        "verified": verified,
        "sizes": sizes,
        "outputs": [to_json(each) for each in errors],
        "first_divergence": None,
        "weights": source,
    }


def destination(request: ExportRequest) -> Path:
    """Where the file goes: where the request says, else beside the model's own file, under its name."""
    path, name = split_reference(request.target)
    chosen = Path(request.output) if request.output else Path(path).with_name(f"{name}.{request.format}")
    if not chosen.parent.is_dir():
        raise PyModelError("This folder is not there.", path=str(chosen.parent), advice="Make it, or choose another.")
    return chosen.absolute()


def _metadata(request: ExportRequest, weights: str) -> dict[str, str]:
    """What the file says of itself. No absolute path: who gets the file learns nothing of this machine."""
    path, name = split_reference(request.target)
    given = {
        "pymodel.target": f"{Path(path).name}::{name}",
        "pymodel.inputs": ", ".join(request.inputs),
        "pymodel.weights": "fresh" if weights == "fresh" else Path(weights).name,
        "pymodel.checks": "" if request.format == "safetensors" else "equal to eager at two batch sizes",
        "pymodel.torch": torch.__version__,
    }
    commit = _commit(Path(path).parent)
    return {**given, "pymodel.commit": commit} if commit else given


def _commit(folder: Path) -> str | None:
    try:
        command = ["git", "-C", str(folder), "rev-parse", "HEAD"]
        answer = subprocess.run(command, capture_output=True, text=True, timeout=5, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return answer.stdout.strip() or None
