"""The shapes of `forward` as jaxtyping annotations: `x: Float[Tensor, "B 3 32 32"]`."""

from __future__ import annotations

import ast

from ..discover.document import Document
from ..schema import Dims, Edit, Position, Trace

KINDS = {"float": "Float", "bfloat": "Float", "int": "Int", "uint": "UInt", "bool": "Bool", "complex": "Complex"}
"""jaxtyping's name for a dtype, by how the dtype's own begins."""


def annotate_forward(document: Document, name: str, trace: Trace) -> tuple[Edit, ...]:
    """Edits that annotate the tensors that `forward` of the class `name` takes and, where it gives one, its result, and
    import what they need. None where it is annotated already, or there is nothing to say."""
    forward = _find_forward(document, name)
    if forward is None:
        return ()
    given = {each.name: (each.dims, each.dtype) for each in trace.inputs if each.dims is not None}
    parameters = [*forward.args.posonlyargs, *forward.args.args, *forward.args.kwonlyargs]
    edits, kinds = [], set()
    for parameter in parameters:
        dims, dtype = given.get(parameter.arg, (None, None))
        if dims is None or parameter.annotation is not None:
            continue
        kind, annotation = _annotation(dims, dtype or "float32")
        kinds.add(kind)
        end = document.range_of(parameter).end
        edits.append(Edit(document.path, end, end, f": {annotation}"))
    result = _result(trace)
    if edits and result is not None and forward.returns is None:
        kind, annotation = _annotation(*result)
        place = _end_of_head(document, forward)
        if place is not None:
            kinds.add(kind)
            edits.append(Edit(document.path, place, place, f" -> {annotation}"))
    return (*_imports(document, kinds), *edits) if edits else ()


def _annotation(dims: Dims, dtype: str) -> tuple[str, str]:
    kind = KINDS.get(dtype.rstrip("0123456789"), "Shaped")
    return kind, f'{kind}[Tensor, "{" ".join(str(dim).replace(" ", "") for dim in dims)}"]'


def _result(trace: Trace) -> tuple[Dims, str] | None:
    """Shape and dtype of what comes out, if it is one tensor."""
    output = next((each for each in trace.operations if each.kind == "output"), None)
    if output is None or len(output.inputs) != 1:
        return None
    tensors = (tensor for operation in trace.operations for tensor in operation.outputs)
    return next(((tensor.dims, tensor.dtype) for tensor in tensors if tensor.id == output.inputs[0]), None)


def _find_forward(document: Document, name: str) -> ast.FunctionDef | None:
    for node in document.tree.body:
        if isinstance(node, ast.ClassDef) and node.name == name:
            return next((e for e in node.body if isinstance(e, ast.FunctionDef) and e.name == "forward"), None)
    return None


def _end_of_head(document: Document, forward: ast.FunctionDef) -> Position | None:
    """Behind the parenthesis that closes the parameters: the last one before the body's colon."""
    for number in range(forward.body[0].lineno, forward.lineno - 1, -1):
        line = document.lines[number - 1]
        column = line.rfind("):")
        if column >= 0:
            return Position(number, column + 1)
    return None


def _imports(document: Document, kinds: set[str]) -> list[Edit]:
    """Imports of what is missing, below the first block of imports."""
    imported = {
        alias.asname or alias.name
        for node in document.tree.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    nodes = [node for node in document.tree.body if isinstance(node, (ast.Import, ast.ImportFrom))]
    place = Position((nodes[-1].end_lineno or nodes[-1].lineno) + 1 if nodes else 1, 0)
    lines = []
    if missing := sorted(kinds - imported):
        lines.append(f"from jaxtyping import {', '.join(missing)}\n")
    if "Tensor" not in imported:
        lines.append("from torch import Tensor\n")
    return [Edit(document.path, place, place, "".join(lines))] if lines else []
