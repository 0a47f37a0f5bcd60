"""Every way to make and to feed a model that its surroundings suggest, tried: what a person chooses from."""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterator

from torch import nn

from ..discover.document import Document
from ..discover.pins import format_input
from ..discover.shape_comments import read_shape_comments
from ..schema import Candidate, Construction, ModelSite, Pin, PyModelError, Source
from .callers import called_inputs, dataset_inputs
from .construct import stated_constructions
from .inputs import (
    Inputs,
    annotated_inputs,
    assemble,
    describe_input,
    example_inputs,
    forward_parameters,
    guessed_inputs,
    pinned_inputs,
)
from .judge import judge
from .load import evaluate
from .resolution import Resolution
from .resolve import Oracle
from .search import combine

MAX_CONSTRUCTIONS = 12
MAX_STATED = 20
MAX_GUESSED = 6
"""So many guesses that run are offered."""
GUESS_SECONDS = 1.5
"""Of processor time."""


def find_candidates(oracle: Oracle, site: ModelSite, pins: tuple[Pin, ...]) -> tuple[Candidate, ...]:
    """Constructions, then inputs for the model as it is made now; in both what is used comes first."""
    try:
        used = oracle.resolve(site, pins)
    except PyModelError:  # the trace says why; the constructions that were tried are still to choose from
        used = None
    found = list(_constructions(oracle, site, pins, used))
    if used is not None:
        found += _inputs(oracle, site, pins, used)
    distinct: dict[tuple[str, str], Candidate] = {}
    for each in found:
        distinct.setdefault((each.kind, each.pin), each)
    return tuple(distinct.values())


def _constructions(
    oracle: Oracle, site: ModelSite, pins: tuple[Pin, ...], used: Resolution | None
) -> Iterator[Candidate]:
    if used is not None:
        yield Candidate("construction", used.construction.expression, used.construction.source)
    stated_pins = tuple(each for each in pins if each.source != "previous")
    stated = stated_constructions(site, oracle.loaded, _texts(oracle, site), oracle.neighbours, stated_pins)
    for construction in itertools.islice(stated, MAX_CONSTRUCTIONS):
        yield Candidate("construction", construction.expression, construction.source, _fault(oracle, construction))


def _fault(oracle: Oracle, construction: Construction) -> str:
    """Why a construction does not work, in one line."""
    try:
        oracle.engine.build(lambda: evaluate(oracle.loaded.module, construction.prelude, construction.expression))
    except (Exception, SystemExit) as error:
        return f"{type(error).__name__}: {error}".splitlines()[0]
    return ""


def _inputs(oracle: Oracle, site: ModelSite, pins: tuple[Pin, ...], used: Resolution) -> Iterator[Candidate]:
    yield Candidate("inputs", _pin_of(used.inputs), used.inputs[0].source if used.inputs else Source("default"))
    model = oracle.engine.build(used.make)
    namespace = vars(oracle.loaded.module)
    for inputs in itertools.islice(_stated(oracle, site, pins, model), MAX_STATED):
        verdict = judge(model, inputs, oracle.engine.attempt, namespace, lambda *_: iter(()))
        yield Candidate("inputs", _pin_of(inputs), inputs[0].source, verdict.words or "")
    document = oracle.loaded.document
    comments = read_shape_comments(document, site.name, [each.name for each in forward_parameters(model)])
    parameters, guesses = guessed_inputs(model, document, comments)
    deadline = time.process_time() + GUESS_SECONDS
    offered = 0
    for specs in combine(guesses):
        if offered >= MAX_GUESSED or time.process_time() > deadline:
            return
        inputs = assemble(parameters, specs, Source("search"))
        if judge(model, inputs, oracle.engine.attempt, namespace, lambda *_: iter(())).keeps:
            offered += 1
            yield Candidate("inputs", _pin_of(inputs), Source("search"))


def _stated(oracle: Oracle, site: ModelSite, pins: tuple[Pin, ...], model: nn.Module) -> Iterator[Inputs]:
    module, own = oracle.loaded.module, oracle.loaded.document.path
    pinned = pinned_inputs(model, oracle.loaded.document, pins)
    texts = _texts(oracle, site)
    candidates = itertools.chain(
        [pinned] if pinned else [],
        annotated_inputs(model),
        example_inputs(model, vars(module)),
        *(called_inputs(model, text, site.name, own, module, oracle.engine) for text in texts),
        *(dataset_inputs(model, text, own, module, oracle.engine) for text in texts),
    )
    return (inputs for inputs in candidates if inputs)


def _texts(oracle: Oracle, site: ModelSite) -> list[Document]:
    return [oracle.loaded.document, *oracle.neighbours.naming(site.name)]


def _pin_of(inputs: Inputs) -> str:
    return ", ".join(format_input(describe_input(each)) for each in inputs)
