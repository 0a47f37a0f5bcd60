"""What is said of a submodule, of a model's class, and of its `forward`."""

from __future__ import annotations

import json
from urllib.parse import quote

from pymodel.discover.pins import format_inputs
from pymodel.schema import ModelSite, ModuleSummary, Symbol, Trace

from ...l10n import t
from .words import show_dims, show_flops, show_input, show_source

MAX_ROWS = 20


def describe_module(module: ModuleSummary, trace: Trace) -> str:
    """Its class and constructor's values, what it costs, and what goes in and comes out."""
    parts = [f"```python\n{module.path}: {module.class_}({module.arguments})\n```"]
    flops = show_flops(module.flops, trace)
    parts.append(" · ".join([_count_parameters(module), *([t("{0} a sample", flops)] if flops else [])]))
    if module.inputs and module.outputs:
        ins, outs = (", ".join(f"`{show_dims(each)}`" for each in every) for every in (module.inputs, module.outputs))
        parts.append(f"{ins} → {outs}")
    if module.weights:
        parts.append(", ".join(f"{each.name} `{show_dims(each.dims)}`" for each in module.weights))
    return "\n\n".join(parts)


def _count_parameters(module: ModuleSummary) -> str:
    if not module.parameters:
        return t("no parameters")
    frozen = module.parameters - module.trainable
    count = f"{module.parameters:,}"
    if not frozen:
        return t("{0} parameters, trainable", count)
    if not module.trainable:
        return t("{0} parameters, frozen", count)
    return t("{0} parameters, {1} of them frozen", count, f"{frozen:,}")


def describe_class(trace: Trace, site: ModelSite) -> str:
    """The model as a whole: its size, and a row for each child."""
    if trace.totals is None:
        return f"```python\nclass {site.name}\n```\n\n" + t("No shapes yet: see *PyModel: Why No Shapes Here?*")
    outputs = ", ".join(show_dims(each) for each in trace.modules[0].outputs) if trace.modules else ""
    parts = [f"```python\n{site.name}: {show_input(trace)}{f' → {outputs}' if outputs else ''}\n```"]
    frozen = trace.totals.parameters - trace.totals.trainable
    facts = [t("{0} parameters", f"{trace.totals.parameters:,}"), *([t("{0} frozen", f"{frozen:,}")] if frozen else [])]
    if flops := show_flops(trace.totals.flops, trace):
        facts.append(t("{0} a sample", flops))
    parts.append(" · ".join(facts))
    children = [module for module in trace.modules[1:] if "." not in module.path]
    if children:
        rows = [t("| child | class | output | parameters | FLOPs |"), "|:--|:--|:--|--:|--:|"]
        rows += [_row(module, trace) for module in children[:MAX_ROWS]]
        more = len(children) - MAX_ROWS
        parts.append("\n".join(rows) + ("\n\n" + t("… and {0} more", more) if more > 0 else ""))
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
    parts = [f"```python\n{head}\n```"] if head else [t("No input was found.")]
    parts.append(_how_found(trace))
    parts.append("  \n".join(f"`{name}`: {_limits(each)}" for name, each in trace.symbols.items()))
    if links:
        arguments = quote(json.dumps([uri, site.target]))
        parts.append("[" + t("Change the input…") + f"](command:pymodel.setExampleInput?{arguments})")
    elif trace.inputs:
        pin = ", ".join(format_inputs(trace))
        parts.append(t("To change it, end the line of `{0}` with `# pymodel: {1}`.", site.name, pin))
    return "\n\n".join(part for part in parts if part)


def _how_found(trace: Trace) -> str:
    found = [t("Input {0}", show_source(trace.inputs[0].source))] if trace.inputs else []
    if trace.construction is not None:
        source = show_source(trace.construction.source)
        found.append(t("model made by `{0}`, {1}", trace.construction.expression, source))
    return "; ".join(found)


def _limits(symbol: Symbol) -> str:
    """`height, a multiple of 4, at least 8`."""
    words = [symbol.meaning]
    if symbol.multiple_of > 1:
        words.append(t("a multiple of {0}", symbol.multiple_of))
    if symbol.min > 1:
        words.append(t("at least {0}", symbol.min))
    if symbol.max is not None:
        words.append(t("at most {0}", symbol.max))
    return ", ".join([*words, t("{0} in the numbers here", symbol.probed[0])])
