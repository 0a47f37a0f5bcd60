"""What calls in the code and its data sets give to `forward`: evaluated on meta tensors, two samples for a batch."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from typing import Any

import torch
from torch import nn

from ..discover.callsites import ForwardCall, find_forward_calls
from ..discover.data import find_factories
from ..discover.document import Document
from ..discover.imports import module_name
from ..schema import Source
from .inputs import Inputs, are_tensors, given_inputs, required_parameters
from .load import evaluate
from .trial import Engine

SAMPLES = 2
MAX_CALLS = 12


def called_inputs(
    model: nn.Module, document: Document, name: str, own_path: str, module: Any, engine: Engine
) -> Iterator[Inputs]:
    """Candidates from the calls of an instance in one text."""
    for call in find_forward_calls(document, name, own_path)[:MAX_CALLS]:
        values = _evaluate(call, module, engine)
        if values is not None and are_tensors(values):
            source = Source("call-site", call.path, call.line)
            yield from given_inputs(model, values[0], values[1], source, vars(module))


def dataset_inputs(
    model: nn.Module, document: Document, own_path: str, module: Any, engine: Engine
) -> Iterator[Inputs]:
    """Candidates from what the data sets and loaders of a text give: a batch's first items are the arguments."""
    for factory in find_factories(document):
        prelude: tuple[str, ...] = ()
        if document.path != own_path:
            if not document.path.endswith(".py"):
                continue
            prelude = (f"from {module_name(document.path)} import {factory.name}",)
        try:
            with reading_data():
                made = engine.values(partial(_first_batch_of, module, prelude, f"{factory.name}()"))
        except (Exception, SystemExit):  # the data may not be there, or take what only training has
            continue
        yield from _from_batch(model, made, Source("dataset", factory.path, factory.line), vars(module))


def _from_batch(model: nn.Module, batch: Any, source: Source, namespace: Mapping[str, Any]) -> Iterator[Inputs]:
    parameters = required_parameters(model)
    if isinstance(batch, Mapping):
        named = {name: batch[name] for name in parameters if name in batch}
        if named and len(named) == len(parameters):
            yield from given_inputs(model, tuple(named.values()), {}, source, namespace)
        elif len(parameters) == 1:
            yield from given_inputs(model, (batch,), {}, source, namespace)
    elif isinstance(batch, (tuple, list)) and len(batch) >= len(parameters):
        yield from given_inputs(model, tuple(batch[: len(parameters)]), {}, source, namespace)
    elif are_tensors(batch) and len(parameters) == 1:
        yield from given_inputs(model, (batch,), {}, source, namespace)


def _evaluate(call: ForwardCall, module: Any, engine: Engine) -> tuple[tuple[Any, ...], dict[str, Any]] | None:
    try:
        with reading_data():
            values = engine.values(lambda: evaluate(module, call.prelude, call.expression))
    except (Exception, SystemExit):  # whatever the code under analysis raises: this call tells nothing
        return None
    return values if isinstance(values, tuple) and len(values) == 2 else None


def _first_batch_of(module: Any, prelude: tuple[str, ...], expression: str) -> Any:
    return first_batch(evaluate(module, prelude, expression))


def first_batch(data: Any) -> Any:
    """The first batch of a loader, or of a data set (of the first of several)."""
    from torch.utils.data import DataLoader, Dataset

    while isinstance(data, (tuple, list)) and data and isinstance(data[0], (DataLoader, Dataset)):
        data = data[0]
    if isinstance(data, DataLoader):
        return next(iter(data))
    return next(iter(DataLoader(data, batch_size=SAMPLES)))


@contextmanager
def reading_data() -> Iterator[None]:
    """While this lasts a DataLoader gives one batch of the first samples, in order, without processes; a progress bar
    gives what it is wrapped around."""
    from torch.utils.data import DataLoader, IterableDataset

    original = DataLoader.__iter__

    def iterate(loader: Any) -> Any:
        data = loader.dataset
        if isinstance(data, IterableDataset):
            source = iter(data)
            samples = [sample for sample, _ in zip(source, range(SAMPLES), strict=False)]
        else:
            samples = [data[index] for index in range(min(SAMPLES, len(data)))]
        if loader.batch_size is None and loader.batch_sampler is None:
            return iter(samples[:1])
        collate = loader.collate_fn if loader.collate_fn is not None else torch.utils.data.default_collate
        return iter([collate(samples)])

    DataLoader.__iter__ = iterate  # type: ignore[method-assign]
    arguments, sys.argv = sys.argv, sys.argv[:1]
    try:
        yield
    finally:
        DataLoader.__iter__ = original  # type: ignore[method-assign]
        sys.argv = arguments
