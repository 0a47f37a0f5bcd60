"""An export beside torch's own, and a proof beside the runs that it consists of, pair by pair in one process."""

from __future__ import annotations

import gc
import json
import statistics
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from pymodel.export import onnx
from pymodel.export.export import make_subject, prepare
from pymodel.export.program import make_program
from pymodel.export.proof import Subject, prove
from pymodel.schema import ExportRequest

from .cases import case_of

PAIRS = 5


def measure(name: str) -> dict[str, float]:
    """Seconds of processor time: `bare` and `ours` until the file is there, `runs` of model and file, and `proof`."""
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    case = case_of(name)
    dims = ", ".join(["B", *map(str, case.size[1:])])
    request = ExportRequest(f"{case.path}::{case.class_name}", inputs=(f"x=({dims}):{case.dtype}",))
    prepared = prepare(request)
    subject = make_subject(request, prepared)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.onnx"
        _export_bare(subject, path)  # what is imported late is nobody's
        pairs = [
            (_seconds(lambda: _export_bare(subject, path)), _seconds(lambda: _export(subject, path)))
            for _ in range(PAIRS)
        ]
        file = onnx.OnnxFile(path)
        _run_all(subject, file)
        proofs = [
            (
                _seconds(lambda: _run_all(subject, file)),
                _seconds(lambda: prove(subject, file, file.names, file.dims)),
            )
            for _ in range(PAIRS)
        ]
    bare, ours = min(each[0] for each in pairs), min(each[1] for each in pairs)
    runs, proof = (statistics.median(each[index] for each in proofs) for index in (0, 1))
    return {"bare": bare, "ours": ours, "runs": runs, "proof": proof}


def _export_bare(subject: Subject, path: Path) -> None:
    args, kwargs = subject.signature.split(subject.make(subject.cases[0]))
    dynamic = ({0: torch.export.Dim("B")},)
    written: Any = torch.onnx.export(
        subject.model, args, kwargs=kwargs, dynamo=True, dynamic_shapes=dynamic, verbose=False
    )
    written.save(path)


def _export(subject: Subject, path: Path) -> None:
    values = subject.make(subject.cases[0])
    program = make_program(subject.model, subject.inputs, subject.signature, values)
    onnx.save(onnx.convert(program, subject.inputs, None, subject.lines), path, {}, path)


def _run_all(subject: Subject, file: onnx.OnnxFile) -> None:
    for case in subject.cases:
        values = subject.make(case)
        subject.run(values)
        file.run(values)


def _seconds(work: Callable[[], object]) -> float:
    gc.collect()  # or one pays for what the other left
    start = time.process_time()
    work()
    return time.process_time() - start


if __name__ == "__main__":
    sys.stdout.write(json.dumps(measure(sys.argv[1])) + "\n")
