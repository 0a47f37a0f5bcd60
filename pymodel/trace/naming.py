"""What the sizes that vary are called: as the user's own code calls them, else as the field does."""

from __future__ import annotations

import ast
import keyword
import re
from collections.abc import Iterator, Mapping, Sequence
from types import CodeType

from torch import nn

from ..resolve.sizes import Size
from .instrument import Site
from .probes import Name, Probes
from .ranges import Variable
from .recorder import IntSeen, Seen, TensorSeen
from .run import Run

MAX_LENGTH = 16
TAKEN = re.compile(r"u\d+|max|min")
"""Names that mean something else where a dimension stands."""
IMAGES: dict[int, tuple[tuple[str, str], ...]] = {
    4: (("B", "batch"), ("C", "size"), ("H", "height"), ("W", "width")),
    5: (("B", "batch"), ("C", "size"), ("D", "depth"), ("H", "height"), ("W", "width")),
}
SHAPE = re.compile(r"\.shape\b|\.size\(|^len\(")
"""What gives the sizes that a name is then given: `B, T, C = x.shape`, `n = x.size(0)`."""
LENGTHS = ("T", "S", "L")
Occurrence = tuple[int, int]
"""A site, and the how manieth time it ran."""


def name_variables(probes: Probes, sizes: Sequence[Size], sites: Sequence[Site], model: nn.Module) -> dict[str, Name]:
    """A name for each variable of `probes`, no two alike. What the root's `forward` calls a size comes first, then
    what other code does, in the order executed."""
    own = _names_in_code(probes, sites, model)
    details = {size.name: size for size in sizes}
    names: dict[str, Name] = {}
    # A name that the code gives is not taken away by one that is only usual.
    ordered = sorted(probes.variables, key=lambda variable: not own.get(variable.name))
    for variable in ordered:
        if variable.name in probes.base.unknown:
            names[variable.name] = Name(variable.name, "unknown")
            continue
        usual = list(_usual_names(variable, [details[name] for name in variable.names if name in details]))
        meaning = usual[0].meaning if variable.meaning == "size" else variable.meaning
        taken = {name.text for name in names.values()}
        candidates = [*own.get(variable.name, ()), *(name.text for name in usual)]
        text = next((each for each in candidates if _is_usable(each) and each not in taken), None)
        if text is None:
            text = next(each for n in range(2, 99) if (each := f"{usual[0].text}{n}") not in taken)
        names[variable.name] = Name(text, meaning)
    return names


def _is_usable(name: str) -> bool:
    legal = name.isidentifier() and not keyword.iskeyword(name) and not TAKEN.fullmatch(name)
    return legal and len(name) <= MAX_LENGTH and not name.startswith("_")


def _usual_names(variable: Variable, sizes: Sequence[Size]) -> Iterator[Name]:
    if variable.meaning == "batch":
        yield from (Name(each, "batch") for each in (variable.name, "B", "N") if _is_usable(each))
        return
    for size in sizes:
        if size.symbol is not None:
            yield Name(size.symbol, variable.meaning)
    for size in sizes:
        if size.rank in IMAGES:
            yield Name(*IMAGES[size.rank][size.place])
        elif size.rank == 1:
            yield Name("N", "size")
        elif size.rank == 2 and size.dtype is not None and size.dtype.startswith(("float", "complex")):
            yield Name("D" if size.place else "N", "size")
    yield from (Name(each, "length") for each in LENGTHS)


# What the code calls them.


def _names_in_code(probes: Probes, sites: Sequence[Site], model: nn.Module) -> dict[str, list[str]]:
    """For each variable, the names that hold exactly its size in every run, the root's own first."""
    code = getattr(type(model).forward, "__code__", None)
    found: dict[str, list[tuple[bool, str]]] = {}
    seen = [_seen_by_site(run) for run in probes.runs]
    for occurrence, place, name in _named_numbers(probes.base, sites):
        numbers = _numbers_at(occurrence, place, seen)
        for variable in probes.variables:
            if _is_size_of(variable, numbers, probes):
                is_root = code is not None and _is_within(sites[occurrence[0]], code)
                found.setdefault(variable.name, []).append((not is_root, name))
    for operation, place, name in _module_patterns(probes.base, model):
        numbers = [
            (n, run.operations[operation].input_shapes[0][place])
            for n, run in enumerate(probes.runs)
            if len(run.operations) == len(probes.base.operations)
        ]
        for variable in probes.variables:
            if _is_size_of(variable, numbers, probes):
                found.setdefault(variable.name, []).append((True, name))
    return {each: [name for _, name in sorted(names, key=lambda one: one[0])] for each, names in found.items()}


