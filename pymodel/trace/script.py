"""A script's training and evaluation steps, followed at several sizes, as a Trace of its own."""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from torch import nn

from ..cost.parameters import count_parameters
from ..resolve.sizes import BATCH, Size
from ..schema import Dims, Location, ModuleSummary, Operation, Trace
from .assemble import Failure, MixAt, describe_symbols, fit_failure, locate_mixes
from .assume import Assumptions, assuming
from .fitting import Fitter
from .instrument import Site
from .loaders import Samples, drawing
from .memo import Memo
from .mode import NO_LIMIT
from .noted import Frame
from .observations import find_columns
from .operations import assemble_operations
from .pieces import Prepared
from .places import Places
from .probes import Probes, probe
from .recorder import Recorder, recording
from .run import Run
from .stepmode import Draw, StepMode, Witness
from .unknown import Facts, Unknown
from .values import assemble_values
from .walk import Walk

MAX_WALKS = 6
"""So often a script is walked until nothing new is found out about what is unknown."""
MAX_ATTEMPTS = 12
MAX_TOLD = 64


class Oracle(Protocol):
    """Knows what models of the script take."""

    symbols: dict[str, int]
    """Symbols of the inputs that were asked for, each with a size that runs."""
    meanings: dict[str, str]

    def inputs(self, model: nn.Module, binding: dict[str, int]) -> dict[str, Any] | None:
        """Meta tensors by argument of `forward`; None where that has not been asked for yet."""

    def construct(self, name: str) -> nn.Module | None:
        """A module of the script's own file by its class; None where that cannot be made."""

    def ask(self, model: nn.Module) -> None:
        """Find out what a model takes. It runs the model: not to be called while a script is walked."""


@dataclass
class ScriptRun(Run):
    """A run of a script: `modules` are its models by name; `called_at` tells where in it each fault was met."""

    modules: dict[str, nn.Module]
    paths: dict[int, str]
    witnesses: list[Witness]
    called_at: list[Frame | None]
    wanted: list[nn.Module]
    draws: list[Draw]
    batches_drawn: int
    models_run: int
    troubles: list[str]


@dataclass(frozen=True)
class Broadcast:
    """A loss that compares samples with other samples: the shapes of output and target, and where."""

    function: str
    output: Dims
    target: Dims
    location: Location


@dataclass(frozen=True)
class Followed:
    trace: Trace
    failures: tuple[tuple[Failure, Frame | None], ...]
    """Each with the place in the script that led to it."""
    broadcasts: tuple[Broadcast, ...]
    mixes: tuple[MixAt, ...]
    operations: tuple[Operation, ...]
    """What the steps and the models within them did, in order."""
    draws: tuple[Draw, ...]
    models: tuple[nn.Module, ...]
    """Those that the script made."""


def follow(
    prepared: Prepared, oracle: Oracle, files: frozenset[str], places: Places, poll: Any, memo: Memo | None
) -> Followed:
    """Follow a script's steps on meta. Nothing is raised for what the user's code does."""
    samples, facts = Samples(), Facts()
    made = {name: oracle.construct(name) for name in prepared.script.hooked}
    prepared.instances.update({name: module for name, module in made.items() if module is not None})
    known: dict[tuple[tuple[str, int], ...], ScriptRun] = {}

    def start(binding: dict[str, int], frontier: bool = False, most: int = NO_LIMIT) -> ScriptRun:
        key = tuple(sorted(binding.items()))
        if key not in known:
            known[key] = walk(binding, most)
        return known[key]

    def walk(binding: dict[str, int], most: int) -> ScriptRun:
        facts.forget()
        for _ in range(MAX_WALKS):
            facts.changed = False
            walked = _walk(prepared, oracle, files, poll, samples, facts, binding, most, memo)
            for model in walked.wanted:
                oracle.ask(model)
            if not facts.changed:
                break
        return walked

    first = start({"B": BATCH})
    bases = {"B": BATCH, **oracle.symbols} if first.batches_drawn else oracle.symbols
    meanings = {"B": "batch", **oracle.meanings}
    probes = probe(start, [Size(name, base, meanings[name], name) for name, base in bases.items()])
    return _assemble(prepared, files, places, probes)


