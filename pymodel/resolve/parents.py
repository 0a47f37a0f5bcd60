"""A block known through the model that holds it: built as a part of it, fed what it is fed there."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from typing import Any

from torch import nn

from ..discover.document import Document
from ..discover.models import find_models
from ..discover.pins import ContainerSpec, LiteralSpec, Spec, TensorSpec
from ..schema import Dim, ModelSite, Source
from .inputs import Inputs, ResolvedInput, SymbolGuess, forward_parameters
from .judge import make_arguments
from .reads import Reads
from .specs import spec_of
from .trial import Engine

STEP = 4
"""What is added to a symbol's size to see which dims follow it."""
MAX_SIBLINGS = 2
Call = tuple[tuple[Any, ...], dict[str, Any]]


def find_parents(document: Document, name: str) -> list[str]:
    """Classes of a text whose own code names the block, those that call it first."""
    found: dict[str, bool] = {}
    for cls in document.tree.body:
        if isinstance(cls, ast.ClassDef) and cls.name != name:
            nodes = [node for each in cls.body if not isinstance(each, ast.ClassDef) for node in ast.walk(each)]
            if any(isinstance(node, ast.Name) and node.id == name for node in nodes):
                found[cls.name] = any(
                    isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == name
                    for node in nodes
                )
    return sorted(found, key=lambda each: not found[each])


def find_siblings(document: Document, name: str, slot: str, reads: Reads) -> list[ModelSite]:
    """Other classes of a text that have what is read of a model that is handed over: first those that are called as the
    argument is, then the largest."""
    wanted = {path[0][1] for path in reads.required if path[0][0] == "attribute" and not hasattr(nn.Module, path[0][1])}
    holders = {name, *find_parents(document, name)}
    found: list[tuple[bool, int, ModelSite]] = []
    for site in find_models(document):
        if site.kind == "class" and site.name not in holders:
            cls = next(each for each in document.tree.body if isinstance(each, ast.ClassDef) and each.name == site.name)
            own = {node.attr for node in ast.walk(cls) if isinstance(node, ast.Attribute)}
            own |= {node.name for node in cls.body if isinstance(node, ast.FunctionDef)}
            if wanted <= own:
                found.append((slot.lower() not in site.name.lower(), -len(own), site))
    return [site for *_, site in sorted(found, key=lambda each: each[:2])][:MAX_SIBLINGS]


def submodule_expression(expression: str, path: str) -> str:
    """`Net().get_submodule('blocks.0')`, also below what is a submodule already."""
    head, separator, tail = expression.rpartition(".get_submodule('")
    if separator and tail.endswith("')"):
        return f"{head}.get_submodule('{tail[:-2]}.{path}')"
    return f"{expression}.get_submodule('{path}')"


def children_inputs(
    parent: nn.Module,
    cls: type[nn.Module],
    inputs: Inputs,
    symbols: Mapping[str, SymbolGuess],
    namespace: Mapping[str, Any],
    engine: Engine,
    source: Source,
) -> Iterator[tuple[str, Inputs]]:
    """The paths at which a parent holds blocks of a class, with what it feeds them, in the order in which it calls
    them."""
    base = {name: 3 if guess.meaning == "batch" else guess.base for name, guess in symbols.items()}
    bindings = [base, *({**base, name: size + STEP} for name, size in base.items())]
    runs = [_watch(parent, cls, make_arguments(inputs, binding, namespace), engine) for binding in bindings]
    kept = [(run, binding) for run, binding in zip(runs, bindings, strict=True) if set(run) >= set(runs[0])]
    for path in runs[0]:
        calls = [run[path] for run, _ in kept]
        found = _merge(parent.get_submodule(path), calls, [binding for _, binding in kept], namespace, source)
        if found is not None:
            yield path, found


