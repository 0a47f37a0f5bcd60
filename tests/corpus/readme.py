"""A library's own examples: the Python blocks of its README, run up to each call of a model."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from typing import Any

import torch
from torch import nn
from torch.utils import _pytree as pytree

from .cases import Arguments, Case, Group, making
from .packages import distribution

BLOCK = re.compile(r"```python\n(.*?)```", re.DOTALL)
LENGTH = re.compile(r"^    ", re.MULTILINE)


def readme_groups(name: str) -> Iterator[Group]:
    """One group for each block of a library's README."""
    text = distribution(name).read_text("METADATA") or ""
    for number, block in enumerate(BLOCK.findall(text)):
        yield Group(f"readme-{number:02}", lambda block=block: _cases(block))  # type: ignore[misc]


def _cases(block: str) -> Iterator[Case]:
    """A case for each call of a model, by the model's name in the block."""
    namespace: dict[str, Any] = {}
    try:
        statements = list(_flatten(ast.parse(block).body))
    except SyntaxError:
        return  # an outline, with dots for what is left out
    for statement in statements:
        for call in _calls(statement, namespace):
            yield from _case_of(call, namespace)
        with making():
            try:
                exec(compile(ast.Module([statement], []), "<readme>", "exec"), namespace)
            except Exception:  # a training step, a file that is not there: not what is looked for
                continue


def _flatten(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    """The statements, those of loops once."""
    for statement in body:
        if isinstance(statement, (ast.For, ast.With)):
            yield from _flatten(statement.body)
        elif not _takes_hours(statement):
            yield statement


def _takes_hours(statement: ast.stmt) -> bool:
    """`trainer.train()`, `diffusion.sample()`."""
    calls = [node.func for node in ast.walk(statement) if isinstance(node, ast.Call)]
    return any(isinstance(func, ast.Attribute) and func.attr in ("train", "sample", "generate") for func in calls)


def _calls(statement: ast.stmt, namespace: dict[str, Any]) -> Iterator[ast.Call]:
    if isinstance(statement, (ast.FunctionDef, ast.ClassDef)):
        return
    for node in ast.walk(statement):
        named = isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
        if named and isinstance(namespace.get(node.func.id), nn.Module):
            yield node


def _case_of(call: ast.Call, namespace: dict[str, Any]) -> Iterator[Case]:
    assert isinstance(call.func, ast.Name)
    model = namespace[call.func.id]
    with making():
        try:
            args = [_evaluate(each, namespace) for each in call.args]
            kwargs = {each.arg or "": _evaluate(each.value, namespace) for each in call.keywords}
        except Exception:
            return  # made by a call that could not be run here: the model that made it has its own case
    tensors = [leaf for leaf in pytree.tree_leaves((args, kwargs)) if isinstance(leaf, torch.Tensor)]
    if not tensors:
        return
    batch = tensors[0].shape[0] if tensors[0].dim() else None
    nested = any(isinstance(each, (list, dict)) for each in (*args, *kwargs.values()))

    def arguments(_: nn.Module, binding: dict[str, int]) -> Arguments:
        def resized(leaf: Any) -> Any:
            if not isinstance(leaf, torch.Tensor):
                return leaf
            shape = tuple(leaf.shape)
            if "B" in binding and shape and shape[0] == batch:
                shape = (binding["B"], *shape[1:])
            return torch.ones(shape, dtype=leaf.dtype)

        resized_args, resized_kwargs = pytree.tree_map(resized, (tuple(args), kwargs))
        return resized_args, resized_kwargs

    name = f"{type(model).__name__} ({call.func.id})"
    yield Case(name, lambda: model, arguments, {} if nested or batch is None else {"B": 7})


def _evaluate(node: ast.expr, namespace: dict[str, Any]) -> Any:
    return eval(compile(ast.Expression(node), "<readme>", "eval"), namespace)
