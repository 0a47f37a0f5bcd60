"""What people call a run and note of it: a file of its own, so that its job never writes over it."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

from ..schema import MalformedMessage, PyModelError, Run, RunLabel, dumps, from_json
from .atomic import write_atomically
from .attached import ONLY_READ
from .files import LABEL_FILE, RUN_FILE

LONGEST_NAME = 100
"""Characters of a name: it stands in lists."""


class CannotLabel(PyModelError):
    """A run cannot be named so, or nothing can be noted of it."""


def read_label(folder: Path) -> RunLabel:
    """The label of the run in `folder`; an empty one where there is none, or it is damaged."""
    try:
        return from_json(RunLabel, json.loads((folder / LABEL_FILE).read_bytes()))
    except (OSError, ValueError, MalformedMessage):
        return RunLabel()


def label_run(folder: Path, *, name: str | None = None, note: str | None = None) -> RunLabel:
    """Name the run in `folder`, or note something of it; what is None stays, and an empty text takes it away.

    Raises:
        CannotLabel: the name is too long or has several lines, the folder is read only, or another tool's.
    """
    if not (folder / RUN_FILE).is_file():
        raise CannotLabel(ONLY_READ, path=str(folder))
    if name is not None and (len(name.strip()) > LONGEST_NAME or not name.isprintable()):
        raise CannotLabel(
            f"A run's name is one line of at most {LONGEST_NAME} characters.",
            path=str(folder),
            advice="Keep the rest for its note.",
        )
    given = {key: text.strip() for key, text in (("name", name), ("note", note)) if text is not None}
    label = replace(read_label(folder), **given)
    try:
        write_atomically(folder / LABEL_FILE, f"{dumps(label)}\n".encode(), durable=False)
    except OSError as error:
        words = f"The label cannot be written: {error.strerror or error}."
        raise CannotLabel(words, path=str(folder), advice="Make the folder writable.") from error
    return label


def labelled(folder: Path, run: Run) -> Run:
    """The run with its label."""
    label = read_label(folder)
    return replace(run, name=label.name, note=label.note)
