"""Finds the models that a file defines: classes, factories, and variables that hold one."""

from __future__ import annotations

import ast
from collections.abc import Collection

from ..schema import ModelSite
from .document import Document

MODULE_BASES = frozenset(
    (
        *("Module", "Sequential", "ModuleList", "LightningModule", "PreTrainedModel", "GenerationMixin"),
        *("Transformer", "TransformerEncoder", "TransformerEncoderLayer", "TransformerDecoderLayer"),
        *("LSTM", "GRU", "RNN", "Linear", "Conv1d", "Conv2d", "Conv3d", "MessagePassing"),
    )
)
"""Classes outside the file whose children are models; `Module` and anything that ends in it count as well."""
WITHOUT_FORWARD = frozenset(("Module", "ModuleList", "LightningModule", "PreTrainedModel", "GenerationMixin"))
"""Those of them that leave `forward` to the class."""
HELPERS = ("Loss", "Criterion", "Metric", "Callback", "Dataset", "Sampler", "Optimizer", "Scheduler")
"""What such a name ends with is used beside a model and is none."""
NOT_MODULES = frozenset(("Function", "object", "ABC", "Protocol", "Generic", "Dataset", "Enum", "NamedTuple", ""))
MODEL_MAKERS = frozenset(("create_model", "from_config", "from_pretrained"))


def find_models(document: Document, asked: Collection[str] = ()) -> tuple[ModelSite, ...]:
    """Models in the order of the text. A class counts if it derives from a module, also by way of other classes. What
    is `asked` for by its name is taken at its word: where it comes from is not in the text (`return Net()` of a class
    that is imported)."""
    classes = {node.name: node for node in document.tree.body if isinstance(node, ast.ClassDef)}
    modules = find_module_classes(document)
    models = {name for name in modules if _has_forward(name, classes, set()) and not name.endswith(HELPERS)}
    sites = []
    for node in document.tree.body:
        if isinstance(node, ast.ClassDef) and (node.name in models or (node.name in asked and node.bases)):
            bases = tuple(ast.unparse(base) for base in node.bases)
            sites.append(_site(document, node, node.name, "class", bases))
        elif isinstance(node, ast.FunctionDef) and (node.name in asked or _makes_model(node, models)):
            sites.append(_site(document, node, node.name, "factory", ()))
        elif isinstance(node, ast.Assign) and len(node.targets) == 1:
            target = node.targets[0]
            if isinstance(target, ast.Name) and (target.id in asked or _is_construction(node.value, models)):
                sites.append(_site(document, node, target.id, "variable", ()))
    return tuple(sites)


def find_module_classes(document: Document) -> frozenset[str]:
    """The classes of a file that derive from a module, with a `forward` or without."""
    classes = {node.name: node for node in document.tree.body if isinstance(node, ast.ClassDef)}
    return frozenset(name for name in classes if _is_module(name, classes, set()))


def _is_module(name: str, classes: dict[str, ast.ClassDef], seen: set[str]) -> bool:
    if name in seen:
        return False
    for base in classes[name].bases:
        last = last_name(base)
        if last in classes and not isinstance(base, ast.Attribute):  # `torch.distributions.Categorical` is another one
            if _is_module(last, classes, seen | {name}):
                return True
        elif _names_module(last) or (last not in NOT_MODULES and _looks_like_module(classes[name])):
            return True
    return False


def _names_module(name: str) -> bool:
    return name in MODULE_BASES or name.endswith(("Module", "PreTrainedModel"))


def _looks_like_module(node: ast.ClassDef) -> bool:
    """A class with a base from elsewhere that sets layers up in `__init__` and has a `forward` of its own."""
    methods = {each.name: each for each in node.body if isinstance(each, ast.FunctionDef)}
    forward = methods.get("forward")
    if forward is None or forward.decorator_list or "__init__" not in methods:
        return False
    return any(isinstance(each, ast.Name) and each.id == "nn" for each in ast.walk(methods["__init__"]))


def _has_forward(name: str, classes: dict[str, ast.ClassDef], seen: set[str]) -> bool:
    """Whether a module defines or inherits `forward`, as far as the file tells."""
    if name in seen:
        return False
    if any(isinstance(each, ast.FunctionDef) and each.name == "forward" for each in classes[name].body):
        return True
    bases = [(last_name(base), isinstance(base, ast.Attribute)) for base in classes[name].bases]
    return any(
        _has_forward(last, classes, seen | {name})
        if last in classes and not is_foreign
        else last not in WITHOUT_FORWARD
        for last, is_foreign in bases
    )


def _makes_model(node: ast.FunctionDef, models: set[str]) -> bool:
    """A function that plainly returns a model: one of the file's own classes where it needs arguments, as a function
    that puts layers together for a class is none."""
    arguments = node.args
    required = len(arguments.posonlyargs) + len(arguments.args) - len(arguments.defaults)
    needs_arguments = required > 0 or any(default is None for default in arguments.kw_defaults)
    if node.returns is not None and (last_name(node.returns) in models or last_name(node.returns) == "Module"):
        return True
    made = {
        target.id
        for each in ast.walk(node)
        if isinstance(each, ast.Assign) and isinstance(each.value, ast.Call) and _is_construction(each.value, models)
        if not needs_arguments or last_name(each.value.func) in models
        for target in each.targets
        if isinstance(target, ast.Name)
    }
    returned = [each.value for each in ast.walk(node) if isinstance(each, ast.Return) and each.value is not None]
    return any(
        (last_name(value.func) in models if needs_arguments else _is_construction(value, models))
        if isinstance(value, ast.Call)
        else isinstance(value, ast.Name) and value.id in made
        for value in returned
    )


def _is_construction(node: ast.expr, models: set[str]) -> bool:
    if not isinstance(node, ast.Call):
        return False
    name = last_name(node.func)
    if name in models or name in MODEL_MAKERS:
        return True
    return name == "Sequential" and ast.unparse(node.func) in ("nn.Sequential", "torch.nn.Sequential", "Sequential")


def last_name(node: ast.expr) -> str:
    """The last part of a dotted name, subscripts left out; empty for what is not a name."""
    if isinstance(node, ast.Attribute):
        return node.attr
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Subscript):
        return last_name(node.value)
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value.rpartition(".")[2]
    return ""


def _site(
    document: Document,
    node: ast.ClassDef | ast.FunctionDef | ast.Assign,
    name: str,
    kind: str,
    bases: tuple[str, ...],
) -> ModelSite:
    named = document.range_of(node.targets[0]) if isinstance(node, ast.Assign) else document.name_range(node)
    return ModelSite(
        target=f"{document.path}::{name}",
        name=name,
        line=node.lineno,
        kind=kind,  # type: ignore[arg-type]
        bases=bases,
        name_range=named,
        range=document.range_of(node),
    )
