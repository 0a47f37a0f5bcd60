"""Guesses at the arguments of `forward` where nothing states them: from the layer that takes an argument, from how the
code unpacks it, and from its name. Guesses only: whoever asks has to try them."""

from __future__ import annotations

import ast
import itertools
import re
from collections.abc import Iterator

from torch import nn

from ..discover.document import Document
from ..discover.pins import LiteralSpec, Spec, TensorSpec
from ..schema import Dim

SPATIAL_FIRST = (32, 28, 224, 64, 16, 12)
SPATIAL_SIZES = (*SPATIAL_FIRST, *(n for n in range(1, 257) if n not in SPATIAL_FIRST))
SIZE_ATTRIBUTES = ("image_size", "img_size", "input_resolution", "resolution", "input_size")
LENGTH_ATTRIBUTES = ("block_size", "context_length", "max_seq_len", "seq_len", "max_len", "max_length", "num_patches")
SIZE_CONSTANT = re.compile(r"(?i)^(image_?|img_?|input_?)?(size|resolution)$")
BATCH_NAMES = frozenset(("b", "batch", "batch_size", "bs", "bsz", "n"))
NAMED_SPECS: tuple[tuple[str, Spec], ...] = (
    (r"labels?|targets?|y|class_ids?", TensorSpec(("B",), "int64")),
    (r"t|ts?|time|timesteps?|sigmas?|noise_levels?", TensorSpec(("B",))),
    (r"\w*mask", LiteralSpec("None")),
    (r"\w*lengths?|lens", TensorSpec(("B",), "int64")),
    (r"h0?|c0?|hidden|states?|hx|cache", LiteralSpec("None")),
    (r"\w*ids|ids?|idx|tokens|src|tgt|tokens_\w+", TensorSpec(("B", "T"), "int64")),
    (r"edge_index", TensorSpec((2, "E"), "int64")),
)
"""What an argument of this name usually is; tried where no layer takes it."""
MIXED = 4
"""So many guesses at each of so many arguments are tried in every combination."""
USUAL_SHAPES: tuple[tuple[Dim, ...], ...] = (("B", 1, 28, 28), ("B", 3, 32, 32), ("B", 28, 28), ("B", 3, 224, 224))
"""Tried when an argument's first layer led nowhere."""
LAYERS = (
    *(nn.Embedding, nn.EmbeddingBag, nn.Linear, nn.Bilinear, nn.LayerNorm, nn.MultiheadAttention),
    *(nn.Conv1d, nn.Conv2d, nn.Conv3d, nn.ConvTranspose1d, nn.ConvTranspose2d, nn.ConvTranspose3d),
    *(nn.BatchNorm1d, nn.BatchNorm2d, nn.RNNBase, nn.RNNCellBase),
)


def search(model: nn.Module, parameters: list[str], document: Document) -> Iterator[tuple[Spec, ...]]:
    """Guesses at all arguments together, likely ones first."""
    if not parameters:
        yield ()
        return
    guesses = [list(dict.fromkeys(_guesses(model, parameter, document))) for parameter in parameters]
    yield from dict.fromkeys(_combine(guesses))


def _combine(guesses: list[list[Spec]]) -> Iterator[tuple[Spec, ...]]:
    """One guess for each argument: mixtures of the first ones, nearest to the front first, then all abreast."""
    if len(guesses) > 1:
        heads = itertools.product(*(range(min(len(each), MIXED)) for each in guesses[:MIXED]))
        for choice in sorted(heads, key=sum):
            rest = (each[0] for each in guesses[len(choice) :])
            yield (*(each[at] for each, at in zip(guesses, choice, strict=False)), *rest)
    for at in range(max(map(len, guesses))):  # sizes that arguments share move together
        yield tuple(each[min(at, len(each) - 1)] for each in guesses)


def likely_lengths(model: nn.Module) -> tuple[int, ...]:
    """Lengths of sequences that a model may insist on: its own attributes, and the sizes of its position tables."""
    known = [parameter for parameter in model.parameters() if not nn.parameter.is_lazy(parameter)]
    tables = [parameter.shape[1] for parameter in known if parameter.dim() == 3 and len(parameter) == 1]
    found = (*_hinted(model, LENGTH_ATTRIBUTES), *tables, 8, 4, 64)
    return tuple(dict.fromkeys(size for size in found if 0 < size <= 4096))


def _guesses(model: nn.Module, parameter: str, document: Document) -> Iterator[Spec]:
    """Guesses at one argument: what the layer that first takes it needs, then what the model's first layers do."""
    cls = _class_of(type(model).__name__, document)
    forward = _method(cls, "forward")
    unpacked = _unpacking(forward, parameter)
    consumer = _consumer(model, cls, forward, parameter, depth=0)
    named = [spec for pattern, spec in NAMED_SPECS if re.fullmatch(pattern, parameter.lower())]
    if consumer is None:
        yield from named
    yield from _reshaped(forward, parameter)
    sizes = (*_hinted(model, SIZE_ATTRIBUTES), *_size_constants(document), *SPATIAL_SIZES)
    images = _pattern_rank(forward, parameter) == 4 or len(unpacked) == 4
    flattened = _is_flattened(model, forward, parameter)
    leaves = [leaf for root in (consumer, model) if root is not None for leaf in root.modules() if _takes(leaf)]
    for leaf in list(dict.fromkeys(leaves))[:3]:
        yield from _specs_of(leaf, sizes, unpacked, images, flattened)
    if not leaves:
        yield from _specs_of_nothing(model, unpacked)
    yield from named
    yield from (TensorSpec(dims) for dims in USUAL_SHAPES)
    yield LiteralSpec("None")


