"""`python -m tests.corpus.alarms`: what the checks tell of the libraries' own files, with nothing given.

These files work and are used: what is told of one is a false alarm until somebody has looked and found it true.
Each finding is printed, and at the end the number of files with one. What could not be read is not a finding.
"""

from __future__ import annotations

import argparse
import gc
import os
import sys
import warnings
from collections import Counter
from pathlib import Path

from pymodel.discover.document import parse_document
from pymodel.discover.models import find_models
from pymodel.discover.roots import find_import_roots
from pymodel.discover.steps import find_script
from pymodel.lint.lint import lint
from pymodel.schema import Analyse, Checked, Diagnostic, Started, Traced

from .cases import Tell
from .children import run_apart
from .class_libraries import CLASS_LIBRARIES
from .nothing_given import workspace
from .packages import environment, install

SECONDS = 30.0
"""Of processor time for each model of a file."""
NO_CHECKS = (
    *("not-run", "not-followed", "missing-import", "import-failed", "broken-package", "no-input"),
    *("depends-on-values", "stand-in", "pin-rank"),
)
"""Codes that say what could not be read or run."""


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.corpus.alarms", description=__doc__)
    parser.add_argument("library", nargs="*", help="of those whose classes are opened; all, if none is named")
    parser.add_argument("--most", type=int, default=1_000_000, help="so many files of a library, evenly from all")
    options = parser.parse_args()
    if os.environ.get("PYTHONPATH") != environment()["PYTHONPATH"]:
        install()
        os.execve(sys.executable, [sys.executable, "-m", "tests.corpus.alarms", *sys.argv[1:]], environment())
    _measure(options.library, options.most)
    return 0


def _measure(libraries: list[str], most: int) -> None:
    from pymodel.worker.analyse import warm

    warnings.simplefilter("ignore")
    warm()
    gc.collect()
    gc.freeze()
    files, alarming, codes, cut = 0, 0, Counter[str](), 0
    for library in CLASS_LIBRARIES:
        if libraries and library.name not in libraries:
            continue
        root = workspace(library)
        paths = [each for each in sorted((root / library.module).rglob("*.py")) if "torch" in each.read_text("utf-8")]
        count = min(most, len(paths))
        for path in (paths[at * len(paths) // count] for at in range(count)):
            found, ended = run_apart(lambda tell, path=path, root=root: _tell(path, root, tell), SECONDS)  # type: ignore[misc]
            alarms = [each for each in {str(each): each for each in found}.values() if each["code"] not in NO_CHECKS]
            files += 1
            alarming += bool(alarms)
            cut += ended is not None
            codes.update(each["code"] for each in alarms)
            for each in alarms:
                print(f"{path.relative_to(root)}:{each['line']}: {each['code']}: {each['message']}", flush=True)
            if ended is not None:
                print(f"{path.relative_to(root)}: cut short: {ended}", flush=True)
    print(f"{alarming} of {files} files with a finding ({cut} cut short): {dict(codes)}")


def _tell(path: Path, root: Path, tell: Tell) -> None:
    from pymodel.worker.analyse import analyse

    def say(found: tuple[Diagnostic, ...]) -> None:
        for each in found:
            if each.severity != "hint":
                tell({"code": each.code, "line": each.start.line, "message": each.message, "path": each.path})

    def emit(event: Started | Traced | Checked) -> None:
        if isinstance(event, Traced):
            say(event.trace.diagnostics)
        elif isinstance(event, Checked):
            say(event.diagnostics)

    document = parse_document(str(path), path.read_text(encoding="utf-8"))
    if not find_models(document) and find_script(document) is None:
        say(tuple(lint(document)))
        return
    say(analyse(Analyse(1, str(path), (), roots=find_import_roots(str(path), (str(root),))), emit).diagnostics)


if __name__ == "__main__":
    sys.exit(main())
