"""What is said of a submodule, of a model's class, and of its `forward`."""

from __future__ import annotations

import json
from urllib.parse import quote

from pymodel.discover.pins import format_inputs
from pymodel.schema import ModelSite, ModuleSummary, Symbol, Trace

from .words import show_dims, show_flops, show_input, show_source

MAX_ROWS = 20


def describe_module(module: ModuleSummary, trace: Trace) -> str:
    """Its class and constructor's values, what it costs, and what goes in and comes out."""
    parts = [f"```python\n{module.path}: {module.class_}({module.arguments})\n```"]
    flops = show_flops(module.flops, trace)
    parts.append(" · ".join([_count_parameters(module), *([f"{flops} a sample"] if flops else [])]))
    if module.inputs and module.outputs:
        ins, outs = (", ".join(f"`{show_dims(each)}`" for each in every) for every in (module.inputs, module.outputs))
        parts.append(f"{ins} → {outs}")
    if module.weights:
        parts.append(", ".join(f"{each.name} `{show_dims(each.dims)}`" for each in module.weights))
    return "\n\n".join(parts)


def _count_parameters(module: ModuleSummary) -> str:
    if not module.parameters:
        return "no parameters"
    frozen = module.parameters - module.trainable
    state = "trainable" if not frozen else "frozen" if not module.trainable else f"{frozen:,} of them frozen"
    return f"{module.parameters:,} parameters, {state}"


def describe_class(trace: Trace, site: ModelSite) -> str:
    """The model as a whole: its size, and a row for each child."""
    if trace.totals is None:
        return f"```python\nclass {site.name}\n```\n\nNo shapes yet: see *PyModel: Why No Shapes Here?*"
    outputs = ", ".join(show_dims(each) for each in trace.modules[0].outputs) if trace.modules else ""
    parts = [f"```python\n{site.name}: {show_input(trace)}{f' → {outputs}' if outputs else ''}\n```"]
    frozen = trace.totals.parameters - trace.totals.trainable
    facts = [f"{trace.totals.parameters:,} parameters", *([f"{frozen:,} frozen"] if frozen else [])]
    if flops := show_flops(trace.totals.flops, trace):
        facts.append(f"{flops} a sample")
    parts.append(" · ".join(facts))
    children = [module for module in trace.modules[1:] if "." not in module.path]
    if children:
        rows = ["| child | class | output | parameters | FLOPs |", "|:--|:--|:--|--:|--:|"]
        rows += [_row(module, trace) for module in children[:MAX_ROWS]]
        more = len(children) - MAX_ROWS
        parts.append("\n".join(rows) + (f"\n\n… and {more} more" if more > 0 else ""))
    parts.append(_how_found(trace))
    return "\n\n".join(part for part in parts if part)


def _row(module: ModuleSummary, trace: Trace) -> str:
    outputs = " ".join(f"`{show_dims(each)}`" for each in module.outputs[:2])
    flops = show_flops(module.flops, trace).removesuffix("FLOPs").strip()
    return f"| {module.path} | {module.class_} | {outputs} | {module.parameters:,} | {flops} |"


def describe_forward(trace: Trace, site: ModelSite, uri: str, *, links: bool) -> str:
    """The inputs, how they were found, and how to change them: by a link where the editor follows commands."""
    head = "\n".join(
        f"{each.name}: {show_dims(each.dims)}  {each.dtype}"
        if each.dims is not None
        else f"{each.name} = {each.expression}"
        for each in trace.inputs
    )
    parts = [f"```python\n{head}\n```"] if head else ["No input was found."]
    parts.append(_how_found(trace))
    parts.append("  \n".join(f"`{name}`: {_limits(each)}" for name, each in trace.symbols.items()))
    if links:
        arguments = quote(json.dumps([uri, site.target]))
        parts.append(f"[Change the input…](command:pymodel.setExampleInput?{arguments})")
    elif trace.inputs:
        pin = ", ".join(format_inputs(trace))
        parts.append(f"To change it, end the line of `{site.name}` with `# pymodel: {pin}`.")
    return "\n\n".join(part for part in parts if part)


def _how_found(trace: Trace) -> str:
    found = [f"Input {show_source(trace.inputs[0].source)}"] if trace.inputs else []
    if trace.construction is not None:
        found.append(f"model made by `{trace.construction.expression}`, {show_source(trace.construction.source)}")
    return "; ".join(found)


def _limits(symbol: Symbol) -> str:
    """`height, a multiple of 4, at least 8`."""
    words = [symbol.meaning]
    if symbol.multiple_of > 1:
        words.append(f"a multiple of {symbol.multiple_of}")
    if symbol.min > 1:
        words.append(f"at least {symbol.min}")
    if symbol.max is not None:
        words.append(f"at most {symbol.max}")
    return ", ".join([*words, f"{symbol.probed[0]} in the numbers here"])
