"""The explanation job: a process of its own. `run.json` holds its result; pictures, page and JSON go to a folder."""

from __future__ import annotations

import contextlib
import sys
import time
import traceback
from dataclasses import replace
from pathlib import Path

import torch
from torch import Tensor

from ..runs import read_request, write_atomically
from ..schema import ExplainRequest, PyModelError, dumps
from ..train.job import take_over
from ..train.journal import Journal
from ..train.user_code import describe_error
from .document import Document, describe_activations, describe_attributions
from .sample import Sample, find_sample
from .subject import Subject, load_subject

QUICK = 0.2
"""Seconds of a forward, below which one thread is enough."""


def run_explain_job(folder: Path) -> int:
    """Run the queued explanation in `folder`. Gives the exit code: 0 completed or stopped, 1 failed.

    Raises:
        RunNotFound: there is no run in `folder`.
    """
    journal = take_over(folder)
    try:
        request = read_request(journal.run)
        if not isinstance(request, ExplainRequest):
            raise PyModelError("This run is no explanation.", advice="Start a new one.")
        output = Path(request.output) if request.output else folder / "explanation"
        with contextlib.redirect_stdout(sys.stderr):
            document = explain(request, journal)
        result = write(document, output)
    except KeyboardInterrupt:
        journal.update(state="stopped")
        return 0
    except (Exception, SystemExit) as error:
        traceback.print_exc()
        journal.update(state="failed", error=describe_error(error))
        return 1
    journal.update(state="completed", result=result)
    return 0


def explain(request: ExplainRequest, journal: Journal | None = None) -> Document:
    """What the request asks for.

    Raises:
        PyModelError: something is missing or does not fit, in words.
        Exception: whatever the user's code raises.
    """
    from .activations import explain_activations
    from .attributions import explain_attributions

    subject = load_subject(request)
    sample = _placed(find_sample(request.sample, subject, request.inputs), subject.model)
    choose_threads(subject, sample)
    torch.manual_seed(0)
    if request.what == "activations":
        return describe_activations(request, subject, sample, explain_activations(subject, sample))

    def progress(done: int, total: int) -> None:
        if journal is not None:
            journal.update(last_step=done, total_steps=total)

    found = explain_attributions(subject, sample, request.methods, request.class_index, progress)
    return describe_attributions(request, subject, sample, found)


@torch.no_grad()
def choose_threads(subject: Subject, sample: Sample) -> None:
    """One thread for a model that is quick with it: on a busy machine several wait for each other far longer."""
    several = torch.get_num_threads()
    torch.set_num_threads(1)
    started = time.monotonic()
    subject.model(*sample.inputs, **sample.keywords)
    if time.monotonic() - started > QUICK:
        torch.set_num_threads(several)


def write(document: Document, folder: Path) -> dict[str, object]:
    """Write page, JSON and pictures; gives the JSON, with where these are."""
    folder.mkdir(parents=True, exist_ok=True)
    for file, picture in document.pictures.items():
        write_atomically(folder / file, picture, durable=False)
    name = str(document.content["kind"])
    page = folder / f"{name}.html"
    write_atomically(page, document.page.encode(), durable=False)
    content = {**document.content, "page": str(page.absolute()), "folder": str(folder.absolute())}
    write_atomically(folder / f"{name}.json", dumps(content).encode(), durable=False)
    return content


def _placed(sample: Sample, model: torch.nn.Module) -> Sample:
    """The sample where the model is."""
    device = next((each.device for each in model.parameters()), torch.device("cpu"))
    inputs = tuple(each.to(device) if isinstance(each, Tensor) else each for each in sample.inputs)
    keywords = {name: each.to(device) if isinstance(each, Tensor) else each for name, each in sample.keywords.items()}
    return replace(sample, inputs=inputs, keywords=keywords)
