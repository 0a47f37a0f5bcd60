"""A failure as a diagnostic: on the user's own range, with the lines that made what does not fit."""

from __future__ import annotations

from ..schema import Diagnostic, Position, Related, Trace
from ..trace.assemble import Failure
from .explanations import describe_failure, is_dtype_failure
from .refusals import REFUSALS, explain_refusal
from .words import show

MAX_RELATED = 3


def explain(failure: Failure, fallback: tuple[str, Position, Position], trace: Trace | None = None) -> Diagnostic:
    """A diagnostic for a failed operation. `fallback` is a place (the class, say) for one without a user's line;
    `trace` knows what stood in an assertion."""
    if failure.function in REFUSALS:
        return explain_refusal(failure, fallback, trace)
    place = failure.location
    path, start, end = (place.path, place.start, place.end) if place else fallback
    code = "dtype-mismatch" if is_dtype_failure(failure) else "shape-mismatch"
    return Diagnostic(code, "error", describe_failure(failure), path, start, end, _origins(failure))


def _origins(failure: Failure) -> tuple[Related, ...]:
    """Where the operands were made, then where the layer was."""
    found: dict[tuple[str, Position, Position], Related] = {}
    for n, made in enumerate(failure.made_at):
        if made is None or n >= len(failure.operands):
            continue
        maker = failure.made_by[n] if n < len(failure.made_by) else ""
        dims = show(failure.operands[n])
        words = f"{dims} comes from {maker} here" if maker else f"{dims} is made here"
        found.setdefault((made.path, made.start, made.end), Related(made.path, made.start, made.end, words))
    built = failure.built_at
    if built is not None:
        words = f"`{failure.module}` is set up here: {failure.module_text}"
        found.setdefault((built.path, built.start, built.end), Related(built.path, built.start, built.end, words))
    return tuple(found.values())[:MAX_RELATED]
