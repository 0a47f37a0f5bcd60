"""What code refuses by itself, in words: assertions, guards, unpacking, patterns."""

from __future__ import annotations

from ..schema import Diagnostic, Dims, Location, Position, Read, Trace, Value
from ..trace.assemble import Failure
from ..trace.patterns import groups_of, misfit
from .words import show

REFUSALS = frozenset(("assert", "raise", "unpack", "pattern"))
MAX_TOLD = 4


def explain_refusal(failure: Failure, fallback: tuple[str, Position, Position], trace: Trace | None) -> Diagnostic:
    """A diagnostic for one of the `REFUSALS`, on its own range."""
    place = failure.location or Location(*fallback)
    if failure.function == "unpack":
        code, words = "unpack-mismatch", _unpacking(failure)
    elif failure.function == "pattern":
        code, words = "pattern-mismatch", _pattern(failure)
    else:
        code, words = "raises", _raised(failure, place, trace)
    return Diagnostic(code, "error", words, place.path, place.start, place.end)


def _raised(failure: Failure, place: Location, trace: Trace | None) -> str:
    said = failure.message.strip().splitlines()
    if failure.function == "raise":
        return f"{failure.arguments[0]}: {said[0]}" if said else f"{failure.arguments[0]} is raised here."
    held = _held(place, trace) if trace is not None else []
    values = f" Here {', '.join(held)}." if held else ""
    message = f": {said[0]}" if said else ""
    return f"This assertion does not hold{message}{'' if message.endswith('.') else '.'}{values}"


def _held(place: Location, trace: Trace) -> list[str]:
    """What stood in a statement: its outermost expressions with a size or shape, as `x.shape[1]` is 64."""
    told_of: list[Value | Read] = [*trace.values, *trace.reads]
    inside = [
        each
        for each in told_of
        if each.path == place.path
        and place.start <= each.start
        and each.end <= place.end
        and each.kind in ("int", "tuple", "tensor")
    ]
    outermost = [
        each
        for each in inside
        if not any(other is not each and other.start <= each.start and each.end <= other.end for other in inside)
    ]
    told = []
    for each in sorted(outermost, key=lambda found: found.start):
        if each.kind == "int" and not each.text.lstrip("-").isdigit():
            told.append(f"`{each.text}` is {each.value}")
        elif each.kind == "tuple" and each.items is not None and None not in each.items:
            told.append(f"`{each.text}` is {show(tuple(item for item in each.items if isinstance(item, (int, str))))}")
        elif each.kind == "tensor" and each.dims:
            told.append(f"`{each.text}` is {show(each.dims)}")
    return list(dict.fromkeys(told))[:MAX_TOLD]


def _unpacking(failure: Failure) -> str:
    count, kind = failure.arguments
    names = f"{count} name{'s' * (count != 1)}"
    if kind == "Size" and failure.operands:
        shape = failure.operands[0]
        return f"{names} for a shape of {len(shape)} dimensions: it is {show(shape)}. {failure.message.capitalize()}."
    if kind in ("Tensor", "Parameter") and failure.operands:
        shape = failure.operands[0]
        return f"{names} for a tensor of {show(shape)}: it is taken apart along its first dimension, {shape[0]}."
    return f"{names} for another number of values: {failure.message}."


def _pattern(failure: Failure) -> str:
    pattern, given = failure.arguments
    source: Dims = failure.operands[0]
    sizes = {name: size for name, size in given if isinstance(size, int)}
    found = misfit(pattern, source, sizes)
    if found is not None:
        place, axes, whole = found
        written = f"({' '.join(axes)})" if len(axes) > 1 else axes[0]
        told = ", ".join(f"{axis}={sizes[axis]}" for axis in axes if axis in sizes)
        must = "must be" if all(axis in sizes for axis in axes) else "must be a multiple of"
        return (
            f"`{pattern}` does not fit {show(source)}: dimension {place} is {source[place]}, but `{written}` "
            f"with {told} {must} {whole}."
        )
    before = pattern.partition("->")[0].strip()
    count = len(groups_of(before))
    if "..." not in before and count != len(source):
        return f"`{before}` names {count} dimensions, but the tensor is {show(source)}, which has {len(source)}."
    reason = [line for line in failure.message.strip().splitlines() if line.strip()][-1].strip()
    return f"`{pattern}` does not fit {show(source)}: {reason}"
