"""A trace as a listing that a person can read: what was found out, the code with its shapes, and the modules' table."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

from pymodel_server.features.inlay_hints import label

from pymodel.graph.lines import values_at_line_ends
from pymodel.schema import Dims, Source, Trace

COLUMN = 92
"""Where shapes begin, as far as lines are shorter than that."""


def render(trace: Trace, path: Path) -> str:
    lines = path.read_text(encoding="utf-8").splitlines()
    parts = [*_header(trace), "", *_annotated(trace, path, lines), "", *_modules(trace)]
    return "\n".join(line.rstrip() for line in parts) + "\n"


def _header(trace: Trace) -> Iterator[str]:
    yield f"{trace.target.rpartition('::')[2]}: {trace.status}"
    if trace.construction is not None:
        for line in trace.construction.prelude:
            yield f"  {line}"
        yield f"  {trace.construction.expression}    [{_source(trace.construction.source)}]"
    for each in trace.inputs:
        dims = f"{_dims(each.dims)} {each.dtype}" if each.dims is not None else each.expression
        yield f"  {each.name}: {dims}    [{_source(each.source)}]"
    for name, symbol in trace.symbols.items():
        bound = [f"from {symbol.min}"] if symbol.min > 1 else []
        bound += [f"a multiple of {symbol.multiple_of}"] if symbol.multiple_of > 1 else []
        bound += [f"always {symbol.equals}"] if symbol.equals is not None else []
        yield f"  {name}: {', '.join([symbol.meaning, *bound])}"
    if trace.totals is not None:
        yield f"  {trace.totals.parameters:,} parameters, {trace.totals.trainable:,} to train"
        yield f"  {trace.totals.flops} FLOPs"
        yield f"  {trace.totals.activation_bytes} bytes kept for the backward pass"
    for found in trace.diagnostics:
        yield f"  {found.severity} in line {found.start.line}: {found.message} [{found.code}]"


def _annotated(trace: Trace, path: Path, lines: list[str]) -> Iterator[str]:
    """The functions that ran, each below its class, with the editor's hints and what each `return` gives."""
    hints = values_at_line_ends(trace, str(path), lines, "assigned")
    for number, value in values_at_line_ends(trace, str(path), lines, "all").items():
        if lines[value.start.line - 1][: value.start.column].strip() == "return":
            hints.setdefault(number, value)
    ran = {value.start.line for value in trace.values if value.phase == "forward" and value.path == str(path)}
    shown: set[str] = set()
    for owner, function in _functions(ast.parse("\n".join(lines))):
        assert function.end_lineno is not None
        numbers = range(function.lineno, function.end_lineno + 1)
        if not ran.intersection(numbers):
            continue
        if owner not in shown:
            yield from ([""] if shown else [])
            yield from ([f"class {owner}:"] if owner else [])
            shown.add(owner)
        for number in numbers:
            line = lines[number - 1]
            yield f"{line.ljust(COLUMN)}  {label(hints[number])}" if number in hints else line


def _functions(tree: ast.Module) -> Iterator[tuple[str, ast.FunctionDef]]:
    for node in tree.body:
        if isinstance(node, ast.FunctionDef):
            yield "", node
        elif isinstance(node, ast.ClassDef):
            yield from ((node.name, each) for each in node.body if isinstance(each, ast.FunctionDef))


def _modules(trace: Trace) -> Iterator[str]:
    rows = [("module", "class", "output", "parameters", "FLOPs", "kept")]
    for each in trace.modules:
        outputs = " ".join(map(_dims, each.outputs))
        costs = str(each.flops), str(each.activation_bytes)
        rows.append((each.path or "(model)", each.class_, outputs, f"{each.parameters:,}", *costs))
    widths = [max(len(row[n]) for row in rows) for n in range(len(rows[0]))]
    for row in rows:
        yield "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True))


def _dims(dims: Dims) -> str:
    inner = ", ".join(map(str, dims))
    return f"({inner},)" if len(dims) == 1 else f"({inner})"


def _source(source: Source) -> str:
    place = f", {Path(source.path).name}:{source.line}" if source.path and source.line else ""
    return f"{source.kind}{place}"
