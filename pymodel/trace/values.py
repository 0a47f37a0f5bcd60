"""From what the recorder took down to the values and reads of a Trace, fitted over the runs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

from torch import nn

from ..schema import Dim, Dims, Phase, Read, Value
from .fitting import Fitter
from .instrument import Site
from .recorder import DictSeen, IntSeen, ModuleSeen, Seen, TensorSeen, TupleSeen

Event = tuple[int, Seen]
Occurrence = list[tuple[int, Seen]]
"""The same execution of a site in each run that reached it: `(run, what was seen)`, base run first."""
MAX_OCCURRENCES = 512


def assemble_values(
    sites: Sequence[Site],
    runs: Sequence[Sequence[Event]],
    fitter: Fitter,
    module_paths: dict[int, str],
    phase: Phase,
) -> tuple[list[Value], list[Read]]:
    """Values (operations and assigned names) and reads, each in the order first executed in the base run."""
    indexed = [_index(events) for events in runs]
    values: list[Value] = []
    reads: list[Read] = []
    for site, seen_in_base in indexed[0].items():
        occurrences = [
            [(run, index[site][n]) for run, index in enumerate(indexed) if n < len(index.get(site, ()))]
            for n in range(min(len(seen_in_base), MAX_OCCURRENCES))
        ]
        fields = _describe(occurrences, fitter)
        place = sites[site]
        common = {"path": place.path, "start": place.start, "end": place.end, "text": place.text, **fields}
        first = seen_in_base[0]
        if isinstance(first, ModuleSeen):
            path = _module_path(first.module, module_paths)
            if path is not None:
                reads.append(Read(**{**common, "kind": "module"}, module=path))
        elif place.kind == "read":
            if fields["kind"] != "other":
                reads.append(Read(**common))
        else:
            values.append(Value(phase=phase, name=place.text if place.kind == "name" else None, **common))
    return values, reads


def _index(events: Sequence[Event]) -> dict[int, list[Seen]]:
    index: dict[int, list[Seen]] = {}
    for site, seen in events:
        index.setdefault(site, []).append(seen)
    return index


def _module_path(module: nn.Module, paths: dict[int, str]) -> str | None:
    return paths.get(id(module))


def _describe(occurrences: list[Occurrence], fitter: Fitter) -> dict[str, Any]:
    """The fields that Value and Read share, from all executions of one site."""
    first = occurrences[0]
    seen = first[0][1]
    if isinstance(seen, TensorSeen):
        dims, proven = _fit_tensor(first, fitter)
        further = [_fit_tensor(each, fitter) for each in occurrences[1:] if isinstance(each[0][1], TensorSeen)]
        return {
            "kind": "tensor",
            "dims": dims,
            "dtype": seen.dtype,
            "device": seen.device,
            "occurrences": tuple(each for each, _ in further),
            "assumed": seen.assumed or not proven or not all(each for _, each in further),
        }
    if isinstance(seen, IntSeen):
        value, proven = _fit_int(first, fitter)
        return {"kind": "int", "value": value, "assumed": seen.assumed or not proven}
    if isinstance(seen, TupleSeen):
        items = [_fit_item(first, n, fitter) for n in range(len(seen.items))]
        proven = all(each for _, each in items)
        return {"kind": "tuple", "items": tuple(item for item, _ in items), "assumed": not proven}
    kind: Literal["dict", "other"] = "dict" if isinstance(seen, DictSeen) else "other"
    return {"kind": kind}


def _fit_tensor(occurrence: Occurrence, fitter: Fitter) -> tuple[Dims, bool]:
    shapes = [(run, seen.shape) for run, seen in occurrence if isinstance(seen, TensorSeen)]
    dims, proven = fitter.shape(shapes)
    return dims, proven and _is_settled(shapes, occurrence, fitter)


def _fit_int(occurrence: Occurrence, fitter: Fitter) -> tuple[Dim, bool]:
    numbers = [(run, seen.value) for run, seen in occurrence if isinstance(seen, IntSeen)]
    value, proven = fitter.number(numbers)
    return value, proven and _is_settled(numbers, occurrence, fitter)


def _fit_item(occurrence: Occurrence, n: int, fitter: Fitter) -> tuple[Dim | Dims | None, bool]:
    """An item of a tuple, and whether it is proven; None for what is neither a tensor nor an int."""
    column = [(run, seen.items[n]) for run, seen in occurrence if isinstance(seen, TupleSeen) and n < len(seen.items)]
    kind = column[0][1]
    if isinstance(kind, IntSeen):
        value, proven = _fit_int(column, fitter)
        return value, proven and not kind.assumed
    if isinstance(kind, TensorSeen):
        dims, proven = _fit_tensor(column, fitter)
        return dims, proven and not kind.assumed
    return None, True


def _is_settled(seen: Sequence[tuple[int, Any]], occurrence: Occurrence, fitter: Fitter) -> bool:
    """Whether every run that came here saw the same kind of thing, and each symbol had at least three sizes in them:
    what was seen at fewer (behind `if T > 12`) could follow any law."""
    if len(seen) != len(occurrence):
        return False
    bindings = [fitter.bindings[run] for run, _ in seen]
    return all(
        len({binding[symbol] for binding in bindings}) >= min(3, len({binding[symbol] for binding in fitter.bindings}))
        for symbol in bindings[0]
    )
