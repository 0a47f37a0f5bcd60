"""Follows a file's training and evaluation code: the other half of an analysis, beside its models."""

from __future__ import annotations

import copy
import dataclasses
import itertools
import sys
from collections.abc import Callable
from typing import Any

from torch import nn

from ..check.devices import explain_mixes
from ..check.explain import explain
from ..check.modes import depends_on_mode
from ..check.script_doubt import is_of_sizes, without_doubtful
from ..check.single_sample import find_single_samples
from ..check.steps import explain_broadcast
from ..check.traps import find_flow_traps
from ..discover.document import Document, read_document
from ..discover.models import find_models
from ..discover.steps import Script
from ..resolve.arguments import default_arguments
from ..resolve.doubt import OTHER_GUESSES
from ..resolve.inputs import Inputs
from ..resolve.judge import judge, make_arguments
from ..resolve.load import Loaded
from ..resolve.resolve import Oracle
from ..schema import Analyse, Diagnostic, ModelSite, Pin, Position, PyModelError, Range, Related
from ..trace.assemble import Failure
from ..trace.instrument import Instrumenter
from ..trace.memo import Memo
from ..trace.meta import build
from ..trace.pieces import Prepared
from ..trace.places import Places
from ..trace.script import Followed, follow
from .second_look import Seen
from .training_mode import set_training
from .trials import make_engine


def trace_script(
    request: Analyse,
    loaded: Loaded,
    script: Script,
    instrumenter: Instrumenter,
    folder: str,
    poll: Callable[[], None],
    get_memo: Callable[[], Memo | None],
) -> Seen:
    """The values of a script's steps. What could not be run is told in `attempts`."""
    places = Places(request.documents)
    oracle = _ScriptOracle(request, loaded, folder, poll, get_memo)

    def diagnose(oracle: _ScriptOracle) -> tuple[Followed, dict[Diagnostic, Failure], list[Diagnostic]]:
        prepared = Prepared(script, loaded.module, loaded.document, instrumenter)
        with default_arguments():
            followed = follow(prepared, oracle, frozenset(loaded.files), places, poll, get_memo())
        return followed, *_diagnose(followed, request.path, places)

    followed, failures, silent = diagnose(oracle)
    diagnostics = tuple(dict.fromkeys((*failures, *silent)))
    if any(map(is_of_sizes, diagnostics)):
        other = oracle.guess_otherwise()
        _, *again = diagnose(other) if other is not None else (followed, failures, silent)
        diagnostics = tuple(without_doubtful(diagnostics, itertools.chain(*again)))
    trace = dataclasses.replace(followed.trace, diagnostics=diagnostics, files=loaded.files)
    modes_matter = not followed.models or any(map(depends_on_mode, followed.models))
    kept = {each: failures[each] for each in diagnostics if each in failures}
    return Seen(trace, followed.operations, kept, modes_matter=modes_matter)


def _diagnose(followed: Followed, path: str, places: Places) -> tuple[dict[Diagnostic, Failure], list[Diagnostic]]:
    """What fails in the steps, each on the script's line that leads to it, and what is silently wrong."""
    found: dict[Diagnostic, Failure] = {}
    for failure, called_at in followed.failures:
        place = places.locate(called_at)
        if place is None:
            continue
        explained = explain(failure, (place.path, place.start, place.end))
        if explained.path != path:
            inner = Related(explained.path, explained.start, explained.end, "it fails here")
            related = (inner, *explained.related)[:3]
            explained = dataclasses.replace(
                explained, path=place.path, start=place.start, end=place.end, related=related
            )
        found[explained] = failure
    batch = "B" if "B" in followed.trace.symbols else None
    silent = explain_mixes(followed.mixes, places)
    silent += map(explain_broadcast, followed.broadcasts)
    traps = find_flow_traps(followed.operations, batch) + find_single_samples(followed.operations, followed.draws)
    return found, silent + [each for each in traps if each.path == path]


