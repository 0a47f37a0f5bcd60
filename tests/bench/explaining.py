"""What it takes to show what a sample does in each layer, beside one forward of the model."""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
import warnings
from pathlib import Path

import torch

from pymodel.explain.activations import explain_activations
from pymodel.explain.document import describe_activations
from pymodel.explain.job import choose_threads, write
from pymodel.explain.sample import find_sample
from pymodel.explain.subject import load_subject
from pymodel.schema import ExplainRequest, dumps

from .cases import case_of

TIMES = 5


def measure(name: str) -> dict[str, float]:
    """Milliseconds: a bare `forward`, and from the model and the sample to the page and all of its pictures, `view`."""
    warnings.simplefilter("ignore")
    case = case_of(name)
    shape = ", ".join(["1", *map(str, case.size[1:])])
    request = ExplainRequest(f"{case.path}::{case.class_name}", "activations", inputs=(f"x=({shape}):{case.dtype}",))
    subject = load_subject(request)
    sample = find_sample(request.sample, subject, request.inputs)
    choose_threads(subject, sample)
    forwards, views = [], []
    with tempfile.TemporaryDirectory() as folder:
        for _ in range(TIMES):
            started = time.perf_counter()
            with torch.no_grad():
                subject.model(*sample.inputs, **sample.keywords)
            forwards.append(time.perf_counter() - started)
            started = time.perf_counter()
            document = describe_activations(request, subject, sample, explain_activations(subject, sample))
            write(document, Path(folder))
            views.append(time.perf_counter() - started)
    return {"forward": 1000 * statistics.median(forwards), "view": 1000 * statistics.median(views)}


if __name__ == "__main__":
    print(dumps(measure(sys.argv[1])))
