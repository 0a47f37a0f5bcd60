"""Which layer first takes an argument of `forward`, also by way of other methods, loops and children."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import Any

from torch import nn

from .reading import Function, read_function

LAYERS = (
    *(nn.Embedding, nn.EmbeddingBag, nn.Linear, nn.Bilinear, nn.LayerNorm, nn.MultiheadAttention),
    *(nn.Conv1d, nn.Conv2d, nn.Conv3d, nn.ConvTranspose1d, nn.ConvTranspose2d, nn.ConvTranspose3d),
    *(nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d, nn.RNNBase, nn.RNNCellBase, nn.GroupNorm),
)
PASSING = (nn.Identity, nn.Dropout, nn.ReLU, nn.GELU, nn.SiLU, nn.Tanh, nn.Sigmoid, nn.LeakyReLU, nn.Flatten)
MAX_DEPTH = 5


def find_consumer(model: nn.Module, parameter: str) -> nn.Module | None:
    """The submodule that is first called on an argument of `forward`, or on an expression such as `batch['image']`."""
    return _first_call(model, read_function(type(model).forward), parameter, 0)


def find_layer(model: nn.Module, parameter: str, depth: int = 0) -> nn.Module | None:
    """The torch layer that first takes an argument, followed into the submodules it is handed to."""
    consumer = _first_call(model, read_function(type(model).forward), parameter, 0)
    return None if consumer is None else first_layer(consumer, depth)


def first_layer(module: nn.Module, depth: int = 0) -> nn.Module | None:
    """The torch layer that a module's first input reaches."""
    if isinstance(module, LAYERS):
        return module
    if isinstance(module, (nn.Sequential, nn.ModuleList)):
        inner = (first_layer(child, depth) for child in module if not isinstance(child, PASSING))
        return next((layer for layer in inner if layer is not None), None)
    function = read_function(type(module).forward)
    if function is not None and depth < MAX_DEPTH:
        names = [argument.arg for argument in function.args.args][1:2]
        found = find_layer(module, names[0], depth + 1) if names else None
        if found is not None:
            return found
    return next((each for each in module.modules() if isinstance(each, LAYERS)), None)


def find_recurrence(model: nn.Module, parameter: str) -> tuple[nn.RNNBase | nn.RNNCellBase, bool] | None:
    """The recurrent layer whose state an argument is, and whether it is one part of two: `self.lstm(x, (h, c))`."""
    function = read_function(type(model).forward)
    for node in ast.walk(function) if function is not None else ():
        if isinstance(node, ast.Call) and len(node.args) > 1:
            given, layer = node.args[1], _called(model, ast.unparse(node.func), {})
            parts = given.elts if isinstance(given, ast.Tuple) else []
            names = [each.id for each in (given, *parts) if isinstance(each, ast.Name)]
            if isinstance(layer, (nn.RNNBase, nn.RNNCellBase)) and parameter in names:
                return layer, bool(parts)
    return None


def _first_call(model: nn.Module, function: Function | None, parameter: str, depth: int) -> nn.Module | None:
    carriers = {parameter}
    loops: dict[str, str] = {}
    for node in _in_order(function) if function else ():
        if isinstance(node, (ast.For, ast.AsyncFor)):
            loops.update(_looped(node))
        elif isinstance(node, ast.Assign) and _carries(node.value, carriers):
            carriers |= {each.id for target in node.targets for each in ast.walk(target) if isinstance(each, ast.Name)}
        elif isinstance(node, ast.Call):
            places = [place for place, argument in enumerate(node.args) if _carries(argument, carriers)]
            named = [keyword.arg for keyword in node.keywords if keyword.arg and _carries(keyword.value, carriers)]
            if places or named:
                found = _called(model, ast.unparse(node.func), loops)
                if isinstance(found, nn.Module):
                    return found
                inner = read_function(found) if callable(found) and depth < MAX_DEPTH else None
                if inner is not None:
                    names = [argument.arg for argument in inner.args.args][1:]
                    name = names[places[0]] if places and places[0] < len(names) else next(iter(named), None)
                    taken = _first_call(model, inner, name, depth + 1) if name else None
                    if taken is not None:
                        return taken
    return None


def _in_order(function: Function) -> Iterator[ast.AST]:
    """Nodes in the order in which they run: operands before what is done to them."""

    def visit(node: ast.AST) -> Iterator[ast.AST]:
        if isinstance(node, (ast.For, ast.AsyncFor)):
            yield node
        for child in ast.iter_child_nodes(node):
            yield from visit(child)
        if isinstance(node, (ast.Call, ast.Assign)):
            yield node

    for statement in function.body:
        yield from visit(statement)


def _looped(node: ast.For | ast.AsyncFor) -> Iterator[tuple[str, str]]:
    """`layer` → `self.layers[0]` in `for layer in self.layers`, `enumerate` and `zip` seen through."""
    sources = [node.iter]
    targets = [node.target]
    if isinstance(node.iter, ast.Call) and isinstance(node.target, ast.Tuple):
        name = ast.unparse(node.iter.func)
        if name == "enumerate" and node.iter.args:
            sources, targets = [node.iter.args[0]], [node.target.elts[-1]]
        elif name == "zip":
            sources, targets = node.iter.args, node.target.elts
    for source, target in zip(sources, targets, strict=False):
        if isinstance(target, ast.Name) and ast.unparse(source).startswith("self."):
            yield target.id, f"{ast.unparse(source)}[0]"
        elif isinstance(target, ast.Tuple) and ast.unparse(source).startswith("self."):
            yield from (
                (e.id, f"{ast.unparse(source)}[0][{n}]") for n, e in enumerate(target.elts) if isinstance(e, ast.Name)
            )


def _called(model: nn.Module, text: str, loops: dict[str, str]) -> Any:
    """What `self.blocks[0]`, `self.embed` or a loop's variable names on a model: a submodule or a method."""
    text = loops.get(text, text)
    if not text.startswith("self."):
        return None
    path = text.removeprefix("self.").replace("][", "].[").replace("[", ".[").split(".")
    value: Any = model
    for part in filter(None, path):
        try:
            if part.startswith("["):
                key = ast.literal_eval(part.strip("[]"))
                value = value[key]
            else:
                value = getattr(value if part != path[0] else model, part)
        except Exception:  # a property of the code under analysis may raise anything
            return None
    if isinstance(value, nn.Module):
        return value
    return getattr(type(model), path[0], None) if len(path) == 1 else None


def _carries(node: ast.AST, carriers: set[str]) -> bool:
    """Whether an expression is made from what is followed; its shape alone does not count."""
    waiting = [node]
    while waiting:
        each = waiting.pop()
        if isinstance(each, (ast.Name, ast.Attribute, ast.Subscript)) and ast.unparse(each) in carriers:
            return True
        if isinstance(each, ast.Attribute) and each.attr in ("shape", "device", "dtype", "size"):
            continue
        waiting += ast.iter_child_nodes(each)
    return False
