"""The input oracle: a construction that works, and inputs on which `forward` keeps the batch, with nothing asked."""

from __future__ import annotations

import ast
import dataclasses
import importlib
import itertools
import math
import time
from collections.abc import Iterator
from typing import Any

from torch import nn

from ..discover.document import Document
from ..discover.imports import module_name
from ..discover.models import find_models
from ..discover.neighbours import Neighbours
from ..discover.shape_comments import read_shape_comments
from ..schema import Construction, ModelSite, Pin, PyModelError, Source
from .blame import failing_names, named_in_checks
from .callers import called_inputs, dataset_inputs
from .construct import chosen_settings, completed_settings, stated_constructions, without_weights
from .constructor_guesses import guess_constructions
from .doubt import is_models_own
from .flattening import read_flattening
from .guesses import likely_lengths
from .inputs import (
    TOKENS,
    Inputs,
    ResolvedInput,
    annotated_inputs,
    assemble,
    example_inputs,
    forward_parameters,
    guessed_inputs,
    of_one_sample,
    pinned_inputs,
    previous_inputs,
    show_inputs,
    symbols_of,
    with_optional,
)
from .judge import judge
from .load import Loaded, evaluate
from .parents import children_inputs, find_parents, submodule_expression
from .repair import repairs
from .resolution import REFUSALS, InputNotFound, Made, Quest, Rank, Resolution, is_own_call, not_constructed
from .search import Verdict, combine, search
from .trial import Engine, Failure
from .wrappers import wrap_models

MAX_ATTEMPTS = 1000
MAX_LOGGED = 12
MAX_SINGLE = 6
"""So many of the first inputs are tried with a batch of one, where nothing else was found."""
LOOKS_FOR_FAULT = (12, 40)
"""After so many attempts it is asked whether the model itself is at fault, and no input can be found."""
MAX_SEEN = 60
"""After so many constructions none is completed any more that lacks a setting."""
MAX_CONSTRUCTIONS = 5
"""So many constructions that can be built are tried with inputs."""
MAX_PARENTS = 4
MAX_DEPTH = 4
"""So many models around a block are looked into, each held by the next."""
SEARCH_SECONDS = 4.0
"""Of processor time, so that a busy machine finds the same. Most of an analysis's 10 s is left for the trace."""
ALL_SECONDS = 6.0
"""For one model with all that is tried of others on its behalf."""
LEAST_SECONDS = 0.3
ASKING = (ValueError, AssertionError, KeyError)
"""What a `forward` raises for want of an argument that need not be given."""
IN_OWN_WORDS = 3
"""The rank of inputs that the file itself states and that do not fit."""
SECONDS_IN_PARENT = 1.5
"""For a block that the file uses in a larger model: it is better known from there than from a long search."""


