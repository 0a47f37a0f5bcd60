"""Says on a node what the checks have found out about its failure, in place of torch's own words."""

from __future__ import annotations

from .hierarchy import Hierarchy, module_path


def explain_fault(hierarchy: Hierarchy, i: int) -> str | None:
    """What is wrong with an operation; for a module call, with the first thing in it that failed.

    The explanation is the diagnostic at the place of the failure. Of several there, as code that runs many times has,
    it is the one that names the module.
    """
    error = hierarchy.operations[i].error
    if error is None:
        return None
    failed = min((each for each in hierarchy.within(i) if _is_source(hierarchy, each, error)), default=i)
    operation = hierarchy.operations[failed]
    messages = [
        diagnostic.message
        for diagnostic in hierarchy.trace.diagnostics
        if diagnostic.severity == "error"
        and (diagnostic.path, diagnostic.start, diagnostic.end) == (operation.path, operation.start, operation.end)
    ]
    around = [module_path(hierarchy.operations[each]) for each in hierarchy.ancestors(failed)]
    naming = (message for message in messages if any(f"`{path}`" in message for path in around if path))
    return next(naming, messages[0] if messages else error)


def _is_source(hierarchy: Hierarchy, i: int, error: str) -> bool:
    return hierarchy.operations[i].kind == "op" and hierarchy.operations[i].error == error