def _specs_of(
    leaf: nn.Module, sizes: tuple[int, ...], unpacked: list[str], images: bool, flattened: bool
) -> Iterator[TensorSpec]:
    length, length_first = _length_name(unpacked)
    if isinstance(leaf, (nn.Embedding, nn.EmbeddingBag)):
        ids: tuple[Dim, ...] = (length, "B") if length_first else ("B", length)
        yield TensorSpec(ids, "int64")
        yield TensorSpec(("B",), "int64")
        yield TensorSpec((length, "B"), "int64")
    elif isinstance(leaf, (nn.Conv2d, nn.ConvTranspose2d, nn.BatchNorm2d)):
        channels = leaf.num_features if isinstance(leaf, nn.BatchNorm2d) else leaf.in_channels
        if isinstance(leaf, nn.ConvTranspose2d):
            yield TensorSpec(("B", channels, 1, 1))
        for size in sizes:
            yield TensorSpec(("B", channels, size, size))
    elif isinstance(leaf, (nn.Conv1d, nn.ConvTranspose1d, nn.BatchNorm1d)):
        channels = leaf.num_features if isinstance(leaf, nn.BatchNorm1d) else leaf.in_channels
        yield TensorSpec(("B", channels, "T"))
        yield TensorSpec(("B", channels))
        for size in sizes:
            yield TensorSpec(("B", channels, size))
    elif isinstance(leaf, (nn.Conv3d, nn.ConvTranspose3d)):
        for size in (16, 32, 8, 24, 64):
            yield TensorSpec(("B", leaf.in_channels, size, size, size))
    elif isinstance(leaf, nn.RNNBase):
        yield TensorSpec(("B", length, leaf.input_size) if leaf.batch_first else (length, "B", leaf.input_size))
    elif isinstance(leaf, nn.RNNCellBase):
        yield TensorSpec(("B", leaf.input_size))
    else:
        if images:
            yield from (TensorSpec(("B", channels, size, size)) for size in sizes[:12] for channels in (3, 1))
        yield from _specs_of_features(leaf, unpacked, flattened)


def _specs_of_features(leaf: nn.Module, unpacked: list[str], flattened: bool) -> Iterator[TensorSpec]:
    length, length_first = _length_name(unpacked)
    features = getattr(leaf, "in_features", None) or getattr(leaf, "in1_features", None)
    features = features or getattr(leaf, "embed_dim", None)
    if isinstance(leaf, nn.LayerNorm):
        features = leaf.normalized_shape[-1]
    if not isinstance(features, int):
        return
    sequence = TensorSpec((length, "B", features) if length_first else ("B", length, features))
    squares = [
        TensorSpec(("B", channels, side, side))
        for channels in (1, 3)
        if (side := round((features / channels) ** 0.5)) ** 2 * channels == features and side > 4
    ]
    if flattened:
        yield from squares
    if len(unpacked) == 3 or isinstance(leaf, (nn.LayerNorm, nn.MultiheadAttention)):
        yield sequence
    yield TensorSpec(("B", features))
    yield sequence
    yield from squares


def _specs_of_nothing(model: nn.Module, unpacked: list[str]) -> Iterator[TensorSpec]:
    """For a model without layers: its own parameters' sizes, else anything."""
    if unpacked:
        yield TensorSpec(("B", *(name if name.upper() != "C" else 16 for name in unpacked[1:])))
    for parameter in itertools.islice(model.parameters(), 2):
        for size in parameter.shape:
            yield TensorSpec(("B", size))
            yield TensorSpec(("B", "T", size))
    yield TensorSpec(("B", 64))
    yield TensorSpec(("B", "T", 64))
    yield TensorSpec(("B", 3, 32, 32))
    yield TensorSpec(("B",))
    yield TensorSpec(("B", "T"), "int64")


def _takes(module: nn.Module) -> bool:
    return isinstance(module, LAYERS)


def _class_of(name: str, document: Document) -> ast.ClassDef | None:
    return next((node for node in document.tree.body if isinstance(node, ast.ClassDef) and node.name == name), None)


def _method(cls: ast.ClassDef | None, name: str) -> ast.FunctionDef | None:
    body = cls.body if cls else []
    return next((node for node in body if isinstance(node, ast.FunctionDef) and node.name == name), None)


