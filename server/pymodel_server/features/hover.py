"""Hover: what an expression, a submodule, a class or `forward` is, from the trace. Short first."""

from __future__ import annotations

import re
from math import prod
from typing import TYPE_CHECKING

from lsprotocol import types

from pymodel.schema import Dim, Dims, ModelSite, ModuleSummary, Position, Range, Read, Source, Trace, Value

from ..convert import from_lsp_position, range_to_lsp

if TYPE_CHECKING:
    from ..server import PyModelServer

BYTES = {"float64": 8, "int64": 8, "float32": 4, "int32": 4, "float16": 2, "bfloat16": 2, "bool": 1, "uint8": 1}
SOURCES = {
    "pin": "pinned",
    "annotation": "from its annotation",
    "attribute": "from the model itself",
    "call-site": "as it is called",
    "dataset": "from its data set",
    "config": "from its configuration",
    "default": "by its defaults",
    "parent": "as its parent gives it",
    "search": "found by search",
}


def register(server: PyModelServer) -> None:
    @server.feature(types.TEXT_DOCUMENT_HOVER)
    async def hover(params: types.HoverParams) -> types.Hover | None:
        state = server.analyses.states.get(params.text_document.uri)
        if state is None:
            return None
        lines = state.document.lines
        position = from_lsp_position(params.position, lines, server.encoding)
        server.analyses.look_at(state.uri)
        for view in state.views():
            trace, stale = view.trace, view.stale
            site = next((each for each in state.models if each.target == trace.target), None)
            found = describe(trace, site, state.path, position)
            if found is not None:
                text, place = found
                note = "\n\n*from before the last edit*" if stale else ""
                content = types.MarkupContent(types.MarkupKind.Markdown, text + note)
                return types.Hover(content, range_to_lsp(place, lines, server.encoding))
        return None


def describe(trace: Trace, site: ModelSite | None, path: str, position: Position) -> tuple[str, Range] | None:
    """Markdown for what stands at a position, and its range; None where the trace knows nothing."""
    if site is not None and site.name_range.contains(position):
        return _describe_class(trace, site), site.name_range
    everything: tuple[Value | Read, ...] = (*trace.values, *trace.reads)
    touched = [
        each
        for each in everything
        if each.path == path and Range(each.start, each.end).contains(position) and each.kind != "other"
    ]
    if not touched:
        return None
    found = min(touched, key=lambda each: (_extent(each), isinstance(each, Value)))
    place = Range(found.start, found.end)
    if isinstance(found, Read) and found.module is not None:
        module = next((each for each in trace.modules if each.path == found.module), None)
        call = next((each for each in trace.values if _is_call_of(found, each)), None)
        if module is None:
            return None
        described = _describe_module(module)
        return (f"{_describe_value(call, trace)}\n\n---\n\n{described}" if call else described), place
    return _describe_value(found, trace), place


def show_dims(dims: Dims) -> str:
    inner = ", ".join(map(str, dims))
    return f"({inner},)" if len(dims) == 1 else f"({inner})"


def show_input(trace: Trace) -> str:
    """`x: (B, 3, 12, 12)`."""
    return ", ".join(f"{each.name}: {show_dims(each.dims) if each.dims else each.expression}" for each in trace.inputs)


def show_source(source: Source) -> str:
    words = SOURCES.get(source.kind, source.kind)
    name = source.path.rpartition("/")[2] if source.path else ""
    return f"{words} ({name}:{source.line})" if name and source.line else words


def _is_call_of(read: Read, value: Value) -> bool:
    """Whether a value is what the call of this submodule gave: `self.conv1(x)` for `self.conv1`."""
    return (value.path, value.start) == (read.path, read.start) and value.text.startswith(f"{read.text}(")


def _extent(each: Value | Read) -> tuple[int, int]:
    return each.end.line - each.start.line, each.end.column - each.start.column


