"""Edits for what raises nothing, by the finding's code."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator

from ..schema import Diagnostic, Fix
from .devices import device_fixes
from .evidence import Evidence
from .shapes import flatten_fixes
from .source import Source, argument, operand

Maker = Callable[[Diagnostic, Source, Evidence], Iterator[Fix]]


def trap_fixes(found: Diagnostic, evidence: Evidence) -> Iterator[Fix]:
    source = evidence.source(found.path)
    maker = _MAKERS.get(found.code)
    if source is not None and maker is not None:
        yield from maker(found, source, evidence)


def _remove_activation(found: Diagnostic, source: Source, evidence: Evidence) -> Iterator[Fix]:
    """`softmax(x)` becomes `x`; where a layer did it that does nothing else, the layer goes as well."""
    for related in found.related:
        other = evidence.source(related.path)
        node = other.at(related.start, related.end) if other is not None else None
        if other is None or not isinstance(node, ast.Call):
            continue
        name = node.func.attr if isinstance(node.func, ast.Attribute) else ""
        inner = operand(node, 0, name if name in ("softmax", "sigmoid", "log_softmax") else "")
        setting = _assignment_of(other, node.func)
        if setting is not None and inner is not None:
            yield Fix(f"Remove `{name}`", (other.replace(node, other.text(inner)), other.delete(setting)))
        if inner is not None:
            yield Fix(f"Remove `{name}`", (other.replace(node, other.text(inner)),))
        yield from _drop_element(other, node)


def _assignment_of(source: Source, func: ast.expr) -> ast.stmt | None:
    """The line that sets `self.softmax`, if `func` is that and nothing else names it."""
    text = ast.unparse(func)
    if not text.startswith("self."):
        return None
    named = [
        node for node in ast.walk(source.document.tree) if isinstance(node, ast.Attribute) and ast.unparse(node) == text
    ]
    stores = [node for node in named if isinstance(node.ctx, ast.Store)]
    return source.statement(stores[0]) if len(stores) == 1 and len(named) == 2 else None


def _drop_element(source: Source, node: ast.Call) -> Iterator[Fix]:
    """An element of `nn.Sequential(…)`, with the comma before it."""
    around = source.parents.get(node)
    if not isinstance(around, ast.Call) or node not in around.args or around.args.index(node) == 0:
        return
    before = source.document.range_of(around.args[around.args.index(node) - 1]).end
    edit = source.replace(node, "")
    yield Fix(f"Remove `{source.text(node)}`", (type(edit)(edit.path, before, edit.end, ""),))


def _with_logits(found: Diagnostic, source: Source, evidence: Evidence) -> Iterator[Fix]:
    names = {"BCELoss": "BCEWithLogitsLoss", "binary_cross_entropy": "binary_cross_entropy_with_logits"}
    for node in ast.walk(source.document.tree):
        if isinstance(node, (ast.Attribute, ast.Name)):
            last = node.attr if isinstance(node, ast.Attribute) else node.id
            if last in names:
                text = source.text(node)
                yield Fix(f"Use `{names[last]}`", (source.replace(node, text[: -len(last)] + names[last]),))


def _without_choice(found: Diagnostic, source: Source, evidence: Evidence) -> Iterator[Fix]:
    """The loss on what `argmax` was given, in place of what it gave."""
    loss = source.at(found.start, found.end)
    for related in found.related:
        node = source.at(related.start, related.end) if related.path == found.path else None
        inner = operand(node, 0, "argmax") if isinstance(node, ast.Call) else None
        if node is None or inner is None:
            continue
        text = source.text(inner)
        target = argument(loss, 1, "target") if isinstance(loss, ast.Call) else None
        if isinstance(loss, ast.Call) and isinstance(loss.func, ast.Attribute) and target is not None:
            name = f"{source.text(loss.func.value)}.cross_entropy"
            classes = source.text(target).removesuffix(".float()")
            yield Fix("Use `cross_entropy` on the logits", (source.replace(loss, f"{name}({text}, {classes})"),))
        whole = argument(loss, 0, "input") if isinstance(loss, ast.Call) else None
        if whole is not None:
            yield Fix(f"Give the loss `{text}`", (source.replace(whole, text),))
        outer = _outermost_of(source, node)
        yield Fix(f"Give the loss `{text}`", (source.replace(outer, text),))


def _outermost_of(source: Source, node: ast.expr) -> ast.expr:
    """`x.argmax(1).float()` around `x.argmax(1)`."""
    around = source.parents.get(node)
    if isinstance(around, ast.Attribute) and isinstance(source.parents.get(around), ast.Call):
        call = source.parents[around]
        assert isinstance(call, ast.expr)
        return _outermost_of(source, call)
    return node


def _module_list(found: Diagnostic, source: Source, evidence: Evidence) -> Iterator[Fix]:
    value = _assigned(found, source)
    if value is not None:
        kind = "ModuleDict" if isinstance(value, (ast.Dict, ast.DictComp)) else "ModuleList"
        inner = (
            "" if isinstance(value, (ast.List, ast.Dict)) and source.text(value) in ("[]", "{}") else source.text(value)
        )
        name = f"{_prefix(source)}{kind}"
        yield Fix(f"Register them with `{name}`", (source.replace(value, f"{name}({inner})"),))


def _register(found: Diagnostic, source: Source, evidence: Evidence) -> Iterator[Fix]:
    value = _assigned(found, source)
    target = source.at(found.start, found.end)
    if value is None or not isinstance(target, ast.Attribute):
        return
    if "requires_grad=True" in source.text(value):
        inner = source.text(value).replace(", requires_grad=True", "")
        yield Fix("Make it a parameter", (source.replace(value, f"{_prefix(source)}Parameter({inner})"),))
    statement = source.document.range_of(source.statement(target))
    text = f'self.register_buffer("{target.attr}", {source.text(value)})'
    edit = source.replace(target, text)
    yield Fix("Register it as a buffer", (type(edit)(edit.path, statement.start, statement.end, text),))


def _assigned(found: Diagnostic, source: Source) -> ast.expr | None:
    target = source.at(found.start, found.end)
    statement = source.statement(target) if target is not None else None
    return statement.value if isinstance(statement, (ast.Assign, ast.AnnAssign)) else None


def _delete(found: Diagnostic, source: Source, evidence: Evidence) -> Iterator[Fix]:
    target = source.at(found.start, found.end)
    if target is not None:
        yield Fix(f"Remove `{source.text(target)}`", (source.delete(source.statement(target)),))


def _zero_grad(found: Diagnostic, source: Source, evidence: Evidence) -> Iterator[Fix]:
    node = source.at(found.start, found.end)
    step = source.at(found.related[0].start, found.related[0].end) if found.related else None
    if node is not None and isinstance(step, ast.Call) and isinstance(step.func, ast.Attribute):
        text = f"{source.text(step.func.value)}.zero_grad()"
        yield Fix(f"Insert `{text}`", (source.insert_line(source.statement(node), text),))


def _item(found: Diagnostic, source: Source, evidence: Evidence) -> Iterator[Fix]:
    value = source.at(found.start, found.end)
    if isinstance(value, ast.Name):
        yield Fix("Add the number: `.item()`", (source.append(value, ".item()"),))
    elif isinstance(value, ast.BinOp):
        for side in (value.left, value.right):
            if isinstance(side, ast.Name):
                yield Fix("Add the number: `.item()`", (source.append(side, ".item()"),))


def _function_at(found: Diagnostic, source: Source) -> ast.FunctionDef | None:
    return next(
        (
            node
            for node in ast.walk(source.document.tree)
            if isinstance(node, ast.FunctionDef) and source.document.name_range(node).start == found.start
        ),
        None,
    )


def _eval(found: Diagnostic, source: Source, evidence: Evidence) -> Iterator[Fix]:
    function = _function_at(found, source)
    model = found.message.partition("evaluates `")[2].partition("`")[0]
    if function is not None and model:
        first = function.body[1] if ast.get_docstring(function) and len(function.body) > 1 else function.body[0]
        yield Fix(f"Insert `{model}.eval()`", (source.insert_line(first, f"{model}.eval()"),))


def _no_grad(found: Diagnostic, source: Source, evidence: Evidence) -> Iterator[Fix]:
    function = _function_at(found, source)
    if function is not None:
        yield Fix("Insert `@torch.no_grad()`", (source.insert_line(function, "@torch.no_grad()"),))


def _not_in_place(found: Diagnostic, source: Source, evidence: Evidence) -> Iterator[Fix]:
    """The same operation, its result in a tensor of its own."""
    node = source.at(found.start, found.end)
    if isinstance(node, ast.Call):
        given = argument(node, 1, "inplace")
        if given is not None and ast.unparse(given) == "True":
            yield Fix("Do not write in place", (source.replace(given, "False"),))
        func = node.func
        if isinstance(func, ast.Attribute) and func.attr.endswith("_"):
            text = source.text(node)
            start = len(source.text(func)) - 1
            plain = text[:start] + text[start + 1 :]
            if isinstance(source.parents.get(node), ast.Expr):
                plain = f"{source.text(func.value)} = {plain}"
            yield Fix(f"Use `{func.attr[:-1]}`", (source.replace(node, plain),))
    for statement in ast.walk(source.document.tree):
        if isinstance(statement, ast.AugAssign) and source.document.range_of(statement).start == found.start:
            place = source.document.range_of(statement)
            sign = source.document.lines[place.start.line - 1][
                source.document.range_of(statement.target).end.column : source.document.range_of(
                    statement.value
                ).start.column
            ].strip()[:-1]
            target = source.text(statement.target)
            edit = source.replace(statement.target, f"{target} = {target} {sign} {source.text(statement.value)}")
            yield Fix("Do not write in place", (type(edit)(edit.path, place.start, place.end, edit.text),))


def _cut(found: Diagnostic, source: Source, evidence: Evidence) -> Iterator[Fix]:
    node = source.at(found.start, found.end)
    inner = operand(node, 0, "detach") if isinstance(node, ast.Call) and "detach" in source.text(node) else None
    if node is not None and inner is not None:
        yield Fix("Remove `.detach()`", (source.replace(node, source.text(inner)),))


def _drop_last(found: Diagnostic, source: Source, evidence: Evidence) -> Iterator[Fix]:
    for node in ast.walk(source.document.tree):
        if isinstance(node, ast.Call) and ast.unparse(node.func).endswith("DataLoader"):
            yield Fix(
                "Leave the last batch out: `drop_last=True`",
                (source.replace(node, f"{source.text(node)[:-1]}, drop_last=True)"),),
            )


def _one_dtype(found: Diagnostic, source: Source, evidence: Evidence) -> Iterator[Fix]:
    for related in found.related:
        other = evidence.source(related.path)
        node = other.at(related.start, related.end) if other is not None else None
        if other is None or not isinstance(node, ast.Call):
            continue
        dtype = argument(node, 99, "dtype")
        if dtype is not None:
            yield Fix("Make it of float32", (other.replace(dtype, "torch.float32"),))
        yield Fix("Make it of float32: `.float()`", (other.append(node, ".float()"),))


def _fold(found: Diagnostic, source: Source, evidence: Evidence) -> Iterator[Fix]:
    node = source.at(found.start, found.end)
    for operation in evidence.flow.operations:
        if (operation.path, operation.start, operation.end) == (found.path, found.start, found.end):
            dims = evidence.flow.dims(operation.inputs[0])
            if isinstance(node, ast.Call) and dims is not None:
                yield from flatten_fixes(source, node, dims, operation.outputs[0].id, evidence)


def _keep_batch(found: Diagnostic, source: Source, evidence: Evidence) -> Iterator[Fix]:
    node = source.at(found.start, found.end)
    if not isinstance(node, ast.Call):
        return
    method = isinstance(node.func, ast.Attribute) and ast.unparse(node.func.value) != "torch"
    given = argument(node, 0 if method else 1, "dim", "axis")
    for dim in (1, 2):
        if given is not None:
            yield Fix(f"Reduce dimension {dim}", (source.replace(given, str(dim)),))


def _same_shape(found: Diagnostic, source: Source, evidence: Evidence) -> Iterator[Fix]:
    """(B, 1) with (B,): the one squeezed, or the other unsqueezed."""
    node = source.at(found.start, found.end)
    for suffix in (".squeeze(1)", ".squeeze(-1)", ".unsqueeze(1)"):
        for index in (0, 1):
            given = operand(node, index, "") if node is not None else None
            if given is not None:
                yield Fix(f"Insert `{suffix}`", (source.append(given, suffix),))


def _prefix(source: Source) -> str:
    """`nn.`, as the file calls torch's modules."""
    text = source.document.text
    return "nn." if "from torch import nn" in text or "import torch.nn as nn" in text else "torch.nn."


_MAKERS: dict[str, Maker] = {
    "softmax-before-loss": _remove_activation,
    "sigmoid-before-loss": _remove_activation,
    "logits-without-sigmoid": _with_logits,
    "argmax-in-loss": _without_choice,
    "plain-list": _module_list,
    "unregistered-tensor": _register,
    "unused-module": _delete,
    "unused-parameter": _delete,
    "missing-zero-grad": _zero_grad,
    "kept-graph": _item,
    "missing-eval": _eval,
    "missing-no-grad": _no_grad,
    "inplace-on-needed": _not_in_place,
    "no-gradient": _cut,
    "single-sample-batch": _drop_last,
    "dtype-mix": _one_dtype,
    "device-mix": device_fixes,
    "folded-batch": _fold,
    "lost-batch": _keep_batch,
    "broadcast-batch": _same_shape,
    "broadcast-loss": _same_shape,
}
