"""What a script's command line gives where there is no command line: the defaults of its own argument parser."""

from __future__ import annotations

import argparse
import builtins
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any


@contextmanager
def default_arguments() -> Iterator[None]:
    """While this lasts, `parse_args` answers with defaults, whatever this process was started with; so do tyro's `cli`
    and absl's flags. `sys.argv` holds no arguments, and `input` gets the end of the file.

    A required argument is None, as nobody has given it.
    """
    original = argparse.ArgumentParser.parse_known_args

    def parse_known_args(parser: argparse.ArgumentParser, args: Any = None, namespace: Any = None) -> Any:
        for action in parser._actions:
            action.required = False
            if action.nargs is None and not action.option_strings:
                action.nargs = "?"
        return original(parser, [], namespace)

    with ExitStack() as stack:
        stack.enter_context(_replaced(argparse.ArgumentParser, "parse_known_args", parse_known_args))
        stack.enter_context(_replaced(sys, "argv", sys.argv[:1]))
        stack.enter_context(_replaced(builtins, "input", _no_input))
        tyro = sys.modules.get("tyro")
        if tyro is not None and hasattr(tyro, "_cli"):
            stack.enter_context(_replaced(tyro, "cli", _tyro_defaults))
        flags = sys.modules.get("absl.flags")
        if flags is not None and hasattr(flags, "FLAGS") and not flags.FLAGS.is_parsed():
            flags.FLAGS.mark_as_parsed()
        yield


@contextmanager
def _replaced(holder: Any, name: str, value: Any) -> Iterator[None]:
    original = getattr(holder, name)
    setattr(holder, name, value)
    try:
        yield
    finally:
        setattr(holder, name, original)


def _no_input(prompt: object = "") -> str:
    raise EOFError("nobody is there to answer in an analysis")


def _tyro_defaults(function: Any, *args: Any, default: Any = None, **options: Any) -> Any:
    """What `tyro.cli` gives for an empty command line."""
    return default if default is not None else function()