def _watch(parent: nn.Module, cls: type[nn.Module], arguments: Call, engine: Engine) -> dict[str, Call]:
    """What each block of a class was first called on in one run."""
    calls: dict[str, Call] = {}
    paths = {id(module): path for path, module in parent.named_modules() if type(module) is cls}

    def note(module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        calls.setdefault(paths[id(module)], (args, kwargs))

    hooks = [
        module.register_forward_pre_hook(note, with_kwargs=True) for module in parent.modules() if id(module) in paths
    ]
    try:
        engine.attempt(parent, *arguments)
    finally:
        for hook in hooks:
            hook.remove()
    return calls


def _merge(
    block: nn.Module, calls: list[Call], bindings: list[dict[str, int]], namespace: Mapping[str, Any], source: Source
) -> Inputs | None:
    """Inputs whose dims follow the parent's symbols; None if one of them cannot be written down."""
    parameters = forward_parameters(block)
    positional = [each.name for each in parameters if each.kind is not each.KEYWORD_ONLY]
    optional = {each.name for each in parameters if each.default is not each.empty}
    inputs = []
    for number, _ in enumerate(calls[0][0]):
        spec = _merge_values([call[0][number] for call in calls], bindings, namespace)
        name = positional[min(number, len(positional) - 1)] if positional else "input"
        if spec is None:
            return None
        inputs.append(ResolvedInput(name, "position", spec, source))
    for name in calls[0][1]:
        spec = _merge_values([call[1].get(name) for call in calls], bindings, namespace)
        if spec is not None:
            inputs.append(ResolvedInput(name, "keyword", spec, source))
        elif name not in optional:
            return None
    return tuple(inputs)


def _merge_values(values: list[Any], bindings: list[dict[str, int]], namespace: Mapping[str, Any]) -> Spec | None:
    specs = [spec_of(value, namespace) for value in values]
    known = [spec for spec in specs if spec is not None]
    return _merge_specs(known, bindings) if len(known) == len(specs) else None


def _merge_specs(specs: list[Spec], bindings: list[dict[str, int]]) -> Spec | None:
    first = specs[0]
    if isinstance(first, TensorSpec):
        shapes = [spec.dims for spec in specs if isinstance(spec, TensorSpec) and len(spec.dims) == len(first.dims)]
        if len(shapes) < len(specs):
            return None
        return TensorSpec(
            tuple(_follow([int(shape[at]) for shape in shapes], bindings) for at in range(len(first.dims))), first.dtype
        )
    if isinstance(first, ContainerSpec):
        lists = [spec.items for spec in specs if isinstance(spec, ContainerSpec) and spec.keys == first.keys]
        if len(lists) < len(specs) or len({len(each) for each in lists}) > 1:
            return None
        items = [_merge_specs(list(each), bindings) for each in zip(*lists, strict=True)]
        known = [item for item in items if item is not None]
        return ContainerSpec(first.kind, tuple(known), first.keys) if len(known) == len(items) else None
    if all(spec == first for spec in specs):
        return first
    numbers = [ast.literal_eval(spec.expression) for spec in specs if isinstance(spec, LiteralSpec)]
    if len(numbers) == len(specs) and all(type(number) is int for number in numbers):
        return LiteralSpec(str(_follow(numbers, bindings)))
    return first


def _follow(sizes: list[int], bindings: list[dict[str, int]]) -> Dim:
    """A dim as an expression over the symbols it moved with, the number it was if there is none that fits."""
    base = bindings[0]
    moving = [
        name
        for size, binding in zip(sizes[1:], bindings[1:], strict=True)
        for name in base
        if size != sizes[0] and binding[name] != base[name]
    ]
    if not moving:
        return sizes[0]
    if len(moving) == 1:
        (name,) = moving
        moved = next(s for s, b in zip(sizes, bindings, strict=True) if b[name] != base[name])
        slope, rest = divmod(moved - sizes[0], STEP)
        offset = sizes[0] - slope * base[name]
        term = name if slope == 1 else f"{slope}*{name}"
        expression = term if offset == 0 else f"{term}+{offset}" if offset > 0 else f"{term}-{-offset}"
        return expression if rest == 0 else sizes[0]
    product = "*".join(moving)
    factor, rest = divmod(sizes[0], eval(product, {}, dict(base)))
    expression = product if factor == 1 else f"{factor}*{product}"
    fits = rest == 0 and all(
        eval(expression, {}, dict(binding)) == size for size, binding in zip(sizes, bindings, strict=True)
    )
    return expression if fits else sizes[0]
