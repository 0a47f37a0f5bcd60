"""`docs/coverage.md`, from the results that a run left behind."""

from __future__ import annotations

import json
import platform
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from .class_libraries import CLASS_LIBRARIES, ClassLibrary, Half
from .packages import CLASS_REQUIREMENTS, REQUIREMENTS, ROOT

Item = dict[str, Any]
DOCUMENT = ROOT / "docs" / "coverage.md"
MAX_NAMED = 6
HALVES: tuple[Half, ...] = ("tuning", "held-out")


def write_report(results: Path, libraries: list[str]) -> None:
    """Write the document for `libraries`, whose results lie in folders of their names."""
    given = {name: list(_items(results / name, "given")) for name in libraries}
    nothing = {each: list(_items(results / each.name, "nothing")) for each in CLASS_LIBRARIES}
    DOCUMENT.write_text("\n".join((*_head(libraries), *_given(given), *_nothing(nothing))) + "\n", encoding="utf-8")


def _items(folder: Path, part: str) -> Iterator[Item]:
    for path in sorted(folder.glob(f"{part}--*.json")):
        group = path.stem.partition("--")[2]
        for item in json.loads(path.read_text())["items"]:
            yield {**item, "group": group}


def _head(libraries: list[str]) -> Iterator[str]:
    lines = (*REQUIREMENTS.read_text().splitlines(), *CLASS_REQUIREMENTS.read_text().splitlines())
    pinned = dict(line.split("==") for line in lines if "==" in line)
    names = dict.fromkeys((*libraries, *(each.name for each in CLASS_LIBRARIES)))
    versions = ", ".join(f"{name} {pinned[name]}" for name in names)
    yield "# Coverage"
    yield ""
    yield f"What the engine makes of whole libraries from PyPI. Written by `make corpus`, {datetime.now(UTC):%d %B %Y}."
    yield f"Python {platform.python_version()}, torch {version('torch')}, {versions}."


# With the right inputs given.


def _is_counted(item: Item) -> bool:
    """What the real model on the CPU refuses as well was given wrong inputs, or is wrong itself."""
    return bool(item["ok"]) or not item.get("eager")


def _given(libraries: dict[str, list[Item]]) -> Iterator[str]:
    yield from ("", "## Models traced, given the right inputs", "")
    yield (
        "Each model is built on meta, run, probed at further sizes and put together as an analysis does it, "
        "in a process of its own. A model that fails is run for real on the CPU with the same inputs; what "
        "fails there too is not counted, and listed at the end. *Assumed* are the operations whose shapes "
        "depend on values; *batch* are the models whose batch could be moved."
    )
    yield from ("", "| Library | Models | Traced | | Assumed operations | Batch | Refused for real too |")
    yield "|---|--:|--:|--:|--:|--:|--:|"
    everything = [item for items in libraries.values() for item in items]
    for name, own in (*libraries.items(), ("**all**", everything)):
        counted = [item for item in own if _is_counted(item)]
        traced = [item for item in counted if item["ok"]]
        operations = sum(item.get("operations", 0) for item in traced)
        assumed = sum(item.get("assumed", 0) for item in traced)
        moved = sum("B" in item.get("moved", ()) or "N" in item.get("moved", ()) for item in traced)
        yield (
            f"| {name} | {len(counted)} | {len(traced)} | {_percent(len(traced), len(counted))} "
            f"| {_percent(assumed, operations)} | {_percent(moved, len(traced))} | {len(own) - len(counted)} |"
        )
    yield from ("", "### Not traced", "")
    failed = [
        (name, item) for name, items in libraries.items() for item in items if not item["ok"] and _is_counted(item)
    ]
    yield from _grouped(failed, lambda item: str(item["error"]))
    yield from ("", "### Refused by the real model as well", "", "With what it says.", "")
    refused = [(name, item) for name, items in libraries.items() for item in items if not _is_counted(item)]
    yield from _grouped(refused, lambda item: str(item["eager"]))


# With nothing given.


def _nothing(libraries: dict[ClassLibrary, list[Item]]) -> Iterator[str]:
    yield from ("", "## Classes solved with nothing given", "")
    yield (
        "Model classes of libraries' own files, evenly chosen, each opened in a copy of its library with the README "
        "beside it; what the library imports is not installed unless another one of the corpus needs it. "
        "*Standalone*: a construction and inputs were found without a look at the models that hold the class, the run "
        "is complete, and the batch could be moved. *Within a parent*: or a solved class of the library contains it. "
        "What fails in the *tuning* half may be worked on; the *held-out* half is only counted."
    )
    for half in HALVES:
        own = {each.name: items for each, items in libraries.items() if each.half == half and items}
        yield from ("", f"### {half.capitalize()} half", "")
        yield from _half(own)


def _half(libraries: dict[str, list[Item]]) -> Iterator[str]:
    yield from ("| Library | Classes | Standalone | | Or within a parent | |", "|---|--:|--:|--:|--:|--:|")
    missed: list[tuple[str, Item]] = []
    rows: list[tuple[int, int, int]] = []
    for name, items in libraries.items():
        contained = {each for item in items for each in item.get("contains", ())}
        alone = [item for item in items if item.get("alone")]
        covered = [item for item in items if item["ok"] or item.get("class") in contained]
        missed += [(name, item) for item in items if item not in covered]
        rows.append((len(items), len(alone), len(covered)))
        yield _row(name, *rows[-1])
    yield _row("**all**", *map(sum, zip(*rows, strict=True))) if rows else ""
    yield from ("", "Not solved:", "")
    yield from _grouped(missed, lambda item: str(item["error"]))


def _row(name: str, count: int, alone: int, covered: int) -> str:
    shares = f"{alone} | {_percent(alone, count)} | {covered} | {_percent(covered, count)}"
    return f"| {name} | {count} | {shares} |"


# Words.


def _percent(part: int, whole: int) -> str:
    return f"{100 * part / whole:.1f} %" if whole else ""


def _grouped(failures: Iterable[tuple[str, Item]], words: Any) -> Iterator[str]:
    """One line for each cause in each library, those with most models first."""
    groups: dict[tuple[str, str], list[str]] = defaultdict(list)
    for library, item in failures:
        groups[library, _cause(words(item))].append(item["name"])
    for (library, cause), names in sorted(groups.items(), key=lambda each: (each[0][0], -len(each[1]))):
        more = f" and {len(names) - MAX_NAMED} more" if len(names) > MAX_NAMED else ""
        yield f"- {library}: {', '.join(names[:MAX_NAMED])}{more}: {cause}"
    if not groups:
        yield "None."


def _cause(words: str) -> str:
    """A failure's words on one line, without what Markdown would take for its own."""
    line = " ".join(words.split()).replace("|", "/").replace("<", "‹").replace(">", "›").replace("`", "'")
    return line[:200].rstrip(".")


def summarise(results: Path, libraries: list[str]) -> str:
    """The rows of the goals, in one line each."""
    counts: Counter[str] = Counter()
    for name in libraries:
        given = [item for item in _items(results / name, "given") if _is_counted(item)]
        counts["traced"] += sum(bool(item["ok"]) for item in given)
        counts["models"] += len(given)
    return f"models traced, given right inputs: {_percent(counts['traced'], counts['models'])} of {counts['models']}"