class Oracle:
    """Finds constructions and inputs for the models of one file; what it found for one serves the others."""

    def __init__(self, loaded: Loaded, folder: str, engine: Engine) -> None:
        self.loaded = loaded
        self.engine = engine
        self.folder = folder
        self.neighbours = Neighbours(loaded.document.path, folder, loaded.documents)
        self.deadline = math.inf
        self._found: dict[tuple[str, tuple[Pin, ...], bool], Resolution | PyModelError] = {}
        self._others: dict[str, Oracle] = {}

    def resolve(self, site: ModelSite, pins: tuple[Pin, ...] = (), depth: int = 0) -> Resolution:
        """Find a construction and inputs for the model at `site`.

        Raises:
            ConstructionNotFound: nothing that was tried makes the model; the message says what was tried.
            InputNotFound: the model could be made, but no candidate for its inputs formed.
        """
        key = (site.name, pins, depth > 0)
        if depth == 0:
            self.deadline = time.process_time() + ALL_SECONDS
        if key not in self._found:
            try:
                self._found[key] = self._resolve(site, pins, depth)
            except PyModelError as error:
                self._found[key] = error
        found = self._found[key]
        if isinstance(found, Resolution) and found.verified:
            self._found[site.name, pins, True] = found
        if isinstance(found, PyModelError):
            raise found
        return found

    def _resolve(self, site: ModelSite, pins: tuple[Pin, ...], depth: int) -> Resolution:
        is_pinned = any(pin.source != "previous" for pin in pins)
        holders = list(itertools.islice(self.find_holders(site, depth), MAX_PARENTS)) if not is_pinned else []
        texts = [self.loaded.document, *self.neighbours.naming(site.name)]
        quest = Quest(site, texts, pins, SECONDS_IN_PARENT if holders or depth else SEARCH_SECONDS)
        found = self._first_that_fits(
            stated_constructions(site, self.loaded, texts, self.neighbours, pins), quest, are_guesses=False
        )
        for oracle, holder in holders:
            if found is not None or self.remaining() <= 0:
                break
            oracle.deadline = self.deadline
            found = self._through(oracle, holder, site, quest.log, depth)
        is_stated = quest.best is not None and quest.best[1].construction.source.kind != "config"
        if found is None and not is_stated and not any(each.source.kind == "pin" for each, _ in quest.failures):
            quest.seconds = max(quest.seconds, SECONDS_IN_PARENT)
            found = self._first_that_fits(
                itertools.chain(
                    wrap_models(self, site, depth) if depth < MAX_DEPTH else (),
                    guess_constructions(site, self.loaded, quest.failures),
                ),
                quest,
                are_guesses=True,
            )
        if found is not None:
            return found
        if quest.best is None:
            made = vars(self.loaded.module).get(site.name)
            raise not_constructed(site, self.loaded.document, quest.log, quest.failures, made)
        single = self._with_one_sample(quest) if not quest.best[1].is_certain else None
        return single or dataclasses.replace(quest.best[1], attempts=tuple(quest.log))

    def _with_one_sample(self, quest: Quest) -> Resolution | None:
        """For a model that takes one sample at a time, and says nothing else of a batch: the first inputs of all."""
        for made, inputs in quest.tried:
            for single in of_one_sample(inputs):
                verdict = judge(made.model, single, self.engine.attempt, vars(self.loaded.module), lambda *_: iter(()))
                quest.log.append(f"inputs {show_inputs(single)}: {verdict.words or 'fits'}")
                if verdict.ran:
                    symbols = symbols_of(single, verdict.length)
                    return Resolution(made.construction, made.make, single, symbols, tuple(quest.log), True)
        return None

    def _first_that_fits(
        self, candidates: Iterator[Construction], quest: Quest, *, are_guesses: bool
    ) -> Resolution | None:
        """The first construction on which inputs run, or that is what the author wants shown though they do not; the
        best of the others is noted."""
        faulty: Resolution | None = None
        for made in itertools.islice(self._build(candidates, quest), MAX_CONSTRUCTIONS):
            if not are_guesses and not self._is_own_call(made.construction.source):
                if faulty is not None:
                    return faulty
                if made.construction.source.kind != "pin" and quest.best is None:
                    self._refuse(quest)
            started = time.process_time()
            rank, found = self._feed(made, quest)
            if rank[0] == IN_OWN_WORDS:
                faulty = faulty or found
                continue
            if found.verified or (not are_guesses and (made.construction.source.kind == "pin" or rank[0] == 2)):
                return found
            if quest.best is None or rank > quest.best[0]:
                quest.best = rank, found
            quest.seconds -= time.process_time() - started
            if quest.seconds < 0:
                break
        if faulty is None and quest.best is None and not are_guesses:
            self._refuse(quest)
        return faulty

    def _build(self, candidates: Iterator[Construction], quest: Quest) -> Iterator[Made]:
        """The candidates that can be built, each once; without trained weights where those are what it failed on."""
        site, log, failures = quest.site, quest.log, quest.failures
        seen = set()
        waiting: list[Construction] = []
        while (candidate := waiting.pop(0) if waiting else next(candidates, None)) is not None:
            if (candidate.expression, candidate.prelude) in seen:
                continue
            seen.add((candidate.expression, candidate.prelude))

            def make(candidate: Construction = candidate) -> Any:
                return evaluate(self.loaded.module, candidate.prelude, candidate.expression)

            try:
                model = self.engine.build(make)
            except (Exception, SystemExit) as error:
                log.append(f"{candidate.expression} ({candidate.source.kind}): {type(error).__name__}: {error}")
                failures.append((candidate, error))
                if candidate.source.kind == "pin":
                    return
                if isinstance(error, OSError) or "PyModel changes nothing" in str(error):
                    waiting += without_weights(candidate, vars(self.loaded.module).get(site.name), site.name)
                if candidate.prelude and len(seen) < MAX_SEEN:
                    waiting += completed_settings(candidate, error)
                    waiting += chosen_settings(candidate, vars(self.loaded.module).get(site.name))
                continue
            log.append(f"{candidate.expression} ({candidate.source.kind}): made")
            yield Made(candidate, make, model)

    def _feed(self, made: Made, quest: Quest) -> tuple[Rank, Resolution]:
        """Inputs for a model that could be made, with how much they deserve belief where none is right."""
        site, texts, pins, log, seconds = quest.site, quest.texts, quest.pins, quest.log, quest.seconds
        model, document = made.model, self.loaded.document
        namespace = vars(self.loaded.module)
        plan = read_flattening(document, site.name, model)
        previous = previous_inputs(model, pins)
        comments = read_shape_comments(document, site.name, [each.name for each in forward_parameters(model)])

        def others(inputs: Inputs, binding: dict[str, int], failure: Failure) -> Iterator[Inputs]:
            wanted = [name for _, names in failing_names(failure.cause) for name in names]
            wanted += named_in_checks(failure.cause)
            wanted += [str(each) for each in failure.cause.args[:1]] if isinstance(failure.cause, KeyError) else []
            if "None" in failure.message or not inputs or isinstance(failure.cause, ASKING):
                yield from with_optional(model, document, inputs, list(dict.fromkeys(wanted)), comments)
            yield from repairs(inputs, binding, failure)

        def try_inputs(inputs: Inputs) -> Verdict:
            verdict = judge(model, inputs, self.engine.attempt, namespace, others)
            if not verdict.ran and verdict.progress and _has_length(inputs):
                for length in likely_lengths(model):
                    other = judge(model, inputs, self.engine.attempt, namespace, others, length)
                    if other.keeps:
                        return other
            return verdict

        def is_own(verdict: Verdict) -> bool:
            is_guess = made.construction.source.kind == "search"
            return not is_guess and is_models_own(model, verdict.inputs, verdict.length, self.engine.attempt, namespace)

        def made_of(verdict: Verdict, is_evident: bool = True) -> Resolution:
            symbols = symbols_of(verdict.inputs, verdict.length)
            is_certain = verdict.ran or is_evident or is_own(verdict)
            return Resolution(
                made.construction, made.make, verdict.inputs, symbols, tuple(log), verdict.ran, is_certain
            )

        best: tuple[Rank, Verdict] | None = None
        reduced: Verdict | None = None
        deadline = math.inf
        verdicts = search(
            self._stated_inputs(made, site, texts, pins, previous), self._guessed(model, comments), try_inputs
        )
        own: Verdict | None = None
        for number, verdict in enumerate(verdicts):
            if own is not None and any(each.source.kind == "search" for each in verdict.inputs):
                # What the file itself gives the model does not fit: that is a fault, and no other input hides it.
                return (IN_OWN_WORDS, 1.0, own.progress), made_of(own)
            if len(quest.tried) < MAX_SINGLE and number < MAX_SINGLE:
                quest.tried.append((made, verdict.inputs))
            if number < MAX_LOGGED:
                log.append(f"inputs {show_inputs(verdict.inputs)}: {verdict.words or 'fits'}")
            if own is None and not verdict.keeps and self._is_in_own_words(made, verdict):
                own = verdict
            if verdict.keeps or (verdict.inputs and verdict.inputs[0].source.kind == "pin"):
                return (2, 1.0, verdict.progress), made_of(verdict)
            if verdict.ran and reduced is None:
                reduced = verdict
            # Sizes for which the code's own arithmetic holds (`view(-1, 64 * 10 * 10)` meets 10 x 10) are the intended
            # ones: if there is more to say for them, no other is looked for, lest one be found that hides the fault.
            credit = plan.credit(verdict.failed_on) if verdict.failed_on else 0.0
            belief = _belief(verdict.inputs, previous)
            rank = (belief, credit, verdict.progress)
            if best is None or rank > best[0]:
                best = rank, verdict
            if belief and credit:
                break
            if number == 0:  # the first trial also pays for what torch loads on demand
                deadline = time.process_time() + min(seconds, max(self.remaining(), LEAST_SECONDS))
            if number >= MAX_ATTEMPTS or time.process_time() > deadline:
                break
            if number in LOOKS_FOR_FAULT and reduced is None and is_own(best[1]):
                break
        if reduced is not None and (best is None or not best[0][1]):
            return (2, 1.0, reduced.progress), made_of(reduced)
        if best is None:
            raise InputNotFound(
                f"no input was found for {site.name}.",
                path=document.path,
                line=site.line,
                advice=f"Pin one on the class line: `# pymodel: {made.construction.expression}, x=(B, 3, 32, 32)`.",
            )
        belief, credit, _ = best[0]
        return best[0], made_of(
            best[1], is_evident=made.construction.source.kind != "search" and (belief > 0 or credit > 0)
        )

    def _stated_inputs(
        self, made: Made, site: ModelSite, texts: list[Document], pins: tuple[Pin, ...], previous: Inputs | None
    ) -> Iterator[Inputs]:
        model, module = made.model, self.loaded.module
        pinned = pinned_inputs(model, self.loaded.document, pins)
        if pinned is not None:
            yield pinned
            return
        yield from annotated_inputs(model)
        yield from example_inputs(model, vars(module))
        own = self.loaded.document.path
        for text in texts:
            yield from called_inputs(model, text, site.name, own, module, self.engine)
        if previous is not None:
            yield previous
        for text in texts:
            yield from dataset_inputs(model, text, own, module, self.engine)

    def _guessed(self, model: nn.Module, comments: dict[str, tuple[int | str, ...]]) -> Iterator[Inputs]:
        parameters, guesses = guessed_inputs(model, self.loaded.document, comments)
        for specs in combine(guesses):
            yield assemble(parameters, specs, Source("search"))

    def _is_own_call(self, source: Source) -> bool:
        return is_own_call(source, self.loaded.document)

    def _refuse(self, quest: Quest) -> None:
        """End here if the constructor refuses what the file itself gives it: no other construction hides that."""
        if any(self._is_own_call(made.source) and isinstance(why, REFUSALS) for made, why in quest.failures):
            made = vars(self.loaded.module).get(quest.site.name)
            raise not_constructed(quest.site, self.loaded.document, quest.log, quest.failures, made)

    def _is_in_own_words(self, made: Made, verdict: Verdict) -> bool:
        """Whether the file itself makes the model and calls it so, and it ran, or failed in an operation."""
        told = [made.construction.source, *(each.source for each in verdict.inputs)]
        words = (verdict.words or "").lower()
        is_checked = "folded" in words or ("expected" in words and "got" in words)
        got_far = verdict.ran or verdict.failed_on is not None or is_checked
        return len(told) > 1 and all(map(self._is_own_call, told)) and got_far

    def remaining(self) -> float:
        """Seconds of processor time that are left for the model that is looked at."""
        return self.deadline - time.process_time()

    # A block through the model that holds it.

    def find_holders(self, site: ModelSite, depth: int) -> Iterator[tuple[Oracle, ModelSite]]:
        """Models whose code names a class: in its own file, then in files that import it."""
        if site.kind != "class" or depth >= MAX_DEPTH:
            return
        for oracle in (self, *(self.oracle_of(text) for text in self._importers(site))):
            if oracle is not None:
                sites = {each.name: each for each in find_models(oracle.loaded.document) if each.kind == "class"}
                for name in find_parents(oracle.loaded.document, site.name):
                    if name in sites:
                        yield oracle, sites[name]

    def _importers(self, site: ModelSite) -> Iterator[Document]:
        naming = (each for each in self.neighbours.importing() if f"{site.name}" in each.text)
        return itertools.islice(naming, MAX_PARENTS)

    def oracle_of(self, document: Document) -> Oracle | None:
        """The oracle of another file; None where that cannot be imported."""
        if document.path not in self._others:
            try:
                module = importlib.import_module(module_name(document.path))
            except (Exception, SystemExit):  # a file that cannot be imported holds nothing that can be built
                return None
            loaded = dataclasses.replace(self.loaded, module=module, document=document, diagnostics=())
            self._others[document.path] = Oracle(loaded, self.folder, self.engine)
        return self._others[document.path]

    def _through(
        self, oracle: Oracle, holder: ModelSite, site: ModelSite, log: list[str], depth: int
    ) -> Resolution | None:
        """A block as the first submodule of its class in a model that could be made and fed."""
        cls = vars(self.loaded.module).get(site.name)
        if not isinstance(cls, type):
            return None
        try:
            parent = oracle.resolve(holder, (), depth + 1)
            model = self.engine.build(parent.make)
        except (Exception, SystemExit) as error:  # the parent's own trace says why
            log.append(f"within {holder.name}: {str(error).splitlines()[0] if str(error) else type(error).__name__}")
            return None
        source = Source("parent", oracle.loaded.document.path, holder.line)
        namespace = vars(oracle.loaded.module)
        found = children_inputs(model, cls, parent.inputs, parent.symbols, namespace, self.engine, source)
        for path, inputs in itertools.islice(found, MAX_PARENTS):
            block = model.get_submodule(path)
            verdict = judge(block, inputs, self.engine.attempt, namespace, lambda *_: iter(()))
            log.append(f"within {holder.name}, as {path}: {show_inputs(inputs)}: {verdict.words or 'fits'}")
            if verdict.ran:
                expression = submodule_expression(parent.construction.expression, path)
                prelude = (*oracle.imports_for(self, parent.construction), *parent.construction.prelude)
                construction = Construction(expression, prelude, source)

                def make(construction: Construction = construction) -> Any:
                    return evaluate(self.loaded.module, construction.prelude, construction.expression)

                used = symbols_of(inputs)
                symbols = {name: parent.symbols.get(name, guess) for name, guess in used.items()}
                return Resolution(construction, make, inputs, symbols, tuple(log), True)
        log.append(f"within {holder.name}: it is not called there")
        return None

    def imports_for(self, other: Oracle, construction: Construction) -> tuple[str, ...]:
        """What another file has to import of this one for a construction to be evaluated there."""
        if other is self:
            return ()
        names = {
            node.id
            for text in (*construction.prelude, construction.expression)
            for node in ast.walk(ast.parse(text))
            if isinstance(node, ast.Name) and node.id in vars(self.loaded.module)
        }
        return (f"from {module_name(self.loaded.document.path)} import {', '.join(sorted(names))}",) if names else ()


def _belief(inputs: Inputs, previous: Inputs | None) -> int:
    """How much inputs deserve belief that do not run: what the author wrote, then what ran before, then guesses."""
    if inputs == previous:
        return 1
    return 2 if inputs and all(each.source.kind != "search" for each in inputs) else 0


def _has_length(inputs: tuple[ResolvedInput, ...]) -> bool:
    return any(guess.meaning != "batch" for guess in symbols_of(inputs, TOKENS).values())
