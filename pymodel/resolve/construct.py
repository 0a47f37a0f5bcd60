"""Ways to construct a model, best first: what its author wrote, then its configuration, then its defaults."""

from __future__ import annotations

import ast
import inspect
import re
from collections.abc import Iterator
from dataclasses import replace
from types import ModuleType
from typing import Any

from ..discover.callsites import ConstructorCall, find_constructor_calls
from ..discover.document import Document
from ..discover.neighbours import Neighbours
from ..discover.slicing import bound_names
from ..schema import Construction, ModelSite, Pin, Source
from .load import Loaded
from .reads import find_reads
from .usual_values import usual_number

REQUIRED_FLAG = re.compile(r"add_argument\(['\"]--([\w-]+)['\"](?!.*default=).*required=True")
WEIGHTS = re.compile(r"(?i)pretrained|weights|checkpoint")
"""Names of arguments that ask for trained weights, which an analysis never loads."""


def stated_constructions(
    site: ModelSite, loaded: Loaded, texts: list[Document], neighbours: Neighbours, pins: tuple[Pin, ...]
) -> Iterator[Construction]:
    """Constructions for which there is evidence, in the order in which they deserve belief."""
    path = loaded.document.path
    for pin in pins:
        if pin.construction:
            yield Construction(pin.construction, (), Source("pin", path, site.line))
    if site.kind == "variable":
        yield Construction(site.name, (), Source("attribute", path, site.line))
        return
    made = vars(loaded.module).get(site.name)
    calls = [call for text in texts for call in find_constructor_calls(text, site.name, path)]
    needed = required_arguments(made)
    if site.kind == "factory" and needed == []:
        yield Construction(f"{site.name}()", (), Source("default", path, site.line))
    for call in calls:
        yield _from_call(call)
    if needed == []:
        yield Construction(f"{site.name}()", (), Source("default", path, site.line))
    if callable(made) and needed:
        from .configs import configured_constructions

        yield from configured_constructions(site, made, needed, loaded, neighbours)


def required_arguments(made: Any) -> list[inspect.Parameter] | None:
    """The arguments that a class or factory cannot do without; None if there is no telling."""
    try:
        parameters = inspect.signature(made).parameters.values()
    except (TypeError, ValueError):
        return None
    kinds = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY, inspect.Parameter.POSITIONAL_ONLY)
    return [each for each in parameters if each.default is each.empty and each.kind in kinds]


def without_weights(candidate: Construction, made: Any, name: str) -> Iterator[Construction]:
    """The same construction with no trained weights asked for."""
    try:
        parameters = inspect.signature(made).parameters.values()
        call = ast.parse(candidate.expression, mode="eval").body
    except (TypeError, ValueError, SyntaxError):
        return
    asking = [each.name for each in parameters if WEIGHTS.search(each.name) and each.default is not each.empty]
    if not asking or not (isinstance(call, ast.Call) and ast.unparse(call.func) == name):
        return
    for value in (None, False):
        kept = [keyword for keyword in call.keywords if keyword.arg not in asking]
        off = [ast.keyword(each, ast.Constant(value)) for each in asking]
        text = ast.unparse(ast.fix_missing_locations(ast.Call(call.func, call.args, [*kept, *off])))
        yield Construction(text, candidate.prelude, candidate.source)


def completed_settings(candidate: Construction, error: BaseException) -> Iterator[Construction]:
    """The same construction, with a setting that its script only knows once it has read its data: `config.n_embed =
    len(vocabulary)`. The error says which; what it is worth is a guess."""
    if isinstance(error, AttributeError) and not isinstance(error.obj, (type, ModuleType)):
        attribute, place = str(error.name), f".{error.name}"
    elif isinstance(error, KeyError) and error.args and isinstance(error.args[0], str):
        attribute, place = error.args[0], f"[{error.args[0]!r}]"
    else:
        return
    try:
        call = ast.parse(candidate.expression, mode="eval").body
        bound = set().union(*(bound_names(each) for line in candidate.prelude for each in ast.parse(line).body))
    except SyntaxError:
        return
    names = {node.id for node in ast.walk(call) if isinstance(node, ast.Name)} & bound
    if len(names) == 1 and attribute.isidentifier():
        line = f"{names.pop()}{place} = {usual_number(attribute)}"
        if line not in candidate.prelude:
            source = replace(candidate.source, kind="search")
            yield Construction(candidate.expression, (*candidate.prelude, line), source)


def chosen_settings(candidate: Construction, made: Any) -> Iterator[Construction]:
    """The same construction, with the first choice that the class knows for each flag that has to be given."""
    call = ast.parse(candidate.expression, mode="eval").body
    parameters = list(inspect.signature(made).parameters) if callable(made) else []
    given = call.args if isinstance(call, ast.Call) else []
    flags = [name.replace("-", "_") for line in candidate.prelude for name in REQUIRED_FLAG.findall(line)]
    lines = [
        f"{argument.id}.{flag} = {words[(('attribute', flag),)]!r}"
        for parameter, argument in zip(parameters, given, strict=False)
        if flags and isinstance(argument, ast.Name)
        for words in [find_reads(made, parameter).words]
        for flag in flags
        if (("attribute", flag),) in words
    ]
    if lines:
        source = replace(candidate.source, kind="search")
        yield Construction(candidate.expression, (*candidate.prelude, *lines), source)


def _from_call(call: ConstructorCall) -> Construction:
    return Construction(call.expression, call.prelude, Source("call-site", call.path, call.line))
