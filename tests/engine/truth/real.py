"""Does what a document says with real tensors on the CPU: makes the model, makes the inputs, runs `forward`."""

from __future__ import annotations

import importlib
import os
import random
import sys
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any

os.environ["TORCHDYNAMO_DISABLE"] = "1"  # what is compiled or scripted is run as the Python that it is

import torch
import torch.jit
from torch import nn

from pymodel.discover.imports import module_name
from pymodel.discover.roots import find_import_roots

from .bindings import Binding
from .claim import Document
from .expressions import compiled_to_tell
from .seen import Tensor, summarise, tensors_of
from .stores import Stores, recording_stores

torch.jit._state.disable()


@dataclass
class Observed:
    """What happened at one binding. `outputs` are those of each module's first call, by path; `error` ended the run."""

    binding: Binding
    init: Stores = field(default_factory=dict)
    forward: Stores = field(default_factory=dict)
    outputs: dict[str, list[Tensor]] = field(default_factory=dict)
    error: str | None = None


def run_for_real(document: Document, binding: Binding) -> Observed:
    """Run a claim's model at a binding, watching every file that the claim speaks of."""
    path = document["target"].partition("::")[0]
    files = frozenset((path, *(value["path"] for value in document["values"])))
    observed = Observed(binding)
    torch.manual_seed(0)
    random.seed(0)
    try:
        with imported(path) as module, warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with recording_stores(files) as observed.init:
                for line in document["construction"]["prelude"]:
                    exec(line, vars(module))
                model = eval(document["construction"]["expression"], vars(module))
            model.train(document["mode"] == "train")
            args, kwargs = make_inputs(document, module, binding)
            with recording_outputs(model) as observed.outputs, recording_stores(files) as observed.forward:
                model(*args, **kwargs)
    except Exception as error:
        observed.error = f"{type(error).__name__}: {error}".splitlines()[0]
    return observed


def run_for_expressions(document: Document, binding: Binding) -> Observed:
    """The same run once more, for what each call and operator of `forward` gives, in place of what variables hold."""
    path = document["target"].partition("::")[0]
    files = frozenset((path, *(value["path"] for value in document["values"])))
    observed = Observed(binding)
    torch.manual_seed(0)
    random.seed(0)
    with compiled_to_tell(files) as told, imported(path) as module, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for line in document["construction"]["prelude"]:
            exec(line, vars(module))
        model = eval(document["construction"]["expression"], vars(module))
        model.train(document["mode"] == "train")
        args, kwargs = make_inputs(document, module, binding)
        told.clear()
        model(*args, **kwargs)
    observed.forward = dict(told)
    return observed


def make_inputs(document: Document, module: ModuleType, binding: Mapping[str, int]) -> tuple[list[Any], dict[str, Any]]:
    scope = {**vars(module), "torch": torch, **binding}
    values = [(each, eval(each["expression"], dict(scope))) for each in document["inputs"]]
    args = [value for each, value in values if each["by"] == "position"]
    return args, {each["name"]: value for each, value in values if each["by"] == "keyword"}


@contextmanager
def imported(path: str) -> Iterator[ModuleType]:
    """A file as Python itself imports it, with its neighbours; all of them are forgotten at the end."""
    roots = find_import_roots(path, (str(Path.cwd()),))
    before, search, arguments = set(sys.modules), list(sys.path), sys.argv
    sys.path[:0] = roots
    sys.argv = [path]  # argparse at the top of a file gives its defaults
    importlib.invalidate_caches()
    try:
        yield importlib.import_module(module_name(path))
    finally:
        sys.path[:], sys.argv = search, arguments
        folder = Path(path).parent
        for name in set(sys.modules) - before:
            if (file := getattr(sys.modules[name], "__file__", None)) and Path(file).is_relative_to(folder):
                del sys.modules[name]


@contextmanager
def recording_outputs(model: nn.Module) -> Iterator[dict[str, list[Tensor]]]:
    """The outputs of each submodule's first call while this lasts, as its hooks leave them. A hook of ours would change
    what runs."""
    paths = {module: path for path, module in model.named_modules()}
    outputs: dict[str, list[Tensor]] = {}

    original = nn.Module.__call__

    def call(module: nn.Module, *args: Any, **kwargs: Any) -> Any:
        output = original(module, *args, **kwargs)
        if module in paths:
            seen = [each for each in map(summarise, tensors_of(output)) if isinstance(each, Tensor)]
            outputs.setdefault(paths[module], seen)
        return output

    nn.Module.__call__ = call  # type: ignore[method-assign]
    try:
        yield outputs
    finally:
        nn.Module.__call__ = original  # type: ignore[method-assign]
