"""When export fails: the line of the user's code that caused it, in words, with what to change."""

from __future__ import annotations

import re
from collections.abc import Iterator

from ..schema import PyModelError
from ..train.user_code import find_user_line
from .lines import Line, line_of_stack
from .program import Program


class ExportFailed(PyModelError):
    """The exporter does not take what forward does on a line."""


CAUSES: tuple[tuple[str, str, str], ...] = (
    (
        r"Could not guard on data-dependent expression|data-dependent branching|DataDependentOutputException",
        "What runs here depends on a tensor's values, and a file holds one way only.",
        "Compute both and choose with `torch.where`, use `torch.cond`, or decide before forward.",
    ),
    (
        r"Could not extract specialized integer|_local_scalar_dense|\.item\(\)|\.tolist\(\)",
        "A tensor's value becomes a Python number here, and a file has no Python.",
        "Keep it a tensor, take the number from a shape, or give it to the constructor.",
    ),
    (
        r"\.numpy\(\) is not supported|Cannot convert .*to numpy|__array__",
        "A tensor leaves torch for NumPy here, where nothing is recorded.",
        "Do it with torch's own functions.",
    ),
    (
        r"No ONNX function found for <OpOverload\(op='(?P<op>[\w.:]+)'",
        "ONNX has no `{op}`, which this line needs.",
        "Write it with other functions, or export as ExportedProgram (`--format pt2`), which has all of torch's.",
    ),
    (
        r"assigned during export|pending (attribute|buffer) mutation|was assigned during",
        "forward keeps a tensor on `self` here, which a file cannot.",
        "Return it, or declare it in `__init__` with `self.register_buffer`.",
    ),
    (
        r"Constraints violated|ConstraintViolationError|marked .* as dynamic but",
        "forward takes one size only of a dimension that the input lets vary.",
        "Write that size as a number in the input, `x=(B, 64)`, or compute from `x.shape` here.",
    ),
    (
        r"Unsupported ONNX opset|opset.*not supported|No Previous Version of|No Adapter",
        "The exporter cannot write this opset.",
        "Leave it out: then it chooses one that onnxruntime runs.",
    ),
    (
        r"Mutating module attribute|side effect",
        "forward changes the module itself here, which a file cannot.",
        "Return the new value, or declare it as a buffer.",
    ),
)
"""What errors of torch.export and torch.onnx say, what that means, and what to change."""


def explain_failure(error: Exception, program: Program | None = None) -> Exception:
    """The error in words where it is one of the exporter's own; another one as it is, which is the user's code's."""
    if isinstance(error, PyModelError):
        return error
    text = "\n".join(f"{type(each).__name__}: {each}" for each in _chain(error))
    for pattern, words, advice in CAUSES:
        found = re.search(pattern, text)
        if found is not None:
            path, line = _find_line(error, text, program, found.groupdict().get("op"))
            return ExportFailed(words.format(**found.groupdict()), path=path, line=line, advice=advice)
    path, line = _find_line(error, text, program, None)
    if type(error).__module__.partition(".")[0] != "torch":
        return error
    *_, cause = _chain(error)  # what the exporter says around it names its steps
    first = next((each for each in str(cause).splitlines() if each.strip()), type(cause).__name__)
    advice = "Run `torch.export.draft_export` on it for all that the exporter knows, or export another format."
    return ExportFailed(f"The exporter failed here: {first[:300]}", path=path, line=line, advice=advice)


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        yield error
        error = error.__cause__ or error.__context__


def _find_line(
    error: Exception, text: str, program: Program | None, operator: str | None
) -> tuple[str | None, int | None]:
    """Where the user's code stands in the traceback. An error of a later step has none of it: then where the node was
    made that it is about."""
    if program is not None:
        executed = line_of_stack(text.partition("Original traceback:")[2])
        found = executed or _find_node_line(program, text, operator)
        return (None, None) if found is None else (found.path, found.line)
    path, line = find_user_line(error)
    if path is None and (said := line_of_stack(text)) is not None:
        return said.path, said.line
    return path, line


def _find_node_line(program: Program, text: str, operator: str | None) -> Line | None:
    named = re.search(r"translating node %(\w+)", text)
    for exported in (
        program.exported,
        program.exported.run_decompositions(),
    ):  # the exporter's own nodes are the latter
        for node in exported.graph.nodes:
            is_it = named is not None and node.name == named[1]
            if is_it or (operator and str(node.target).startswith(operator.replace("::", "."))):
                return line_of_stack(node.meta.get("stack_trace") or "")
    return None
