"""Where the sizes of a value were decided, out of all traces that tell of its place."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from pymodel.schema import Dim, Dims, Origin, Read, SizesAt, Trace, Value


def origins_at(found: Value | Read, traces: Sequence[Trace]) -> tuple[Origin | None, ...]:
    """For each size, where it was written or made. A block's own trace knows its input only; another may know more."""
    origins: list[Origin | None] = [None] * len(found.dims or ())
    place = found.path, found.start, found.end
    for trace in traces:
        for each in trace.sizes:
            if (each.path, each.start, each.end) == place:
                for n, (dim, origin) in enumerate(_sizes(each, trace)):
                    if n < len(origins) and origins[n] is None and dim == (found.dims or ())[n]:
                        origins[n] = _followed(dim, origin, traces)
    return tuple(origins)


def origin_on_line(dim: Dim, path: str, line: int, traces: Sequence[Trace]) -> Origin | None:
    """Of `C` in `B, T, C = x.shape`: that of the size of the tensor on its line; None where two could be meant."""
    found = {
        origin
        for trace in traces
        for each in trace.sizes
        if each.path == path and each.start.line == line
        for size, origin in _sizes(each, trace)
        if size == dim and origin is not None and (origin.path, origin.line) != (path, line)
    }
    return found.pop() if len(found) == 1 else None


def _followed(dim: Dim, origin: Origin | None, traces: Sequence[Trace]) -> Origin | None:
    """A local name is followed to the tensor whose size it holds."""
    if origin is None or origin.path is None or origin.line is None or not origin.name.isidentifier():
        return origin
    return origin_on_line(dim, origin.path, origin.line, traces) or origin


def _sizes(place: SizesAt, trace: Trace) -> Iterator[tuple[Dim, Origin | None]]:
    """The sizes at a place with their origins; an input that nobody is known to have made says nothing."""
    for dim, origin in zip(_dims_at(place, trace), place.origins, strict=False):
        yield dim, origin if origin is not None and origin.path is not None else None


def _dims_at(place: SizesAt, trace: Trace) -> Dims:
    key = place.path, place.start, place.end
    everything: tuple[Value | Read, ...] = (*trace.reads, *trace.values)
    return next((each.dims for each in everything if each.dims and (each.path, each.start, each.end) == key), ())
