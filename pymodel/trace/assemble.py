"""From the runs of a probe to a Trace, and the failures that `check` puts into words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from torch import nn

from ..cost.parameters import count_parameters
from ..schema import (
    Construction,
    Dims,
    Input,
    Location,
    Mode,
    ModuleSummary,
    Operation,
    Read,
    Symbol,
    Totals,
    Trace,
    TraceStatus,
    Value,
    Weight,
)
from .definitions import Definitions, layer_arguments
from .fitting import Fitter
from .instrument import Site
from .noted import Fault, OperationSeen
from .observations import find_columns
from .operations import assemble_operations, costed_operations, matched_operations, total_cost, within
from .origins import find_origins
from .places import Places
from .probes import Probes
from .recorder import ModuleSeen
from .run import Run
from .values import Event, assemble_values


@dataclass(frozen=True)
class Failure:
    """An operation that failed, with fitted shapes, for `check.explain`. `made_at` is where each operand was made."""

    function: str
    operands: tuple[Dims, ...]
    arguments: tuple[Any, ...]
    message: str
    location: Location | None
    module: str
    module_text: str
    made_at: tuple[Location | None, ...]
    made_by: tuple[str, ...] = ()
    """What made each operand, in words: the path of a submodule, or a function; empty for an input or a parameter."""
    built_at: Location | None = None
    """Where the submodule that failed was made."""


@dataclass(frozen=True)
class MixAt:
    """Operands of an operation whose nominal devices differ, for `check.devices`: where they were made (None: by no
    operation of the run), and where the model is."""

    function: str
    devices: tuple[str, str]
    made_at: tuple[Location | None, Location | None]
    location: Location | None
    home: str


@dataclass(frozen=True)
class Assembled:
    trace: Trace
    failures: tuple[Failure, ...]
    error: BaseException | None
    error_at: Location | None
    """What ended `forward` early and is not one of the failures."""
    doubtful: bool
    """The error rests on what was assumed."""
    mixes: tuple[MixAt, ...]
    built_at: Mapping[str, Location]
    """Where each submodule was made."""


def assemble(
    *,
    target: str,
    mode: Mode,
    model: nn.Module,
    construction: Construction,
    inputs: Sequence[Input],
    probes: Probes,
    sites: Sequence[Site],
    built: Sequence[Event],
    places: Places,
    attempts: Sequence[str] = (),
    files: Sequence[str] = (),
) -> Assembled:
    """Put together all that the runs of `probes` and the events of the construction (`built`) told."""
    runs = probes.runs
    fitter = probes.fitter
    fitter.learn(find_columns(runs)[0])
    paths = {id(module): path for path, module in model.named_modules()}
    init_values, init_reads = assemble_values(sites, [built], Fitter([{}]), paths, "init")
    values, reads = assemble_values(sites, [run.events for run in runs], fitter, paths, "forward")
    if not _numbers_were_moved(probes):
        values = [replace(value, assumed=True) for value in values]
    constructed_at = _construction_sites(sites, built, paths)
    counts = {path: count_parameters(module) for path, module in model.named_modules()}
    operations = assemble_operations(
        runs,
        fitter,
        places,
        [each.name for each in inputs],
        {path: count.total for path, count in counts.items()},
        constructed_at,
    )
    costed = costed_operations(runs)
    base = probes.base
    trace = Trace(
        target=target,
        mode=mode,
        status=_status(base),
        construction=construction,
        inputs=tuple(inputs),
        symbols=describe_symbols(probes),
        values=_init_first(init_values, values),
        modules=_summarise_modules(model, operations, runs, fitter),
        diagnostics=(),
        totals=Totals(
            counts[""].total,
            counts[""].trainable,
            *total_cost(costed, range(len(base.operations)), fitter),
        ),
        reads=_unique_reads(init_reads, reads),
        operations=operations,
        sizes=find_origins(
            operations,
            inputs,
            base.events,
            sites,
            layer_arguments(built, sites, paths),
            Definitions(sites, (*built, *base.events), places.documents, construction),
        ),
        attempts=tuple(attempts),
        files=tuple(files),
    )
    failures = tuple(
        fit_failure(n, fault, runs, fitter, places, constructed_at.get(fault.module))
        for n, fault in enumerate(base.faults)
        if not fault.doubtful
    )
    known = base.error is not None and any(fault.message == str(base.error) for fault in base.faults)
    error = None if known else base.error
    error_at = places.locate(base.error_frame) if error else None
    return Assembled(trace, failures, error, error_at, base.doubtful, locate_mixes(base, places), constructed_at)


def locate_mixes(base: Run, places: Places) -> tuple[MixAt, ...]:
    """Where operands on different devices met, and where they were made."""

    def made_at(maker: int) -> Location | None:
        return places.locate(base.operations[maker].frame) if maker >= 0 else None

    return tuple(
        MixAt(
            mix.function,
            mix.devices,
            (made_at(mix.senders[0]), made_at(mix.senders[1])),
            places.locate(mix.frame),
            base.home or "",
        )
        for mix in base.mixes
    )


def _numbers_were_moved(probes: Probes) -> bool:
    """Whether runs at other numbers tell what rests on each that was read from a tensor."""
    return probes.base.numbers <= set(probes.probed)


def describe_symbols(probes: Probes) -> dict[str, Symbol]:
    """The schema's form of the sizes that vary, by name."""
    return {
        each.name: Symbol(
            each.meaning,
            probes.probed[each.name],
            min=each.smallest,
            multiple_of=each.step,
            max=each.largest,
        )
        for each in probes.variables
    }