def _describe_value(found: Value | Read, trace: Trace) -> str:
    text = found.text if len(found.text) <= 60 else found.text[:57] + "…"
    if found.kind == "int":
        return f"```python\n{text} = {found.value}\n```" + _binding([found.value] if found.value else [], trace)
    if found.kind == "tuple":
        items = ", ".join(show_dims(each) if isinstance(each, tuple) else str(each) for each in found.items or ())
        return f"```python\n{text} = ({items})\n```"
    if found.kind != "tensor" or found.dims is None:
        return f"```python\n{text}\n```"
    lines = [f"```python\n{text}: {show_dims(found.dims)}  {found.dtype}\n```"]
    sizes = [_number(dim, trace) for dim in found.dims]
    facts = []
    if all(size is not None for size in sizes) and any(isinstance(dim, str) for dim in found.dims):
        facts.append(f"{show_dims(tuple(size for size in sizes if size is not None))}{_bound(found.dims, trace)}")
    if all(size is not None for size in sizes) and found.dtype in BYTES:
        facts.append(_show_bytes(prod(size for size in sizes if size is not None) * BYTES[found.dtype]))
    if found.device:
        facts.append(found.device)
    ran = next((each for each in trace.operations if (each.path, each.start, each.end) == _place(found)), None)
    if ran is not None and ran.flops:
        facts.append(f"{ran.flops} FLOPs")
    lines.append(" · ".join(facts))
    others = [each for each in dict.fromkeys(found.occurrences) if each != found.dims]
    if others:
        lines.append("also " + ", ".join(f"`{show_dims(each)}`" for each in others[:5]))
    elif found.occurrences:
        lines.append(f"the same in all {len(found.occurrences) + 1} runs of this line")
    if found.assumed:
        lines.append("*assumed: it depends on values that are not known here*")
    return "\n\n".join(lines)


def _place(found: Value | Read) -> tuple[str, Position, Position]:
    return found.path, found.start, found.end


def _describe_module(module: ModuleSummary) -> str:
    lines = [f"```python\n{module.path}: {module.class_}({module.arguments})\n```"]
    frozen = module.parameters - module.trainable
    counted = f"{module.parameters:,} parameters" + (f", {frozen:,} frozen" if frozen else "")
    lines.append(counted + (f" · {module.flops} FLOPs" if module.flops else ""))
    if module.inputs and module.outputs:
        ins, outs = (", ".join(f"`{show_dims(each)}`" for each in every) for every in (module.inputs, module.outputs))
        lines.append(f"{ins} → {outs}")
    return "\n\n".join(lines)


def _describe_class(trace: Trace, site: ModelSite) -> str:
    if trace.totals is None:
        return f"```python\nclass {site.name}\n```\n\nNo shapes yet: see *PyModel: Why No Shapes Here?*"
    lines = [f"```python\n{site.name}: {show_input(trace)}\n```"]
    how = [show_source(each.source) for each in trace.inputs[:1]]
    if trace.construction is not None:
        how.append(f"constructed as `{trace.construction.expression}` {show_source(trace.construction.source)}")
    lines.append("Input " + "; ".join(how))
    rows = ["| | | output | parameters |", "|:--|:--|:--|--:|"]
    for module in trace.modules[1:]:
        if "." not in module.path:
            outputs = " ".join(f"`{show_dims(each)}`" for each in module.outputs[:2])
            rows.append(f"| {module.path} | {module.class_} | {outputs} | {module.parameters:,} |")
    lines.append("\n".join(rows[:22]))
    lines.append(f"{trace.totals.parameters:,} parameters · {trace.totals.flops} FLOPs")
    return "\n\n".join(lines)


def _binding(dims: list[Dim], trace: Trace) -> str:
    return _bound(tuple(dims), trace) if any(isinstance(dim, str) for dim in dims) else ""


def _bound(dims: Dims, trace: Trace) -> str:
    """` at B=7`: the symbols that the dims name, with the sizes they were probed at first."""
    words = set(re.findall(r"\w+", " ".join(map(str, dims))))
    named = [f"{name}={symbol.probed[0]}" for name, symbol in trace.symbols.items() if name in words]
    return f" at {', '.join(named)}" if named else ""


def _number(dim: Dim, trace: Trace) -> int | None:
    if isinstance(dim, int):
        return dim
    binding = {name: symbol.probed[0] for name, symbol in trace.symbols.items()}
    try:
        return int(eval(dim, {"__builtins__": {}, "max": max, "min": min}, binding))
    except NameError:
        return None


def _show_bytes(count: int) -> str:
    size, units = float(count), ["B", "KiB", "MiB", "GiB", "TiB"]
    while size >= 1024 and len(units) > 1:
        size, units = size / 1024, units[1:]
    return f"{size:.3g} {units[0]}" if size < 1000 else f"{size:.0f} {units[0]}"
