"""Every capability from a terminal. With `--json`, stdout holds one document and nothing else."""

from __future__ import annotations

import argparse
import io
import os
import sys
from collections.abc import Sequence

from ..schema import PyModelError
from .output import FAILED, USAGE


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; its exit code is 0 fine, 1 an error or warning found, 2 usage, 3 could not be analysed."""
    given = sys.argv[1:] if arguments is None else list(arguments)
    if given[:1] == ["run"]:  # what it runs owns the process: nothing of ours stands around it
        from .run import main as run_script

        return run_script(given[1:])
    from .analyses import UsageError

    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(encoding="utf-8", errors="backslashreplace")
    parser = build_parser()
    try:
        options = parser.parse_args(given)
    except SystemExit as stop:  # argparse has said what is wrong
        return stop.code if isinstance(stop.code, int) else USAGE
    try:
        code: int = options.run(options)
    except PyModelError as error:
        print(f"pymodel: {error}", file=sys.stderr)
        return USAGE if isinstance(error, UsageError) else FAILED
    except BrokenPipeError:  # before OSError, its base
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # `pymodel … | head` is no fault
        return 0
    except OSError as error:
        print(f"pymodel: {error.filename or ''}: {error.strerror or error}", file=sys.stderr)
        return USAGE
    return code


def build_parser() -> argparse.ArgumentParser:
    from . import analyses, explain, graph, internal, jobs, run, runs

    parser = argparse.ArgumentParser(prog="pymodel", description="What the code of an nn.Module means.")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for package in (analyses, graph, jobs, run, runs, explain, internal):
        package.add_commands(commands)
    return parser