def _status(base: Run) -> TraceStatus:
    if base.error is None and all(fault.doubtful for fault in base.faults):
        return "complete"
    return "partial"


def _init_first(init: list[Value], forward: list[Value]) -> tuple[Value, ...]:
    return (*(value for value in init if value.kind != "other"), *forward)


def _unique_reads(init: list[Read], forward: list[Read]) -> tuple[Read, ...]:
    """One read for each place; what `forward` saw is nearer to what a person asks for than what `__init__` saw."""
    places = {(read.path, read.start, read.end): read for read in (*init, *forward)}
    return tuple(places.values())


def _construction_sites(sites: Sequence[Site], built: Sequence[Event], paths: dict[int, str]) -> dict[str, Location]:
    found: dict[str, Location] = {}
    for site, seen in built:
        if isinstance(seen, ModuleSeen) and sites[site].kind == "operation":
            path = paths.get(id(seen.module))
            if path is not None:
                found.setdefault(path, Location(sites[site].path, sites[site].start, sites[site].end))
    return found


def _summarise_modules(
    model: nn.Module, operations: Sequence[Operation], runs: Sequence[Run], fitter: Fitter
) -> tuple[ModuleSummary, ...]:
    costed, matched = costed_operations(runs), matched_operations(runs)
    calls: dict[str, list[int]] = {}
    for index, seen in enumerate(runs[0].operations):
        if seen.module is not None:
            calls.setdefault(seen.module, []).append(index)
    summaries = []
    for path, module in model.named_modules():
        count = count_parameters(module)
        indices = calls.get(path, [])
        ran = [inner for index in indices for inner in within(runs[0].operations, index)]
        flops, activation_bytes = total_cost(costed, ran if path else range(len(runs[0].operations)), fitter)
        inputs: tuple[Dims, ...] = ()
        outputs: tuple[Dims, ...] = ()
        if indices:
            inputs = _shapes(indices[0], matched, fitter, inputs=True)
            outputs = _shapes(indices[0], matched, fitter, inputs=False)
        elif not path:
            outputs = tuple(
                fitter.shape([(number, run.outputs[n][1]) for number, run in enumerate(runs) if n < len(run.outputs)])[
                    0
                ]
                for n in range(len(runs[0].outputs))
            )
        summaries.append(
            ModuleSummary(
                path=path,
                class_=type(module).__name__,
                parameters=count.total,
                trainable=count.trainable,
                flops=flops,
                outputs=outputs,
                inputs=inputs,
                arguments=module.extra_repr(),
                activation_bytes=activation_bytes,
                weights=_own_weights(module),
            )
        )
    return tuple(summaries)


def _own_weights(module: nn.Module) -> tuple[Weight, ...]:
    return tuple(
        Weight(name, tuple(each.shape), str(each.dtype).removeprefix("torch."), each.requires_grad)
        for name, each in module.named_parameters(recurse=False)
        if not isinstance(each, nn.UninitializedParameter)
    )


def _shapes(
    index: int, matched: Sequence[tuple[int, Sequence[OperationSeen | None]]], fitter: Fitter, *, inputs: bool
) -> tuple[Dims, ...]:
    same = [(run, seen) for run, operations in matched if (seen := operations[index]) is not None]
    shapes = [(run, seen.input_shapes if inputs else [shape for _, shape, _ in seen.outputs]) for run, seen in same]
    count = min(len(each) for _, each in shapes)
    return tuple(fitter.shape([(run, each[n]) for run, each in shapes])[0] for n in range(count))


def fit_failure(
    n: int, fault: Fault, runs: Sequence[Run], fitter: Fitter, places: Places, built_at: Location | None = None
) -> Failure:
    """The base run's nth fault, with its operands' shapes fitted over the runs that have it too."""
    same = [
        (number, run.faults[n])
        for number, run in enumerate(runs)
        if n < len(run.faults) and run.faults[n].frame == fault.frame
    ]
    base = runs[0]
    return Failure(
        fault.function,
        tuple(
            fitter.shape([(run, each.operands[k]) for run, each in same if k < len(each.operands)])[0]
            for k in range(len(fault.operands))
        ),
        fault.arguments,
        fault.message,
        places.locate(fault.frame),
        fault.module,
        fault.module_type,
        tuple(places.locate(base.operations[maker].frame) if maker >= 0 else None for maker in fault.made_by),
        tuple(_maker_of(base.operations, maker) for maker in fault.made_by),
        built_at,
    )


def _maker_of(operations: Sequence[OperationSeen], index: int) -> str:
    """The submodule whose whole work an operation is, else the operation itself."""
    if index < 0:
        return ""
    parent = operations[index].parent
    around = operations[parent] if parent >= 0 else None
    if around is not None and around.module and around.outputs[:1] == operations[index].outputs[:1]:
        return f"`{around.module}`"
    return f"`{operations[index].name}`"
