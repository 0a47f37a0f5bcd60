"""What commands print: one JSON document, or text in aligned columns."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from typing import Any

from ..schema import Diagnostic, Dims, Trace, to_json

FINE, FOUND, USAGE, FAILED = 0, 1, 2, 3


def print_json(document: Any) -> None:
    sys.stdout.write(json.dumps(to_json(document), ensure_ascii=False, allow_nan=False, indent=2) + "\n")
    sys.stdout.flush()


def print_table(rows: Sequence[Sequence[str]], right: Sequence[int] = ()) -> None:
    """Rows in columns as wide as their widest cell; the columns in `right` are aligned to the right."""
    if not rows:
        return
    widths = [max(len(row[n]) for row in rows) for n in range(len(rows[0]))]
    for row in rows:
        padded = enumerate(zip(row, widths, strict=True))
        cells = [cell.rjust(width) if n in right else cell.ljust(width) for n, (cell, width) in padded]
        print("  ".join(cells).rstrip())


def show(dims: Dims | None) -> str:
    if dims is None:
        return ""
    inner = ", ".join(map(str, dims))
    return f"({inner},)" if len(dims) == 1 else f"({inner})"


def describe_diagnostic(found: Diagnostic) -> str:
    return f"{found.path}:{found.start.line}:{found.start.column + 1}: {found.severity}: {found.message} [{found.code}]"


def exit_code(diagnostics: Sequence[Diagnostic]) -> int:
    """1 where there is an error or a warning; hints do not count."""
    return FOUND if any(found.severity != "hint" for found in diagnostics) else FINE


def shapes_document(trace: Trace, target: str) -> dict[str, Any]:
    """A trace in the form of `pymodel shapes --json`, without what only the editor needs."""
    document: dict[str, Any] = to_json(trace)
    for key in ("reads", "operations", "sizes", "attempts", "files", "candidates"):
        del document[key]
    for module in document["modules"]:
        del module["inputs"], module["arguments"], module["activation_bytes"], module["weights"]
    for value in document["values"]:
        if value["kind"] != "int":
            del value["value"]
        if value["kind"] != "tuple":
            del value["items"]
    document["target"] = target
    return document
