"""Shapes, sizes and sources as a hover writes them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from itertools import groupby
from pathlib import PurePath

from pymodel.schema import Dim, Dims, Origin, Source, Trace

from ...convert import path_to_uri
from ...l10n import t


def show_dims(dims: Dims) -> str:
    inner = ", ".join(map(str, dims))
    return f"({inner},)" if len(dims) == 1 else f"({inner})"


def show_input(trace: Trace) -> str:
    """`x: (B, 3, 12, 12)`."""
    return ", ".join(f"{each.name}: {show_dims(each.dims) if each.dims else each.expression}" for each in trace.inputs)


def show_source(source: Source) -> str:
    """`as it is called, train.py:12`, the place as a link."""
    words = {
        "pin": t("pinned"),
        "annotation": t("from its annotation"),
        "attribute": t("from the model itself"),
        "call-site": t("as it is called"),
        "dataset": t("from its data set"),
        "config": t("from its configuration"),
        "default": t("by its defaults"),
        "parent": t("as its parent gives it"),
        "search": t("found by search"),
    }
    told = words.get(source.kind, source.kind)
    return f"{told}, {link(source.path, source.line)}" if source.path and source.line else told


def show_origins(dims: Sequence[Dim], origins: Sequence[Origin | None]) -> str:
    """One line for each size that somebody wrote down or that an operation made; what an input brings needs none."""
    rows: dict[Dim, str] = {}
    for dim, origin in zip(dims, origins, strict=False):
        if origin is None or origin.path is None or origin.line is None or str(dim).isidentifier():
            continue
        rows.setdefault(dim, f"`{dim}`: {code(origin.name)}, {link(origin.path, origin.line)}")
    return "  \n".join(rows.values())


def show_occurrences(first: Dims, further: Sequence[Dims]) -> str | None:
    """How the runs of a line differ: `runs 1-2: …, run 3: …`."""
    if not further:
        return None
    every = [first, *further]
    if len(set(every)) == 1:
        return t("the same in all {0} runs of this line", len(every))
    told, number = [], 1
    for dims, run in groupby(every):
        count = len(list(run))
        which = t("runs {0}–{1}", number, number + count - 1) if count > 1 else t("run {0}", number)
        told.append(f"{which}: `{show_dims(dims)}`")
        number += count
    return ", ".join(told[:6]) + (", " + t("… {0} in all", len(every)) if len(told) > 6 else "")


def code(name: str) -> str:
    """Names as code; words such as `made by conv1` stay words."""
    is_words = " of " in name or name.startswith(("made by ", "input "))
    return name if is_words else ", ".join(f"`{each}`" for each in name.split(", "))


def link(path: str, line: int) -> str:
    return f"[{PurePath(path).name}:{line}]({path_to_uri(path)}#L{line})"


def binding_of(trace: Trace, *, one_sample: bool = False) -> dict[str, int]:
    """The size of each symbol that numbers are shown at: as it was probed first; for `one_sample` a batch of one."""
    return {
        name: symbol.min if one_sample and symbol.meaning == "batch" else symbol.probed[0]
        for name, symbol in trace.symbols.items()
    }


def show_binding(dims: Iterable[Dim], trace: Trace) -> str:
    """` at B=7`: the symbols that the dims name, with the sizes they were probed at first."""
    words = set(re.findall(r"\w+", " ".join(map(str, dims))))
    named = [f"{name}={size}" for name, size in binding_of(trace).items() if name in words]
    return " " + t("at {0}", ", ".join(named)) if named else ""


def number(dim: Dim, binding: dict[str, int]) -> int | None:
    """The number that a size stands for; None where it rests on something that the binding does not have."""
    if isinstance(dim, int):
        return dim
    try:
        return int(eval(dim, {"__builtins__": {}, "max": max, "min": min}, binding))
    except NameError:
        return None


def show_flops(flops: Dim, trace: Trace) -> str:
    """`13.1 MFLOPs` of one sample; empty where nothing is computed."""
    count = number(flops, binding_of(trace, one_sample=True))
    return f"{show_count(count, 1000, ('', 'k', 'M', 'G', 'T', 'P'))}FLOPs" if count else ""


def show_bytes(count: int) -> str:
    return f"{show_count(count, 1024, ('', 'Ki', 'Mi', 'Gi', 'Ti', 'Pi'))}B"


def show_count(count: int, step: int, units: Sequence[str]) -> str:
    """`13.1 M`: three digits, and the unit after a space."""
    size, power = float(count), 0
    while size >= 999.5 and power < len(units) - 1:
        size, power = size / step, power + 1
    return f"{size:.3g} {units[power]}"
