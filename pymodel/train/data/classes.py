"""A folder of examples whose classes are its subfolders."""

from __future__ import annotations

from pathlib import Path


def find_examples(folder: Path, endings: tuple[str, ...]) -> tuple[list[tuple[Path, int]], list[str]]:
    """The files with one of these endings, each with the number of its class, and the classes in alphabetical order."""
    classes = sorted(each.name for each in folder.iterdir() if each.is_dir() and not each.name.startswith("."))
    examples = [
        (path, label)
        for label, name in enumerate(classes)
        for path in sorted((folder / name).rglob("*"))
        if path.suffix.lower() in endings
    ]
    return examples, classes
