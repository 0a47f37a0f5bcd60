"""Traces and diagnostics as text for a person, or for a program that reads CI's output."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from ..graph.lines import values_at_line_ends
from ..schema import Diagnostic, Trace, Value, to_json
from .output import describe_diagnostic, print_json, print_table, show
from .sarif import build_sarif


def print_listing(trace: Trace) -> None:
    """The source of `forward`, with what each line assigns or returns at its end."""
    path = trace.target.partition("::")[0]
    lines = Path(path).read_text(encoding="utf-8", errors="replace").splitlines()
    shapes = {line: _note(value) for line, value in values_at_line_ends(trace, path, lines, "all").items()}
    if not shapes:
        return
    first, last = min(shapes), max(shapes)
    width = min(max(len(lines[n - 1]) for n in shapes), 90)
    for number in range(first, last + 1):
        note = f"  # {shapes[number]}" if number in shapes else ""
        print(f"{number:5}  {lines[number - 1].ljust(width) if note else lines[number - 1]}{note}")


def _note(value: Value) -> str:
    prefix = f"{value.name}: " if value.name else ""
    return f"{prefix}{show(value.dims)} {value.dtype}{' (assumed)' if value.assumed else ''}"


def print_summary(trace: Trace) -> None:
    rows = [("module", "class", "output", "parameters", "FLOPs")]
    for module in trace.modules:
        outputs = " ".join(map(show, module.outputs))
        rows.append((module.path or "(model)", module.class_, outputs, f"{module.parameters:,}", str(module.flops)))
    print_table(rows, right=(3, 4))
    if trace.totals is not None:
        print(f"\n{trace.totals.parameters:,} parameters, {trace.totals.trainable:,} of them trainable")
    for found in trace.diagnostics:
        print(describe_diagnostic(found))


def print_why(trace: Trace) -> None:
    """How the model was made and fed, or what stood in the way."""
    print(f"{trace.target}: {trace.status}")
    if trace.construction is not None:
        print(f"constructed as {trace.construction.expression} (from: {trace.construction.source.kind})")
    for given in trace.inputs:
        dims = show(given.dims) or given.expression
        print(f"input {given.name}: {dims} {given.dtype or ''} (from: {given.source.kind})")
    if trace.attempts:
        print("tried:")
    for attempt in trace.attempts:
        print(f"  {attempt}")
    for found in trace.diagnostics:
        print(describe_diagnostic(found))


def print_diagnostics(diagnostics: Sequence[Diagnostic], form: str) -> None:
    if form == "json":
        print_json({"diagnostics": to_json(list(diagnostics))})
    elif form == "sarif":
        print(json.dumps(build_sarif(diagnostics), ensure_ascii=False, indent=2))
    elif form == "github":
        for found in diagnostics:
            print(_annotation(found))
    else:
        for found in diagnostics:
            print(describe_diagnostic(found))


def _annotation(found: Diagnostic) -> str:
    """A finding as a workflow command of GitHub, which shows it on the line of a pull request."""
    level = "notice" if found.severity == "hint" else found.severity
    properties = {
        "file": _from_here(found.path),
        "line": found.start.line,
        "endLine": found.end.line,
        "col": found.start.column + 1,
        "title": found.code,
    }
    text = ",".join(f"{name}={_escape(str(value), ':,')}" for name, value in properties.items())
    return f"::{level} {text}::{_escape(found.message)}"


def _escape(text: str, more: str = "") -> str:
    return "".join(f"%{ord(each):02X}" if each in f"%\r\n{more}" else each for each in text)


def _from_here(path: str) -> str:
    """A path as services read it: from the folder that was checked, where it lies below it."""
    file = Path(path)
    return (file.relative_to(Path.cwd()) if file.is_relative_to(Path.cwd()) else file).as_posix()
