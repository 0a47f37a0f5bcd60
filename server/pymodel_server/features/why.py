"""`pymodel.why`: how a model is made and fed, or what was tried, what failed, and what to do next."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pymodel.discover.pins import format_inputs
from pymodel.schema import Trace

from ..l10n import t
from .commands import as_command, find_state

if TYPE_CHECKING:
    from ..server import PyModelServer
    from ..state import State

UNREADABLE = ("syntax-error", "import-failed", "effect-refused", "exits")


@dataclass(frozen=True)
class Step:
    """What to do next. `command` is the client's command for it, where there is one; the place is where to look."""

    words: str
    command: str | None = None
    path: str | None = None
    line: int | None = None


def register(server: PyModelServer) -> None:
    as_command(server, "pymodel.why", explain_why)


async def explain_why(server: PyModelServer, given: dict[str, Any]) -> Any:
    state = find_state(server, given)
    name = str(given.get("target") or "").rpartition("::")[2]
    site = next((each for each in state.models if each.name == name), None) or next(iter(state.models), None)
    found = state.trace(site.name) if site else None
    trace = found[0] if found else None
    return {
        "target": site.target if site else None,
        "status": trace.status if trace else "failed",
        "construction": trace.construction if trace else None,
        "inputs": trace.inputs if trace else (),
        "pin": ", ".join(format_inputs(trace)) if trace and trace.inputs else None,
        "attempts": trace.attempts if trace else (),
        "diagnostics": state.diagnostics(),
        "interpreter": server.session.interpreter_of(state.path),
        "steps": tuple(_steps(server, state, trace)),
    }


def _steps(server: PyModelServer, state: State, trace: Trace | None) -> Iterator[Step]:
    """The most likely to help first."""
    if not server.configuration.trusted:
        yield Step(t("Trust this workspace: until then no code of it is run."), "pymodel.manageTrust")
        return
    if server.session.interpreter_of(state.path) is None or server.pool.problems():
        yield Step(t("Choose a Python that has torch."), "pymodel.selectInterpreter")
        yield from (Step(words) for words in server.pool.problems())
        return
    if state.analysed_version != state.version:
        yield Step(t("Wait a moment: the present text is still being analysed."))
    yield from _mend(state)
    if trace is None or trace.construction is None:
        yield Step(t("Say how it is made."), "pymodel.setConstructorArguments")
    if trace is None or trace.status != "complete":
        yield Step(t("Say what it is fed with."), "pymodel.setExampleInput")
    elif any(each.assumed for each in trace.values):
        words = t("Some shapes rest on values that are not known, and say so. Another input may show others.")
        yield Step(words, "pymodel.setExampleInput")
    if server.configuration.inlay_hints == "off":
        yield Step(t("Hints in the text are switched off: switch them on."), "pymodel.toggleShapeHints")


def _mend(state: State) -> Iterator[Step]:
    """What of the file stands in the way: a package that is missing, a line that cannot be read, an error."""
    for found in state.diagnostics():
        if found.code == "missing-import":
            yield Step(found.message, None, found.path, found.start.line)
        elif found.code in UNREADABLE or found.code.startswith("analysis-"):
            yield Step(t("Look at this line: {0}", found.message), None, found.path, found.start.line)
        elif found.severity == "error":
            yield Step(t("Mend this: {0}", found.message), None, found.path, found.start.line)