def _unpacking(forward: ast.FunctionDef | None, parameter: str) -> list[str]:
    """`["B", "T", "C"]` for `B, T, C = x.shape`."""
    for node in ast.walk(forward) if forward else ():
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Tuple):
            value = ast.unparse(node.value)
            if value in (f"{parameter}.shape", f"{parameter}.size()"):
                names = [each.id if isinstance(each, ast.Name) else "_" for each in node.targets[0].elts]
                return [f"N{place}" if name.strip("_") == "" else name for place, name in enumerate(names)]
    return []


def _reshaped(forward: ast.FunctionDef | None, parameter: str) -> Iterator[TensorSpec]:
    """`("B", 28, 28)` for `x.reshape(-1, 28, 28)` of the argument itself."""
    for node in ast.walk(forward) if forward else ():
        if isinstance(node, ast.Call) and ast.unparse(node.func) in (f"{parameter}.view", f"{parameter}.reshape"):
            sizes = node.args[0].elts if len(node.args) == 1 and isinstance(node.args[0], ast.Tuple) else node.args
            rest = [each.value for each in sizes[1:] if isinstance(each, ast.Constant) and isinstance(each.value, int)]
            if len(rest) > 1 and len(rest) == len(sizes) - 1 and all(size > 0 for size in rest):
                yield TensorSpec(("B", *rest))


def _length_name(unpacked: list[str]) -> tuple[str, bool]:
    """What the code calls the length of a sequence, and whether it stands before the batch."""
    if len(unpacked) not in (2, 3):
        return "T", False
    first, second = unpacked[:2]
    if second.lower() in BATCH_NAMES and first.lower() not in BATCH_NAMES:
        return first, True
    return ("T" if second in ("B", "C", "D") or second.startswith("N1") else second), False


def _pattern_rank(forward: ast.FunctionDef | None, parameter: str) -> int:
    """How many dims einops' pattern says an argument has: 4 for `rearrange(x, "b c (h p) (w q) -> …")`."""
    for node in ast.walk(forward) if forward else ():
        if isinstance(node, ast.Call) and len(node.args) > 1 and ast.unparse(node.args[0]) == parameter:
            pattern = node.args[1]
            if isinstance(pattern, ast.Constant) and isinstance(pattern.value, str) and "->" in pattern.value:
                return len(re.sub(r"\([^)]*\)", "group", pattern.value.partition("->")[0]).split())
    return 0


def _is_flattened(model: nn.Module, forward: ast.FunctionDef | None, parameter: str) -> bool:
    if forward is None:
        return any(isinstance(module, nn.Flatten) for module in itertools.islice(model.modules(), 1, 3))
    text = ast.unparse(forward)
    name = re.escape(parameter)
    if re.search(rf"\b{name}\.(view|reshape|flatten)\(|flatten\({name}\b", text):
        return True
    consumer = _consumer(model, None, forward, parameter, depth=0)
    return consumer is not None and any(
        isinstance(module, nn.Flatten) for module in itertools.islice(consumer.modules(), 2)
    )


def _consumer(
    model: nn.Module, cls: ast.ClassDef | None, method: ast.FunctionDef | None, parameter: str, depth: int
) -> nn.Module | None:
    """The submodule that is first called on an argument, also by way of the class's other methods."""
    calls = [node for node in ast.walk(method) if isinstance(node, ast.Call)] if method else []
    for call in sorted(calls, key=lambda node: (node.end_lineno or 0, node.end_col_offset or 0)):
        func = ast.unparse(call.func)
        places = [place for place, argument in enumerate(call.args) if _mentions(argument, parameter)]
        if not func.startswith("self.") or not places:
            continue
        try:
            return model.get_submodule(func.removeprefix("self."))
        except AttributeError:
            helper = _method(cls, func.removeprefix("self."))
            names = [argument.arg for argument in helper.args.args] if helper else []
            if depth < 3 and places[0] + 1 < len(names):
                found = _consumer(model, cls, helper, names[places[0] + 1], depth + 1)
                if found is not None:
                    return found
    return None


def _mentions(node: ast.AST, name: str) -> bool:
    return any(isinstance(each, ast.Name) and each.id == name for each in ast.walk(node))


def _hinted(model: nn.Module, names: tuple[str, ...]) -> list[int]:
    """Sizes that a model, its children or their configurations hold under such names."""
    found = []
    for holder in (model, *model.children()):
        for place in (holder, getattr(holder, "config", None), getattr(holder, "cfg", None)):
            for name in names:
                value = place.get(name) if isinstance(place, dict) else getattr(place, name, None)
                value = value[0] if isinstance(value, (tuple, list)) and value else value
                if isinstance(value, int) and not isinstance(value, bool):
                    found.append(value)
    return found


def _size_constants(document: Document) -> list[int]:
    """`SIZE = 12` at the top of the file: its data are of that size."""
    return [
        node.value.value
        for node in document.tree.body
        if isinstance(node, ast.Assign)
        and isinstance(node.targets[0], ast.Name)
        and SIZE_CONSTANT.match(node.targets[0].id)
        and isinstance(node.value, ast.Constant)
        and isinstance(node.value.value, int)
    ]
