"""What a script's command line gives where there is no command line: the defaults of its own argument parser."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


@contextmanager
def default_arguments() -> Iterator[None]:
    """While this lasts, `parse_args` answers with defaults, whatever this process was started with.

    A required argument is None, as nobody has given it.
    """
    original = argparse.ArgumentParser.parse_known_args

    def parse_known_args(parser: argparse.ArgumentParser, args: Any = None, namespace: Any = None) -> Any:
        for action in parser._actions:
            action.required = False
            if action.nargs is None and not action.option_strings:
                action.nargs = "?"
        return original(parser, [], namespace)

    argparse.ArgumentParser.parse_known_args = parse_known_args  # type: ignore[method-assign,assignment]
    try:
        yield
    finally:
        argparse.ArgumentParser.parse_known_args = original  # type: ignore[method-assign]
