"""An editor that starts the server waits for pygls alone: what is ours comes once `initialize` is answered."""

from __future__ import annotations

import subprocess
import sys

from pymodel_server.announced import COMMANDS, METHODS
from pymodel_server.server import create_server
from pymodel_server.serving import serve

LIFECYCLE = {"initialize", "initialized", "shutdown"}
MADE_FOR_INITIALIZE = {"pymodel", "pymodel_server", "pymodel_server.announced", "pymodel_server.server"}


def modules_after(statements: str) -> set[str]:
    """Our own modules that a fresh interpreter has loaded after some statements."""
    program = f"{statements}\nimport sys\nprint(*(name for name in sys.modules if name.startswith('pymodel')))"
    output = subprocess.run([sys.executable, "-P", "-c", program], capture_output=True, text=True, check=True)
    return set(output.stdout.split())


def test_initialize_is_answered_before_anything_else_is_imported() -> None:
    assert modules_after("from pymodel_server.server import create_server; create_server()") == MADE_FOR_INITIALIZE
    assert len(modules_after("import pymodel_server.serving, pymodel_server.session")) > 10 * len(MADE_FOR_INITIALIZE)


def test_what_is_announced_is_what_is_served() -> None:
    server = create_server()
    announced = dict(server.protocol.fm.features), dict(server.protocol.fm.commands)
    serve(server)
    features, commands = server.protocol.fm.features, server.protocol.fm.commands
    assert {name for name in features if not name.startswith("pymodel/")} == {*METHODS, *LIFECYCLE}
    assert set(commands) == set(COMMANDS)
    assert not {name for name in METHODS if features[name] is announced[0][name]}
    assert not {name for name in COMMANDS if commands[name] is announced[1][name]}
