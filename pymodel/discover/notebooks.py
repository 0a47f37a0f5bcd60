"""The Python in notebooks and in Markdown, each line where it stands in its file. Read as text."""

from __future__ import annotations

import json

FENCES = ("```py", "``` py", "~~~py", "```{code-cell}", "```{python")


def read_code_blocks(markdown: str) -> str:
    """The fenced Python of a Markdown text, its lines where they were."""
    lines, inside = [], False
    for line in markdown.splitlines():
        if line.strip().startswith(("```", "~~~")):
            inside = not inside and line.strip().lower().startswith(FENCES)
            lines.append("")
        else:
            code = line.strip()
            lines.append(code.removeprefix(">>> ") if inside and code.startswith(">>> ") else line if inside else "")
    return "\n".join(lines)


def read_code_cells(notebook: str) -> str:
    """The code cells of a notebook, magics left out. A line stands where its JSON string does, or further down where
    a file holds several strings in one line."""
    try:
        cells = json.loads(notebook).get("cells", [])
    except (ValueError, AttributeError, RecursionError):
        return ""
    lines: list[str] = []
    place = row = 0
    for cell in cells if isinstance(cells, list) else ():
        if not isinstance(cell, dict) or cell.get("cell_type") != "code":
            continue
        source = cell.get("source", [])
        source = source.splitlines(keepends=True) if isinstance(source, str) else source
        for line in source:
            found = _find(notebook, line, place)
            if found >= 0:
                row += notebook.count("\n", place, found)
                place = found
            lines += [""] * (row - len(lines))
            code = line.rstrip("\n")
            lines.append("" if code.lstrip().startswith(("%", "!", "?")) else code)
    return "\n".join(lines)


def _find(notebook: str, line: str, start: int) -> int:
    for plain in (True, False):
        found = notebook.find(json.dumps(line, ensure_ascii=plain), start)
        if found >= 0:
            return found
    return -1
