"""Runs again the step that was not finite: the script, up to the model's first forward pass; there the weights, the
batch and the random state of that step, and the search for where NaN came from."""

from __future__ import annotations

import os
import random
import sys
import weakref
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .. import runs
from ..schema import NonFinite, PyModelError, ScriptRequest
from .import_hooks import AfterImport
from .launcher import run_as_main


class NothingToReplay(PyModelError):
    """A run has kept no batch."""


@dataclass(frozen=True)
class Kept:
    """A step that was kept: what was run, what was found then, and the file with the weights and the batch."""

    request: ScriptRequest
    found: NonFinite
    path: Path


def find_batch(folder: Path) -> Kept:
    """What the run in `folder` has kept.

    Raises:
        RunNotFound: there is no run in `folder`.
        NothingToReplay: it has kept no batch.
    """
    request = runs.read_request(runs.read_run(folder))
    monitored = runs.read_monitored(folder)
    found = monitored.nonfinite if monitored is not None else None
    if found is None or found.batch is None or not isinstance(request, ScriptRequest):
        advice = "`pymodel run --save-batch` keeps the first step that is not finite."
        raise NothingToReplay("This run has kept no batch.", path=str(folder), advice=advice)
    return Kept(request, found, folder / found.batch)


def replay(kept: Kept) -> int:
    """Run the script up to its model's first forward pass, and there the step that was kept. Prints what is found; the
    exit code is 0 if that is where it came from, 1 if not."""
    os.chdir(kept.request.folder)
    AfterImport({"torch": lambda torch: _watch(kept.found, kept.path)}).install()
    return run_as_main(kept.request, kept.request.script or "", lambda _: None)


def _watch(known: NonFinite, path: Path) -> None:
    """Wait for the forward pass of a model that the kept weights fit."""
    import torch
    from torch import nn

    kept = torch.load(path, weights_only=True)

    def on_forward(module: nn.Module, arguments: Any) -> None:
        if type(module).__qualname__ == kept["class"] and module.state_dict().keys() == kept["state"].keys():
            hook.remove()
            _run(module, kept, known)

    hook = nn.modules.module.register_module_forward_pre_hook(on_forward)


def _run(model: Any, kept: dict[str, Any], known: NonFinite) -> None:
    from .nonfinite import Forward, search

    model.load_state_dict(kept["state"])
    modules = dict(model.named_modules())
    for path, training in kept["training"].items():
        modules[path].training = training
    counts = [(modules[path], name, value) for path, name, value in kept["counts"]]
    random.setstate(kept["python_random"])
    forward = Forward(weakref.ref(model), kept["name"], kept["arguments"], kept["keywords"], kept["random"], counts)
    found = search(forward, known, None)
    sys.stdout.write(f"step {known.step}: {found.words}\n")
    if found.operation is not None:
        sys.stdout.write(f"{found.path}:{found.line}\n")
        for each in found.operands:
            span = "" if each.minimum is None else f", finite values from {each.minimum} to {each.maximum}"
            sys.stdout.write(f"  {each.name} {each.dtype} {each.shape}: {each.nonfinite} not finite{span}\n")
    sys.stdout.flush()
    raise SystemExit(0 if found.operation is not None else 1)
