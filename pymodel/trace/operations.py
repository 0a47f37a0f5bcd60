"""From the operations that the function mode noted to those of a Trace: stable ids, source ranges, fitted shapes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from ..schema import Dim, Location, Operation, Tensor
from .fitting import Fitter
from .noted import OperationSeen
from .places import Places
from .run import Run


def assemble_operations(
    runs: Sequence[Run],
    fitter: Fitter,
    places: Places,
    input_names: Sequence[str],
    parameters: dict[str, int],
    constructed_at: dict[str, Location],
) -> tuple[Operation, ...]:
    """The base run's operations in order, between one `input` for each argument and one `output`.

    `parameters` counts each module path's; `constructed_at` is where a module was made, used where it was called by
    torch's own code (the children of an `nn.Sequential`).
    """
    base = runs[0]
    costed = costed_operations(runs)
    matched = matched_operations(runs)
    ids = _stable_ids(base.operations)
    result = [_boundary("input", name, [], seen) for name, seen in _fit_inputs(runs, fitter, input_names)]
    for index, seen in enumerate(base.operations):
        location = places.locate(seen.frame) or constructed_at.get(seen.module or "")
        same = [(run, each) for run, operations in matched if (each := operations[index]) is not None]
        outputs = tuple(
            Tensor(name, fitter.shape([(run, each.outputs[n][1]) for run, each in same])[0], dtype)
            for n, (name, _, dtype) in enumerate(seen.outputs)
        )
        flops, activation_bytes = total_cost(costed, within(base.operations, index), fitter)
        result.append(
            Operation(
                id=ids[index],
                kind="op" if seen.module is None else "module",
                name=seen.name,
                type=seen.type,
                parent=ids[seen.parent] if seen.parent >= 0 else "",
                path=location.path if location else None,
                start=location.start if location else None,
                end=location.end if location else None,
                inputs=tuple(dict.fromkeys(seen.inputs)),
                outputs=outputs,
                parameters=parameters.get(seen.module, 0) if seen.module is not None else 0,
                flops=flops,
                activation_bytes=activation_bytes,
                error=seen.error,
            )
        )
    if base.outputs:
        result.append(_boundary("output", "output", [name for name, _, _ in base.outputs], []))
    return tuple(result)


def aligned_operations(runs: Sequence[Run]) -> list[tuple[int, list[OperationSeen]]]:
    """The runs that did the same operations in the same order as the base, by number."""

    def outline(run: Run) -> list[tuple[str, int, int]]:
        return [(seen.name, seen.parent, len(seen.outputs)) for seen in run.operations]

    expected = outline(runs[0])
    return [(number, run.operations) for number, run in enumerate(runs) if outline(run) == expected]


def costed_operations(runs: Sequence[Run]) -> list[tuple[int, list[OperationSeen]]]:
    """The aligned runs that tell costs: not those with a size of 1, where tensors need no copy to be contiguous."""
    aligned = aligned_operations(runs)
    return [(number, each) for number, each in aligned if number == 0 or 1 not in runs[number].binding.values()]


def matched_operations(runs: Sequence[Run]) -> list[tuple[int, Sequence[OperationSeen | None]]]:
    """For each run, what it did in place of each operation of the base: the one with the same id and as many outputs,
    None where there is none. A loop over a symbol's size makes runs of different lengths."""
    aligned = dict(aligned_operations(runs))
    if len(aligned) == len(runs):
        return list(aligned.items())
    base = runs[0].operations
    ids = _stable_ids(base)
    matched: list[tuple[int, Sequence[OperationSeen | None]]] = []
    for number, run in enumerate(runs):
        if number in aligned:
            matched.append((number, aligned[number]))
            continue
        found = dict(zip(_stable_ids(run.operations), run.operations, strict=True))
        same = [(found.get(name), seen) for name, seen in zip(ids, base, strict=True)]
        matched.append(
            (number, [each if each and len(each.outputs) == len(seen.outputs) else None for each, seen in same])
        )
    return matched


def within(operations: Sequence[OperationSeen], index: int) -> list[int]:
    """An operation, or all those that ran within a submodule's call: calls nest, so they follow it without a gap."""
    if operations[index].module is None:
        return [index]
    enclosing = {index}
    inner = []
    for later in range(index + 1, len(operations)):
        if operations[later].parent not in enclosing:
            break
        enclosing.add(later)
        inner.append(later)
    return inner


def total_cost(
    costed: Sequence[tuple[int, list[OperationSeen]]], indices: Iterable[int], fitter: Fitter
) -> tuple[Dim, Dim]:
    """FLOPs of these operations together, and the bytes that they keep for the backward pass."""
    chosen = list(indices)
    flops = [[(run, operations[n].flops) for run, operations in costed] for n in chosen]
    kept = [[(run, operations[n].bytes) for run, operations in costed] for n in chosen]
    return fitter.total(flops), fitter.total(kept)


def _stable_ids(operations: Sequence[OperationSeen]) -> list[str]:
    """Module path, `@n` for its nth call; an operation is its parent's id, `#`, its name and its number there."""
    ids: list[str] = []
    calls: Counter[str] = Counter()
    for seen in operations:
        parent = ids[seen.parent] if seen.parent >= 0 else ""
        stem = seen.module if seen.module is not None else f"{parent}#{seen.name}"
        calls[stem] += 1
        separator = "@" if seen.module is not None else "-"
        ids.append(stem if calls[stem] == 1 else f"{stem}{separator}{calls[stem]}")
    return ids


def _fit_inputs(runs: Sequence[Run], fitter: Fitter, names: Sequence[str]) -> list[tuple[str, list[Tensor]]]:
    result = []
    for position, name in enumerate(names):
        tensors = [
            Tensor(
                tensor,
                fitter.shape([(number, run.input_ids[position][n][1]) for number, run in enumerate(runs)])[0],
                dtype,
            )
            for n, (tensor, _, dtype) in enumerate(runs[0].input_ids[position])
        ]
        if tensors:
            result.append((name, tensors))
    return result


def _boundary(kind: str, name: str, inputs: Sequence[str], outputs: Sequence[Tensor]) -> Operation:
    return Operation(
        id=f"{kind}:{name}",
        kind="input" if kind == "input" else "output",
        name=name,
        type=kind,
        parent="",
        path=None,
        start=None,
        end=None,
        inputs=tuple(inputs),
        outputs=tuple(outputs),
    )
