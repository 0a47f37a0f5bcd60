"""`python -m tests.corpus`: trace the libraries' models with the right inputs given, then their classes with none.

Results are kept by model in `.build/corpus/results`, and used again while the engine and the libraries are the same:
a run that was stopped goes on where it was.
"""

from __future__ import annotations

import argparse
import contextlib
import gc
import importlib
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from .class_libraries import CLASS_LIBRARIES
from .packages import FOLDER, environment, fingerprint, install
from .report import summarise, write_report

RESULTS = FOLDER / "results"
SCRATCH = FOLDER / "scratch"
PARTS = ("given", "nothing")
SECONDS = 30.0
REAL_MEMORY = 12 << 30
"""Bytes that a real model may take; whether a larger one runs is not known."""


def main() -> int:
    options = _options()
    if options.work:
        return _work(options)
    install()
    for part in (options.part,) if options.part else PARTS:
        for name in _library_names(part, options):
            work = ["--work", name, "--part", part]
            jobs = [
                subprocess.Popen(
                    [sys.executable, "-m", "tests.corpus", *sys.argv[1:], *work, "--share", f"{n}/{options.jobs}"],
                    env=environment(),
                )
                for n in range(options.jobs)
            ]
            codes = [job.wait() for job in jobs]
            if any(codes):
                print(f"{name}: could not be run", file=sys.stderr)
                return 1
    if not options.library and not options.half:
        write_report(RESULTS, _library_names("given", options))
    print(summarise(RESULTS, _library_names("given", options)))
    return 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.corpus", description=__doc__)
    parser.add_argument("--library", help="only this library, with each result printed and no report written")
    parser.add_argument("--limit", type=int, help="only the first so many groups of models of each library")
    parser.add_argument("--only", help="only groups with this in their name")
    parser.add_argument("--part", choices=PARTS, help="only with inputs given, or only with nothing")
    parser.add_argument("--half", choices=("tuning", "held-out"), help="with nothing given, only these libraries")
    parser.add_argument("--jobs", type=int, default=max(1, (os.cpu_count() or 1) // 2))
    parser.add_argument("--keep", action="store_true", help="use what is there, though the engine has changed")
    parser.add_argument("--work", help=argparse.SUPPRESS)
    parser.add_argument("--share", default="0/1", help=argparse.SUPPRESS)
    return parser.parse_args()


def _library_names(part: str, options: argparse.Namespace) -> list[str]:
    if options.library:
        return [options.library]
    if part == "nothing":
        return [each.name for each in CLASS_LIBRARIES if options.half in (None, each.half)]
    script = "from tests.corpus.libraries import LIBRARIES\nprint(*(each.name for each in LIBRARIES))"
    told = subprocess.run([sys.executable, "-c", script], env=environment(), check=True, capture_output=True, text=True)
    return told.stdout.split()


def _work(options: argparse.Namespace) -> int:
    """One process's share of one library."""
    import warnings

    from pymodel.trace.torchvision_operators import watch_for_torchvision
    from pymodel.worker.analyse import warm

    warnings.simplefilter("ignore")
    SCRATCH.mkdir(parents=True, exist_ok=True)
    os.chdir(SCRATCH)  # some examples save what they trained
    watch_for_torchvision()
    warm()
    works = _models_of(options.work) if options.part == "given" else _class_files_of(options.work)
    _go_through(options.work, works, options)
    return 0


def _models_of(name: str) -> list[tuple[str, Any]]:
    from .libraries import LIBRARIES

    library = next(each for each in LIBRARIES if each.name == name)
    importlib.import_module(library.module)
    return [(f"given/{each.name}", each) for each in library.groups()]


def _class_files_of(name: str) -> list[tuple[str, Any]]:
    from .nothing_given import class_files

    library = next(each for each in CLASS_LIBRARIES if each.name == name)
    with contextlib.suppress(Exception):  # what it imports may be missing here, as it may be for a reader of the file
        importlib.import_module(library.module)
    for loaded in [each for each in sys.modules if each.partition(".")[0] == library.module]:
        del sys.modules[loaded]  # the copy is imported instead, from the editor's side; what it imports is there
    return [(f"nothing/{each.name}", each) for each in class_files(library)]


def _go_through(library: str, works: list[tuple[str, Any]], options: argparse.Namespace) -> None:
    """This process's share of some works, each in a fork of it."""
    share, of = map(int, options.share.split("/"))
    chosen = [each for each in works if not options.only or options.only in each[0]]
    gc.collect()
    gc.freeze()
    for name, work in chosen[share : options.limit : of]:
        path = RESULTS / library / f"{name.replace('/', '--')}.json"
        for item in _known(path, options.keep) or _run(path, name, work, SECONDS):
            if options.library:
                print(_line(item), flush=True)


def _known(path: Path, keep: bool) -> list[dict[str, Any]] | None:
    if not path.exists():
        return None
    known = json.loads(path.read_text())
    if keep and all(item["ok"] for item in known["items"]):
        return list(known["items"])
    return list(known["items"]) if known["fingerprint"] == fingerprint() else None


def _run(path: Path, name: str, work: Any, seconds: float) -> list[dict[str, Any]]:
    from .cases import Group, Tell, ask_real_models, run_case
    from .children import run_apart

    def go(tell: Tell) -> None:
        if not isinstance(work, Group):
            work.tell_outcomes(tell)
            return
        for case in work.cases():
            tell(run_case(case))

    done, ended = run_apart(go, seconds)
    if ended is not None:
        done.append(
            {"name": name.partition("/")[2], "ok": False, "stage": "process", "error": ended, "seconds": seconds}
        )
    failed = [item["name"] for item in done if not item["ok"]]
    if failed and isinstance(work, Group):
        said, real_ended = run_apart(lambda tell: ask_real_models(work, failed, tell), seconds, REAL_MEMORY)
        if ended is not None and ended == real_ended:
            said.append({"name": done[-1]["name"], "eager": ended})
        for answer in said:
            next(item for item in done if item["name"] == answer["name"])["eager"] = answer["eager"]
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_suffix(f".{os.getpid()}")
    temporary.write_text(json.dumps({"fingerprint": fingerprint(), "items": done}))
    temporary.replace(path)
    return done


def _line(item: dict[str, Any]) -> str:
    words = "ok " if item["ok"] else "NOT"
    assumed = f" {item['assumed']}/{item['operations']} assumed" if item.get("assumed") else ""
    stuck = " batch not moved" if item["ok"] and item.get("moved") == [] else ""
    real = "" if item.get("eager") is None else f" | for real: {item['eager'] or 'runs'}"
    return f"{words} {item['seconds']:6.1f} s  {item['name']}{assumed}{stuck}  {item.get('error') or ''}{real}"


if __name__ == "__main__":
    sys.exit(main())
