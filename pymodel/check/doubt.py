"""What is said of a model that stops on inputs that were only guessed: nothing of it is a fault of its code."""

from __future__ import annotations

from dataclasses import replace

from ..discover.pins import format_input
from ..schema import Diagnostic, Location, Related, Trace


def in_doubt(trace: Trace, name: str, class_line: Location) -> Trace:
    """The trace with all that it shows as assumed; in place of its errors a hint that says what to do."""
    stops = [
        Related(each.path, each.start, each.end, f"The guess stops here: {each.message}")
        for each in trace.diagnostics
        if each.severity == "error"
    ]
    if not stops:
        return trace
    built = trace.construction.expression if trace.construction else f"{name}(…)"
    pin = ", ".join((built, *(format_input(each).removesuffix(":float32") for each in trace.inputs)))
    words = (
        f"No input was found on which {name} runs to its end: the shapes shown are those of a guess. "
        f"Set an example input: write what it takes on the class line, such as `# pymodel: {pin}`."
    )
    hint = Diagnostic(
        "no-input", "hint", words, class_line.path, class_line.start, class_line.end, related=tuple(stops[:1])
    )
    return replace(
        trace,
        values=tuple(replace(each, assumed=True) for each in trace.values),
        reads=tuple(replace(each, assumed=True) for each in trace.reads),
        diagnostics=(hint,),
    )