def _is_size_of(variable: Variable, numbers: Sequence[tuple[int, int]], probes: Probes) -> bool:
    bindings = [probes.runs[run].binding for run, _ in numbers]
    moves = any(binding[variable.name] != variable.base for binding in bindings)
    return moves and all(
        binding[variable.name] == number for binding, (_, number) in zip(bindings, numbers, strict=True)
    )


def _named_numbers(base: Run, sites: Sequence[Site]) -> Iterator[tuple[Occurrence, int | None, str]]:
    """Each name that was given an int out of a shape, and each that an einops pattern gives to a dimension."""
    ran: dict[int, int] = {}
    is_shape, follows_name = False, False
    last_read: dict[str, tuple[Occurrence, Seen]] = {}
    for site, seen in base.events:
        occurrence = site, ran.get(site, 0)
        ran[site] = occurrence[1] + 1
        place = sites[site]
        if place.kind != "name":
            is_shape = bool(SHAPE.search(place.text)) or (is_shape and not follows_name)
        follows_name = place.kind == "name"
        if isinstance(seen, IntSeen) and follows_name and is_shape:
            yield occurrence, None, place.text
        elif isinstance(seen, TensorSeen):
            if place.kind == "operation" and "->" in place.text and occurrence[1] == 0:
                yield from _pattern_names(place.text, last_read)
            last_read[place.text] = occurrence, seen


def _pattern_names(
    text: str, last_read: Mapping[str, tuple[Occurrence, Seen]]
) -> Iterator[tuple[Occurrence, int | None, str]]:
    """`h` and `w` for `rearrange(x, 'b c h w -> b (h w) c')`, as dimensions of what `x` was."""
    try:
        call = ast.parse(text, mode="eval").body
    except (SyntaxError, ValueError):
        return
    if not isinstance(call, ast.Call) or not call.args:
        return
    source = last_read.get(ast.unparse(call.args[0]))
    patterns = [each.value for each in call.args[1:] if isinstance(each, ast.Constant) and isinstance(each.value, str)]
    if source is None or not patterns or not isinstance(source[1], TensorSeen):
        return
    for place, name in _axes(patterns[0], len(source[1].shape)):
        yield source[0], place, name


def _axes(pattern: str, rank: int) -> list[tuple[int, str]]:
    """The axes that the left of a pattern names, by place; none where the pattern has another number of them."""
    left = re.sub(r"\([^)]*\)", "()", pattern.partition("->")[0]).split()
    if len(left) != rank or "..." in left:
        return []
    return [(place, name) for place, name in enumerate(left) if name.isidentifier()]


def _module_patterns(base: Run, model: nn.Module) -> Iterator[tuple[int, int, str]]:
    """The like for layers that hold a pattern."""
    modules = dict(model.named_modules())
    for number, seen in enumerate(base.operations):
        pattern = getattr(modules.get(seen.module), "pattern", None) if seen.module is not None else None
        if isinstance(pattern, str) and "->" in pattern and seen.input_shapes:
            for place, name in _axes(pattern, len(seen.input_shapes[0])):
                yield number, place, name


def _seen_by_site(run: Run) -> dict[int, list[Seen]]:
    found: dict[int, list[Seen]] = {}
    for site, seen in run.events:
        found.setdefault(site, []).append(seen)
    return found


def _numbers_at(
    occurrence: Occurrence, place: int | None, runs: Sequence[Mapping[int, Sequence[Seen]]]
) -> list[tuple[int, int]]:
    """The number that each run has there, with the number of the run; a run that did not come there has none."""
    site, nth = occurrence
    numbers = []
    for number, run in enumerate(runs):
        for each in run.get(site, ())[nth : nth + 1]:
            if isinstance(each, IntSeen):
                numbers.append((number, each.value))
            elif isinstance(each, TensorSeen) and place is not None and place < len(each.shape):
                numbers.append((number, each.shape[place]))
    return numbers


def _is_within(site: Site, code: CodeType) -> bool:
    lines = [line for _, _, line in code.co_lines() if line is not None]
    return site.path == code.co_filename and min(lines) <= site.start.line <= max(lines)
