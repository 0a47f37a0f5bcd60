"""The report beside an exported file: what was run, what came out, as Markdown for a person and JSON for a program."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ..runs.atomic import write_atomically


def write_report(document: Mapping[str, Any], metadata: Mapping[str, str]) -> str:
    """Write both beside the file. Gives the Markdown's path."""
    path = Path(document["path"])
    markdown = path.with_name(f"{path.name}.report.md")
    content = json.dumps({**document, "metadata": dict(metadata)}, indent=2, ensure_ascii=False) + "\n"
    write_atomically(path.with_name(f"{path.name}.report.json"), content.encode())
    write_atomically(markdown, format_report(document, metadata).encode())
    return str(markdown)


def format_report(document: Mapping[str, Any], metadata: Mapping[str, str]) -> str:
    steps = document.get("steps") or [document]
    if not document["verified"]:
        verdict = "**not equal to the model: it was not kept**"
    elif any(step.get("name") == "quantised" and step["verified"] for step in steps):
        verdict = "proven to stay by the model, within the rounding of 8 bits"
    else:
        verdict = "proven equal to the model"
    parts = [f"# {Path(document['path']).name}: {verdict}", ""]
    for step in steps:
        if len(steps) > 1:
            verdict = "proven" if step["verified"] else "**not proven, not kept**"
            parts += [f"## {step['name'].capitalize()}: {verdict}", ""]
        if step.get("difference"):
            parts += [_describe_difference(step), ""]
        parts += _outputs(step)
    notes = [*document.get("notes", ()), *(f"The model itself refuses {each}" for each in document.get("refused", ()))]
    if notes:
        parts += ["## To know", "", *(f"- {note}" for note in notes), ""]
    if document.get("snippet"):
        parts += ["## How to load it", "", "```python", document["snippet"], "```", ""]
    parts += ["## Where it comes from", "", "| | |", "|---|---|"]
    parts += [f"| {key} | {_cell(text)} |" for key, text in _describe_metadata(metadata).items()]
    return "\n".join(parts) + "\n"


def describe_sizes(sizes: Sequence[Mapping[str, int]]) -> str:
    """`B=2, 3, 5` where each symbol moved alone; each set of sizes where they moved together."""
    values: dict[str, list[int]] = {}
    for each in sizes:
        for name, size in each.items():
            if size not in values.setdefault(name, []):
                values[name].append(size)
    return "; ".join(f"{name}={', '.join(map(str, found))}" for name, found in values.items())


def _describe_metadata(metadata: Mapping[str, str]) -> dict[str, str]:
    """What a person wants to know of it: the limits of sizes are in the file and in the JSON."""
    said = {key.removeprefix("pymodel."): text for key, text in metadata.items()}
    lists = {key: ", ".join(json.loads(said.pop(key, "[]"))) for key in ("prelude", "inputs")}
    said.pop("symbols", None)
    return {key: text for key, text in (said | lists).items() if text}


def _outputs(document: Mapping[str, Any]) -> list[str]:
    if not document.get("outputs"):
        return []
    lines = [f"Run at {describe_sizes(document['sizes'])}." if any(document["sizes"]) else "Run at its one size.", ""]
    lines += ["| output | dims | largest absolute error | largest relative error |", "|---|---|---|---|"]
    for each in document["outputs"]:
        dims = ", ".join(map(str, each["dims"]))
        errors = f"{_show(each['max_abs_error'])} | {_show(each['max_rel_error'])}"
        lines.append(f"| {_cell(each['name'])} | {_cell(dims)} | {errors} |")
    return [*lines, ""]


def _describe_difference(document: Mapping[str, Any]) -> str:
    found = document["first_divergence"]
    place = f"The first line that differs: {found['path']}:{found['line']}: " if found else ""
    return f"{place}{document['difference']}."


def _show(value: float | str) -> str:
    return value if isinstance(value, str) else f"{value:.2e}"


def _cell(text: str) -> str:
    escaped = text.replace("|", "\\|")
    return f"`{escaped}`" if text else ""
