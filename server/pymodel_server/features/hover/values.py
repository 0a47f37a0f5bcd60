"""What is said of a value: a tensor, a number or a tuple, where an expression or a name held it."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

from pymodel.schema import Read, Trace, Value

from ...l10n import t
from .origins import origin_on_line, origins_at
from .words import (
    binding_of,
    number,
    show_binding,
    show_bytes,
    show_dims,
    show_flops,
    show_occurrences,
    show_origins,
)

BYTES = {
    **dict.fromkeys(("float64", "int64", "complex64"), 8),
    **dict.fromkeys(("float32", "int32"), 4),
    **dict.fromkeys(("float16", "bfloat16", "int16"), 2),
    **dict.fromkeys(("bool", "uint8", "int8", "float8_e4m3fn", "float8_e5m2"), 1),
    "complex128": 16,
}
MAX_TEXT = 60


def _assumed() -> str:
    return t("*assumed: it depends on values that are not known here*")


def describe_value(found: Value | Read, trace: Trace, traces: Sequence[Trace]) -> str:
    """Markdown: what it is first, then what it costs, where its sizes come from, and how its runs differ.

    `traces` are all those of the document: what a block is given, the model that holds it knows the origin of.
    """
    text = _shortened(found.text)
    if found.kind == "tensor" and found.dims is not None:
        parts = [summarise_tensor(found, trace)]
        parts.append(show_origins(found.dims, origins_at(found, traces)))
        parts.append(show_occurrences(found.dims, found.occurrences) or "")
    elif found.kind == "int" and found.value is not None:
        at = show_binding([found.value], trace)
        held = number(found.value, binding_of(trace))
        parts = [_fence(f"{text} = {found.value}"), f"{held}{at}" if at and held is not None else ""]
        parts.append(show_origins([found.value], [origin_on_line(found.value, found.path, found.start.line, traces)]))
    elif found.kind == "tuple":
        items = [show_dims(each) if isinstance(each, tuple) else str(each) for each in found.items or ()]
        parts = [_fence(f"{text} = ({', '.join(items)}{',' if len(items) == 1 else ''})")]
    else:
        parts = [_fence(text)]
    if found.assumed and found.kind != "tensor":
        parts.append(_assumed())
    return "\n\n".join(part for part in parts if part)


def summarise_tensor(found: Value | Read, trace: Trace) -> str:
    """Its shape and dtype, what that is in numbers, and a word where it is assumed."""
    assert found.dims is not None
    head = _fence(f"{_shortened(found.text)}: {show_dims(found.dims)}  {found.dtype}")
    return "\n\n".join([head, _facts(found, trace), *([_assumed()] if found.assumed else [])])


def _shortened(text: str) -> str:
    return text if len(text) <= MAX_TEXT else text[: MAX_TEXT - 1] + "…"


def _facts(found: Value | Read, trace: Trace) -> str:
    """The numbers of the current binding, bytes, device and cost."""
    assert found.dims is not None
    sizes = [size for dim in found.dims if (size := number(dim, binding_of(trace))) is not None]
    facts = []
    if len(sizes) == len(found.dims):
        if any(isinstance(dim, str) for dim in found.dims):
            facts.append(f"{show_dims(tuple(sizes))}{show_binding(found.dims, trace)}")
        if found.dtype in BYTES:
            facts.append(show_bytes(prod(sizes) * BYTES[found.dtype]))
    if found.device:
        facts.append(found.device)
    place = found.path, found.start, found.end
    ran = next((each for each in trace.operations if (each.path, each.start, each.end) == place), None)
    if ran is not None and (flops := show_flops(ran.flops, trace)):
        facts.append(t("{0} a sample", flops))
    return " · ".join(facts)


def _fence(text: str) -> str:
    return f"```python\n{text}\n```"