def _walk(
    prepared: Prepared,
    oracle: Oracle,
    files: frozenset[str],
    poll: Any,
    samples: Samples,
    facts: Facts,
    binding: dict[str, int],
    most: int,
    memo: Memo | None,
) -> ScriptRun:
    assumptions = Assumptions(binding)
    mode = StepMode(
        prepared.script.path,
        files,
        poll,
        assumptions,
        facts=facts,
        inputs_of=lambda model: oracle.inputs(model, binding),
        samples=samples,
        batch=binding.get("B", BATCH),
        most=most,
        memo=memo,
    )
    sites = prepared.instrumenter.sites
    recorder = _ScriptRecorder(mode.device_of, assumptions.is_assumed, prepared.script.path, sites)
    walk = Walk(prepared, mode, recorder, facts)
    with (
        warnings.catch_warnings(),
        mode.calling(),
        drawing(mode.draw),
        assuming(assumptions),
        mode,
        recording(recorder),
    ):
        warnings.simplefilter("ignore")
        walk.walk_script()
    return ScriptRun(
        binding={**binding, **assumptions.unknown},
        events=recorder.events,
        operations=mode.operations,
        faults=mode.faults,
        input_ids=[],
        outputs=[],
        unknown=assumptions.unknown,
        numbers=frozenset(assumptions.numbers),
        choices=tuple(assumptions.choices),
        assumed=assumptions.made > 0,
        calls=mode.calls,
        error=None,
        error_frame=None,
        mixes=mode.mixes,
        home=mode.home,
        doubtful=False,
        modules=mode.modules,
        paths=mode.paths,
        witnesses=mode.witnesses,
        called_at=[mode.called_at.get(id(fault)) for fault in mode.faults],
        wanted=mode.wanted,
        draws=mode.draws,
        batches_drawn=mode.batches_drawn,
        models_run=mode.models_run,
        troubles=[_describe_trouble(node, error) for node, error in walk.pieces.failures],
    )


class _ScriptRecorder(Recorder):
    """Takes down what the script's own file tells, each site a few times: data sets are read in long loops."""

    def __init__(self, device_of: Any, is_assumed: Any, path: str, sites: Sequence[Site]) -> None:
        super().__init__(device_of, is_assumed)
        self._path = path
        self._sites = sites
        self._told: Counter[int] = Counter()

    def record(self, site: int, value: Any) -> Any:
        if self._told[site] >= MAX_TOLD or self._sites[site].path != self._path or isinstance(value, Unknown):
            return value
        self._told[site] += 1
        return super().record(site, value)


def _assemble(prepared: Prepared, files: frozenset[str], places: Places, probes: Probes) -> Followed:
    runs: Sequence[Any] = probes.runs
    base: ScriptRun = runs[0]
    fitter = probes.fitter
    fitter.learn(find_columns(runs)[0])
    sites: Sequence[Site] = prepared.instrumenter.sites
    paths = {**base.paths, **{id(module): name for name, module in base.modules.items()}}
    values, reads = assemble_values(sites, [run.events for run in runs], fitter, paths, "forward")
    read_modules = {read.module for read in reads if read.module is not None}
    ran = base.models_run > 0
    trace = Trace(
        target=prepared.script.target,
        mode="train",
        status="failed" if not ran else "partial" if base.faults else "complete",
        construction=None,
        inputs=(),
        symbols=describe_symbols(probes),
        values=tuple(value for value in values if value.kind != "other"),
        modules=tuple(
            summary for name, module in base.modules.items() for summary in _summarise(name, module, read_modules)
        ),
        diagnostics=(),
        totals=None,
        reads=tuple({(read.start, read.end): read for read in reads}.values()),
        attempts=tuple(dict.fromkeys(base.troubles))[:MAX_ATTEMPTS],
        files=tuple(sorted(files)),
    )
    failures = tuple(
        (fit_failure(n, fault, runs, fitter, places), base.called_at[n]) for n, fault in enumerate(base.faults)
    )
    return Followed(
        trace,
        failures,
        tuple(_fit_broadcasts(runs, fitter, places)),
        locate_mixes(base, places),
        assemble_operations(runs, fitter, places, (), {}, {}),
        tuple(base.draws),
        tuple(base.modules.values()),
    )


def _fit_broadcasts(runs: Sequence[ScriptRun], fitter: Fitter, places: Places) -> Iterator[Broadcast]:
    for n, witness in enumerate(runs[0].witnesses):
        location = places.locate(witness.frame)
        same = [(number, run.witnesses[n].operands) for number, run in enumerate(runs) if n < len(run.witnesses)]
        if location is not None:
            output, target = (fitter.shape([(number, each[k]) for number, each in same])[0] for k in (0, 1))
            yield Broadcast(witness.function, output, target, location)


def _summarise(name: str, module: nn.Module, wanted: set[str]) -> list[ModuleSummary]:
    summaries = []
    for path, each in module.named_modules():
        full = f"{name}.{path}" if path else name
        if full in wanted:
            count = count_parameters(each)
            summaries.append(
                ModuleSummary(full, type(each).__name__, count.total, count.trainable, 0, (), (), each.extra_repr())
            )
    return summaries


def _describe_trouble(node: Any, error: BaseException) -> str:
    words = str(error).strip().splitlines()[0] if str(error).strip() else ""
    return f"line {getattr(node, 'lineno', '?')}: {type(error).__name__}: {words}"
