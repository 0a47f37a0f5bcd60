"""The Python in notebooks and in Markdown, each line where it stands in its file. Read as text."""

from __future__ import annotations

import json
import re

PYTHON_MAGICS = ("time", "timeit", "capture", "prun")
"""Cell magics behind which Python stands."""
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
        plain = blank_magics([line.rstrip("\n") for line in source])
        for line, code in zip(source, plain, strict=True):
            found = _find(notebook, line, place)
            if found >= 0:
                row += notebook.count("\n", place, found)
                place = found
            lines += [""] * (row - len(lines))
            lines.append(code)
    return "\n".join(lines)


def blank_magics(lines: list[str]) -> list[str]:
    """The lines of a cell as Python: what IPython alone understands is blank, or `pass` where a block needs a line.

    A cell magic for another language (`%%bash`) blanks its whole cell; one that runs Python (`%%time`), its own line.
    """
    first = next((line.strip() for line in lines if line.strip()), "")
    if first.startswith("%%") and first[2:].split(maxsplit=1)[:1] not in [[each] for each in PYTHON_MAGICS]:
        return [""] * len(lines)
    return [_plain(line) for line in lines]


def _plain(line: str) -> str:
    code = line.strip()
    indent = line[: len(line) - len(line.lstrip())]
    assigned = re.match(r"(?P<target>[\w, ]+=)\s*[!%]", code)
    if assigned:
        return f"{indent}{assigned['target']} None"
    if code.startswith(("%", "!", "?")) or re.fullmatch(r"[\w.]+\?{1,2}", code):
        return f"{indent}pass" if indent else ""
    return line


def _find(notebook: str, line: str, start: int) -> int:
    for plain in (True, False):
        found = notebook.find(json.dumps(line, ensure_ascii=plain), start)
        if found >= 0:
            return found
    return -1
