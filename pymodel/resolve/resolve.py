"""The input oracle: a construction that works, and inputs on which `forward` keeps the batch, with nothing asked.

Trials run through callables that the caller gives, so that this knows nothing of tracing.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from torch import nn

from ..discover.callsites import find_neighbours
from ..schema import Construction, ModelSite, Pin, PyModelError
from .construct import find_constructions
from .flattening import read_flattening
from .inputs import TOKENS, ResolvedInput, SymbolGuess, find_inputs, materialise, previous_inputs, symbols_of
from .load import Loaded, evaluate
from .search import likely_lengths

MAX_ATTEMPTS = 1000
MAX_LOGGED = 12
SEARCH_SECONDS = 4.0
"""Of processor time, so that a busy machine finds the same. Most of an analysis's 10 s is left for the trace."""
BATCHES = (3, 5)


class ConstructionNotFound(PyModelError):
    """No way to make the model worked."""


class InputNotFound(PyModelError):
    """No candidate for the inputs could be formed."""


@dataclass(frozen=True)
class Attempt:
    """How a trial run went: the shapes that came out, and how many operations it got through."""

    ok: bool
    output_shapes: tuple[tuple[int, ...], ...]
    error: str | None
    progress: int
    failed_on: tuple[int, ...] | None = None
    """The shape of the first operand of the operation that failed."""


@dataclass(frozen=True)
class Resolution:
    """How to make and feed a model. `verified`: it ran, and the batch came out as it went in."""

    construction: Construction
    make: Callable[[], Any]
    inputs: tuple[ResolvedInput, ...]
    symbols: dict[str, SymbolGuess]
    attempts: tuple[str, ...]
    verified: bool


Build = Callable[[Callable[[], Any]], nn.Module]
Try = Callable[[nn.Module, tuple[Any, ...], dict[str, Any]], Attempt]


def resolve(
    loaded: Loaded,
    site: ModelSite,
    *,
    pins: tuple[Pin, ...],
    folder: str,
    build: Build,
    attempt: Try,
) -> Resolution:
    """Find a construction and inputs for the model at `site`.

    Raises:
        ConstructionNotFound: nothing that was tried makes the model; the message says what was tried.
        InputNotFound: the model could be made, but no candidate for its inputs formed.
    """
    namespace = vars(loaded.module)
    neighbours = find_neighbours(loaded.document.path, site.name, folder) if site.kind == "class" else []
    log: list[str] = []
    construction, make, model = _construct(loaded, site, neighbours, pins, build, log)
    plan = read_flattening(loaded.document, site.name, model)
    previous = previous_inputs(model, pins)
    best: tuple[tuple[int, float, int], tuple[ResolvedInput, ...], int] | None = None
    deadline = math.inf
    for number, inputs in enumerate(find_inputs(model, loaded.document, neighbours, site.name, pins)):
        if number >= MAX_ATTEMPTS or time.process_time() > deadline:
            break
        if number == 1:  # the first trial also pays for what torch loads on demand
            deadline = time.process_time() + SEARCH_SECONDS
        for length in (TOKENS, *likely_lengths(model)):
            verdict, progress, failed_on = _judge(model, inputs, attempt, namespace, length)
            if verdict is None or not _has_length(inputs):
                break
        if number < MAX_LOGGED:
            log.append(f"inputs {_show(inputs)}: {verdict or 'fits'}")
        found = Resolution(construction, make, inputs, symbols_of(inputs, length), tuple(log), verified=verdict is None)
        if found.verified or (inputs and inputs[0].source.kind == "pin"):
            return found
        # Sizes for which the code's own arithmetic holds (`view(-1, 64 * 10 * 10)` meets 10 x 10) are the intended
        # ones: if there is more to say for them, no other is looked for, lest one be found that hides the fault.
        credit = plan.credit(failed_on) if failed_on else 0.0
        belief = _belief(inputs, previous)
        if belief and credit:
            return found
        rank = (belief, credit, progress)
        if best is None or rank > best[0]:
            best = rank, inputs, length if progress else TOKENS
    if best is None:
        raise InputNotFound(
            f"no input was found for {site.name}.",
            path=loaded.document.path,
            line=site.line,
            advice=f"Pin one on the class line: `# pymodel: {construction.expression}, x=(B, 3, 32, 32)`.",
        )
    return Resolution(construction, make, best[1], symbols_of(best[1], best[2]), tuple(log), verified=False)


def _belief(inputs: tuple[ResolvedInput, ...], previous: tuple[ResolvedInput, ...] | None) -> int:
    """How much inputs deserve belief that do not run: what the author wrote, then what ran before, then guesses."""
    if inputs == previous:
        return 1
    return 2 if inputs and inputs[0].source.kind != "search" else 0


def _has_length(inputs: tuple[ResolvedInput, ...]) -> bool:
    return any(guess.meaning != "batch" for guess in symbols_of(inputs).values())


def _construct(
    loaded: Loaded, site: ModelSite, neighbours: list[Any], pins: tuple[Pin, ...], build: Build, log: list[str]
) -> tuple[Construction, Callable[[], Any], nn.Module]:
    failure: BaseException | None = None
    for candidate in find_constructions(site, vars(loaded.module), loaded.document, neighbours, pins):

        def make(candidate: Construction = candidate) -> Any:
            return evaluate(loaded.module, candidate.prelude, candidate.expression)

        try:
            model = build(make)
        except (Exception, SystemExit) as error:
            log.append(f"{candidate.expression} ({candidate.source.kind}): {type(error).__name__}: {error}")
            if failure is None or candidate.source.kind == "pin":
                failure = error
            if candidate.source.kind == "pin":
                break
            continue
        log.append(f"{candidate.expression} ({candidate.source.kind}): made")
        return candidate, make, model
    tried = f" Tried: {'; '.join(log[:3])}." if log else " Its arguments have no defaults and no call of it was found."
    raise ConstructionNotFound(
        f"{site.name} could not be constructed.{tried}",
        path=loaded.document.path,
        line=site.line,
        advice=f"Pin a construction on the class line: `# pymodel: {site.name}(…)`.",
    ) from failure


def _judge(
    model: nn.Module, inputs: tuple[ResolvedInput, ...], attempt: Try, namespace: Mapping[str, Any], length: int
) -> tuple[str | None, int, tuple[int, ...] | None]:
    """Why inputs are not right (None if they are), how far they got, and on what shape they failed."""
    progress = 0
    for batch in BATCHES:
        binding = {
            name: batch if guess.meaning == "batch" else guess.base
            for name, guess in symbols_of(inputs, length).items()
        }
        try:
            values = [(each, materialise(each.spec, binding, namespace)) for each in inputs]
        except Exception as error:
            return f"cannot be made: {error}", 0, None
        args = tuple(value for each, value in values if each.by == "position")
        kwargs = {each.name: value for each, value in values if each.by == "keyword"}
        outcome = attempt(model, args, kwargs)
        progress = outcome.progress
        if not outcome.ok:
            return outcome.error or "failed", progress, outcome.failed_on
        has_batch = "B" in binding
        if has_batch and outcome.output_shapes and not any(batch in shape for shape in outcome.output_shapes):
            return f"the batch of {batch} does not come out", 0, None
    return None, progress + 1, None


def _show(inputs: tuple[ResolvedInput, ...]) -> str:
    return ", ".join(f"{each.name}={getattr(each.spec, 'dims', each.spec)}" for each in inputs) or "none"
