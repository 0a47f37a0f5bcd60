"""Models that are made of other models: `Diffusion(model=UNet(dim=64), image_size=32)`, with nothing that says so."""

from __future__ import annotations

import inspect
import itertools
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..discover.document import read_document
from ..discover.models import find_models
from ..schema import Construction, ModelSite, PyModelError, Source
from .construct import required_arguments
from .load import is_installed
from .parents import find_siblings
from .reads import find_reads
from .usual_values import annotated_model, is_module_argument, usual_value, write_call

if TYPE_CHECKING:
    from .resolve import Oracle

MAX_CHOICES = 4
"""So many combinations of models to hand over are tried."""


def wrap_models(oracle: Oracle, site: ModelSite, depth: int) -> Iterator[Construction]:
    """Constructions of a model whose required arguments are models, each with others that fit."""
    made = vars(oracle.loaded.module).get(site.name)
    needed = required_arguments(made) or []
    slots = [each for each in needed if is_module_argument(each, made)]
    if not slots:
        return
    choices = [list(_fitting(oracle, site, made, slot, depth)) for slot in slots]
    others = {each.name: usual_value(each, made) or "16" for each in needed}
    for chosen in itertools.islice(itertools.product(*choices), MAX_CHOICES):
        given = {**others, **{slot.name: each.expression for slot, each in zip(slots, chosen, strict=True)}}
        lines = dict.fromkeys(line for each in chosen for line in each.prelude)
        source = Source("search", oracle.loaded.document.path, site.line)
        yield Construction(write_call(site.name, given), tuple(lines), source)


def _fitting(oracle: Oracle, site: ModelSite, made: Any, slot: inspect.Parameter, depth: int) -> Iterator[Construction]:
    """Models that fit an argument: of the class that it is annotated with, else of the file's own, those first that
    have its name."""
    annotated = annotated_model(slot, made)
    home = oracle if annotated is None else _home_of(oracle, annotated)
    if home is None:
        return
    document = home.loaded.document
    if annotated is None:
        fitting = find_siblings(document, site.name, slot.name, find_reads(made, slot.name))
    else:
        fitting = [each for each in find_models(document) if each.name == annotated.__name__]
    for each in fitting:
        if oracle.remaining() <= 0:
            return
        home.deadline = oracle.deadline
        try:
            inner = home.resolve(each, (), depth + 1).construction
        except PyModelError:  # its own trace says why
            continue
        yield Construction(inner.expression, (*home.imports_for(oracle, inner), *inner.prelude), inner.source)


def _home_of(oracle: Oracle, cls: type) -> Oracle | None:
    """The oracle of the workspace's file that defines a class."""
    if cls.__module__ == oracle.loaded.module.__name__:
        return oracle
    path = getattr(sys.modules.get(cls.__module__), "__file__", None)
    if path is None or is_installed(path) or not Path(path).is_relative_to(oracle.folder):
        return None
    try:
        return oracle.oracle_of(read_document(path, oracle.loaded.documents))
    except OSError:
        return None
