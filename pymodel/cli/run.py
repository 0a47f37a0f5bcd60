"""`pymodel run`: a training script as Python runs it, monitored. Kept apart from the other commands: it starts without
what they need, and what the script raises is the script's own."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ..schema import PyModelError, Run, ScriptRequest
from .output import FAILED, USAGE

DESCRIPTION = "Run a training script as Python does, and record it in a run's folder. Nothing is added to the script."


def add_commands(commands: Any) -> None:
    add_arguments(commands.add_parser("run", help="run any training script, monitored", description=DESCRIPTION))


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--run-dir", type=Path, help="the run's folder itself; in .pymodel/runs by default")
    parser.add_argument(
        "--save-batch", action="store_true", help="keep what the first step that is not finite was run on"
    )
    parser.add_argument(
        "--replay", type=Path, metavar="RUN", help="run that step of a run again, and say where it came from"
    )
    parser.add_argument(
        "--json", action="store_true", help="the script's output goes to stderr, and how it ended to stdout"
    )
    parser.add_argument("-m", dest="module", metavar="MODULE", help="run a module, as `python -m` does")
    parser.add_argument("rest", nargs=argparse.REMAINDER, metavar="SCRIPT ARGS…")


def main(arguments: Sequence[str]) -> int:
    """Run the command without the others' parser: what comes after the script or the module is its own."""
    parser = argparse.ArgumentParser(prog="pymodel run", description=DESCRIPTION)
    add_arguments(parser)
    ours, theirs = _split(list(arguments))
    options = parser.parse_args(ours)
    if options.replay is not None:
        return _replay(options.replay.absolute())
    request = _read_request(options, theirs)
    if isinstance(request, str):
        print(f"pymodel: {request}", file=sys.stderr)
        return USAGE
    return _run(request, theirs[0] if theirs else "", options)


def _split(arguments: list[str]) -> tuple[list[str], list[str]]:
    """Our own options, and from the script or after the module's name on those of the script."""
    index = 0
    while index < len(arguments):
        word = arguments[index]
        if word == "--":
            return arguments[:index], arguments[index + 1 :]
        if word == "-m":
            return arguments[: index + 2], arguments[index + 2 :]
        if not word.startswith("-"):
            return arguments[:index], arguments[index:]
        index += 2 if word in ("--run-dir", "--replay") else 1
    return arguments, []


def _read_request(options: argparse.Namespace, theirs: list[str]) -> ScriptRequest | str:
    """What is to be run, or why that cannot be."""
    folder = str(Path.cwd())
    if options.module is not None:
        return ScriptRequest(None, options.module, tuple(theirs), folder, options.save_batch)
    if not theirs:
        return "no script is named. `pymodel run train.py` runs one."
    if theirs[0] == "-m" and len(theirs) > 1:
        return ScriptRequest(None, theirs[1], tuple(theirs[2:]), folder, options.save_batch)
    script = Path(theirs[0])
    if not script.exists():
        return f"can't open file {theirs[0]!r}: there is no such file."
    return ScriptRequest(str(script.absolute()), None, tuple(theirs[1:]), folder, options.save_batch)


def _run(request: ScriptRequest, given: str, options: argparse.Namespace) -> int:
    from ..monitor.launcher import run_as_main
    from ..monitor.session import begin, say

    on_close = _Report().print if options.json else lambda folder, run: None
    try:
        session = begin(request, options.run_dir, on_close)
    except (PyModelError, OSError) as error:
        print(f"pymodel: this run is not recorded: {error}", file=sys.stderr)
        return run_as_main(request, given, lambda _: None)
    say(f"pymodel: recording in {session.folder}")
    return run_as_main(request, given, session.note_end)


def _replay(folder: Path) -> int:
    from ..monitor.replay import find_batch, replay

    try:
        kept = find_batch(folder)
    except PyModelError as error:
        print(f"pymodel: {error}", file=sys.stderr)
        return FAILED
    return replay(kept)


class _Report:
    """With `--json`, stdout holds one document, after the script's last word: what the script prints goes to stderr."""

    def __init__(self) -> None:
        sys.stdout.flush()
        self._stdout = os.dup(1)
        os.dup2(2, 1)

    def print(self, folder: Path, run: Run) -> None:
        document = {"run": str(folder), "state": run.state, "metrics": run.metrics}
        os.write(self._stdout, f"{json.dumps(document, ensure_ascii=False, indent=2)}\n".encode())