class _ScriptOracle:
    """What the models of a script take: asked of the input oracle, once a model."""

    def __init__(
        self,
        request: Analyse,
        loaded: Loaded,
        folder: str,
        poll: Callable[[], None],
        get_memo: Callable[[], Memo | None],
    ) -> None:
        self.symbols: dict[str, int] = {}
        self.meanings: dict[str, str] = {}
        self._request = request
        self._loaded = loaded
        self._folder = folder
        self._engine = make_engine("eval", poll, get_memo)
        self._known: dict[int, tuple[nn.Module, Inputs]] = {}
        self._given: dict[type[nn.Module], Inputs] = {}
        """Inputs by class that are not looked for again."""

    def guess_otherwise(self) -> _ScriptOracle | None:
        """An oracle that knows the same, and guesses other sizes where it guessed; None where there are none."""
        other = copy.copy(self)
        other._known, other._given = {}, {}
        changed = False
        for model, inputs in self._known.values():
            namespace = vars(sys.modules.get(type(model).__module__, self._loaded.module))
            found = inputs
            for guess in OTHER_GUESSES:
                changed_so = guess(found)
                if judge(model, changed_so, self._engine.attempt, namespace, lambda *_: iter(())).ran:
                    found = changed_so
            other._given[type(model)] = found
            changed |= found != inputs
        return other if changed else None

    def inputs(self, model: nn.Module, binding: dict[str, int]) -> dict[str, Any] | None:
        if id(model) not in self._known:
            return None
        inputs = self._known[id(model)][1]
        namespace = vars(sys.modules.get(type(model).__module__, self._loaded.module))
        args, kwargs = make_arguments(inputs, {**self.symbols, **binding}, namespace)
        names = (each.name for each in inputs if each.by == "position")
        return {**dict(zip(names, args, strict=True)), **kwargs}

    def construct(self, name: str) -> nn.Module | None:
        site = next((each for each in find_models(self._loaded.document) if each.name == name), None)
        if site is None:
            return None
        pins = tuple(pin for pin in self._request.pins if pin.target == site.target)
        try:
            model = build(Oracle(self._loaded, self._folder, self._engine).resolve(site, pins).make)
        except PyModelError:
            return None
        set_training(model, True)
        return model

    def ask(self, model: nn.Module) -> None:
        if id(model) in self._known:
            return
        training = model.training
        given = self._given.get(type(model))
        self._known[id(model)] = model, self._resolve(model) if given is None else given
        set_training(model, training)

    def _resolve(self, model: nn.Module) -> Inputs:
        loaded, site = self._home(model)
        made = Pin(site.target, f"{site.name}()", (), "setting")  # it is there already: `build` hands it out
        engine = dataclasses.replace(self._engine, build=lambda make: model)
        pinned = tuple(pin for pin in self._request.pins if pin.target == site.target and pin.inputs)
        try:
            found = Oracle(loaded, self._folder, engine).resolve(site, (*pinned, made))
        except PyModelError:
            return ()
        for name, guess in found.symbols.items():
            self.symbols.setdefault(name, guess.base)
            self.meanings.setdefault(name, guess.meaning)
        return found.inputs

    def _home(self, model: nn.Module) -> tuple[Loaded, ModelSite]:
        """The file that defines a model's class, and the class as a site there."""
        name = type(model).__name__
        module = sys.modules.get(type(model).__module__)
        path = getattr(module, "__file__", None)
        document: Document = self._loaded.document
        if module is None or path is None:
            module = self._loaded.module
        elif path != document.path:
            try:
                document = read_document(path, self._request.documents)
            except OSError:
                module = self._loaded.module
        for site in find_models(document):
            if site.name == name:
                return Loaded(module, document, (), (), self._loaded.documents), site
        nowhere = Range(Position(1, 0), Position(1, 0))
        site = ModelSite(f"{document.path}::{name}", name, 1, "class", (), nowhere, nowhere)
        return Loaded(module, document, (), (), self._loaded.documents), site
