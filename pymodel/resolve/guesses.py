"""Guesses at one argument of `forward` where nothing states it: from the layer that takes it, from how the code unpacks
it, from its comments, and from its name. Guesses only: whoever asks has to try them."""

from __future__ import annotations

import ast
import dataclasses
import inspect
import itertools
import re
from collections.abc import Iterator
from typing import Any

from torch import nn

from ..discover.document import Document
from ..discover.pins import ContainerSpec, LiteralSpec, Spec, TensorSpec
from ..schema import Dim
from .consumers import LAYERS, find_consumer, find_layer, find_recurrence
from .reading import Usage, read_function, read_usage

SPATIAL_FIRST = (32, 28, 224, 64, 16, 12, 256, 572)
"""The last is what a U-Net takes that does not pad."""
SPATIAL_SIZES = (*SPATIAL_FIRST, *(n for n in range(1, 257) if n not in SPATIAL_FIRST))
SIZE_ATTRIBUTES = ("image_size", "img_size", "input_resolution", "resolution", "input_size")
LENGTH_ATTRIBUTES = ("block_size", "context_length", "max_seq_len", "seq_len", "max_len", "max_length", "num_patches")
SIZE_CONSTANT = re.compile(r"(?i)^(image_?|img_?|input_?)?(size|resolution)$")
BATCH_NAMES = frozenset(("b", "batch", "batch_size", "bs", "bsz", "n"))
CHANNEL_NAMES = re.compile(r"(?i)[cdef]|(\w*_)?(dims?|size|channels|hidden|features?|embed\w*)(_\w*)?|d_\w+")
NAMED_SPECS: tuple[tuple[str, Spec], ...] = (
    (r"labels?|targets?|y|class_ids?|classes", TensorSpec(("B",), "int64")),
    (r"labels?|targets?|y", TensorSpec(("B", "T"), "int64")),
    (r"t|ts?|time|timesteps?|sigmas?|noise_levels?|log_?snr", TensorSpec(("B",))),
    (r"\w*mask", LiteralSpec("None")),
    (r"\w*mask", TensorSpec(("B", "T"), "bool")),
    (r"\w*lengths?|lens|\w*_len", TensorSpec(("B",), "int64")),
    (r"h_?0?|c_?0?|hidden|states?|hx|cache|past_\w+", LiteralSpec("None")),
    (r"\w*ids|ids?|idx|tokens|src|tgt|tokens_\w+|seq|sequence", TensorSpec(("B", "T"), "int64")),
    (r"edge_index", TensorSpec((2, "E"), "int64")),
    (r"edge_weights?", TensorSpec(("E",))),
    (r"adj\w*", TensorSpec(("B", "B"))),
    (r"(h|height|w|width|n_?\w*|num_\w+|k)", LiteralSpec("4")),
    (r"(is|use|return|with|do|train)_?\w*|training|deterministic", LiteralSpec("False")),
    (r"audio|wav\w*|waveforms?|wave|signal", TensorSpec(("B", 16000))),
    (r"audio|wav\w*|waveforms?|wave|signal", TensorSpec(("B", 1, 16000))),
    (r"(feats?|features?|embed\w*|hidden\w*|query|key|value|q|k|v)", TensorSpec(("B", "T", 64))),
    (r"video|clip|frames", TensorSpec(("B", 3, 8, 32, 32))),
    (r"volume", TensorSpec(("B", 1, 32, 32, 32))),
    (r"(img|image)s?\w*", TensorSpec(("B", 3, 32, 32))),
)
"""What an argument of this name usually is; tried where no layer takes it."""
TELLING = re.compile(
    r"labels?|targets?|y|class_ids?|classes|\w*mask|\w*lengths?|lens|\w*_len|timesteps?|edge_index|adj\w*"
)
"""Names that tell more than the layer does that takes what is made of the argument."""
USUAL_SHAPES: tuple[tuple[Dim, ...], ...] = (("B", 1, 28, 28), ("B", 3, 32, 32), ("B", 28, 28), ("B", 3, 224, 224))
"""Tried when an argument's first layer led nowhere."""
PLAIN = {"bool": ("False", "True"), "int": ("4", "1", "0"), "float": ("0.5",), "str": ("''",)}
"""Values of plain types."""
NAMESPACE = "__import__('types').SimpleNamespace"
MAX_INNER = 3
USUAL_CHANNELS = 3
USUAL_FEATURES = 64


def guess(
    model: nn.Module,
    parameter: str,
    document: Document,
    comments: tuple[Dim, ...] = (),
    within: frozenset[str] = frozenset(),
) -> Iterator[Spec]:
    """Guesses at one argument, or at an expression of one: what its comment says, what the layer that first takes it
    needs, then what the model's first layers do. `within` are the arguments that it is a piece of."""
    forward = read_function(type(model).forward)
    usage = read_usage(forward, parameter)
    yield from (LiteralSpec(repr(word)) for word in usage.words[:2])
    yield from _annotated(model, parameter)
    recurrence = find_recurrence(model, parameter)
    if recurrence is not None:
        if not recurrence[1]:
            yield LiteralSpec("None")
        yield _state_of(*recurrence)
    named = [spec for pattern, spec in NAMED_SPECS if re.fullmatch(pattern, _plain_name(parameter))]
    if TELLING.fullmatch(_plain_name(parameter)):
        yield from named
    if parameter not in within:  # `x, y = x` names a piece as the whole
        yield from _containers(model, parameter, usage, document, within | {parameter})
    consumer = find_consumer(model, parameter)
    layer = find_layer(model, parameter)
    if comments:
        yield from _commented(model, layer, comments)
    if usage.rank == 1:
        yield TensorSpec(("B",))
    if consumer is None:
        yield from named
    yield from usage.reshaped
    sizes = (*hinted(model, SIZE_ATTRIBUTES), *_size_constants(document), *SPATIAL_SIZES)
    flattened = usage.is_flattened or _flattens(model, consumer, forward is None)
    leaves: list[nn.Module | None] = [
        layer,
        *(leaf for root in (consumer, model) if root is not None for leaf in root.modules()),
    ]
    taking = [leaf for leaf in leaves if isinstance(leaf, LAYERS)]
    convolves = any(isinstance(module, nn.Conv1d) for module in model.modules())
    for leaf in list(dict.fromkeys(taking))[:3]:
        yield from _of_layer(leaf, sizes, usage, flattened, convolves)
    if not taking:
        yield from _of_nothing(model, list(usage.unpacked), usage.rank)
    yield from named
    yield from (TensorSpec(dims) for dims in USUAL_SHAPES)
    yield LiteralSpec("None")


def _state_of(layer: nn.RNNBase | nn.RNNCellBase, is_part: bool) -> Spec:
    """The state that a recurrent layer takes, of every sequence of a batch; an LSTM's has two parts."""
    sizes: tuple[Dim, ...] = ("B", layer.hidden_size)
    if isinstance(layer, nn.RNNBase):
        sizes = (layer.num_layers * (2 if layer.bidirectional else 1), *sizes)
    state = TensorSpec(sizes)
    if is_part or not isinstance(layer, (nn.LSTM, nn.LSTMCell)):
        return state
    return ContainerSpec("tuple", (state, state))


def likely_lengths(model: nn.Module) -> tuple[int, ...]:
    """Lengths of sequences that a model may insist on: its own attributes, and the sizes of its position tables."""
    known = [parameter for parameter in model.parameters() if not nn.parameter.is_lazy(parameter)]
    tables = [parameter.shape[1] for parameter in known if parameter.dim() == 3 and len(parameter) == 1]
    found = (*hinted(model, LENGTH_ATTRIBUTES), *tables, 8, 4, 64)
    return tuple(dict.fromkeys(size for size in found if 0 < size <= 4096))


def hinted(model: nn.Module, names: tuple[str, ...]) -> list[int]:
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


def _plain_name(parameter: str) -> str:
    """`image` of `batch['image']` and of `data.image`."""
    words = re.findall(r"[A-Za-z_]\w*", parameter)
    return words[-1].lower() if words else ""


def _annotated(model: nn.Module, parameter: str) -> Iterator[Spec]:
    """Plain values for arguments that are annotated as such."""
    annotation = getattr(type(model).forward, "__annotations__", {}).get(parameter)
    name = annotation if isinstance(annotation, str) else getattr(annotation, "__name__", "")
    yield from map(LiteralSpec, PLAIN.get(name, ()))


def _containers(
    model: nn.Module, parameter: str, usage: Usage, document: Document, within: frozenset[str]
) -> Iterator[Spec]:
    """What an argument is made of whose keys, attributes or pieces are read."""
    if not parameter.isidentifier():
        return

    def inner(expressions: list[str], skip: int) -> tuple[Spec, ...]:
        return tuple(
            next(itertools.islice(dict.fromkeys(guess(model, each, document, within=within)), skip, None))
            for each in expressions
        )

    for skip in range(MAX_INNER):
        if usage.keys:
            yield ContainerSpec(
                "dict", inner([f"{parameter}[{key!r}]" for key in usage.keys], skip), tuple(map(repr, usage.keys))
            )
        fields = _fields(model, parameter)
        if fields is not None:
            yield ContainerSpec(fields[0], inner([f"{parameter}.{name}" for name in fields[1]], skip), fields[1])
        elif usage.attributes:
            items = inner([f"{parameter}.{name}" for name in usage.attributes], skip)
            yield ContainerSpec(NAMESPACE, items, usage.attributes)
        if usage.pieces:
            yield ContainerSpec("tuple", inner(list(usage.pieces), skip))


def _fields(model: nn.Module, parameter: str) -> tuple[str, tuple[str, ...]] | None:
    """The class that an argument is annotated with and its fields, for a dataclass or a named tuple of the module."""
    forward = inspect.unwrap(type(model).forward)
    annotation = getattr(forward, "__annotations__", {}).get(parameter)
    scope = getattr(forward, "__globals__", {})
    cls: Any = scope.get(annotation) if isinstance(annotation, str) else annotation
    name = getattr(cls, "__name__", "")
    if not isinstance(cls, type) or scope.get(name) is not cls:
        return None
    if dataclasses.is_dataclass(cls):
        needed = [field for field in dataclasses.fields(cls) if field.init and field.default is dataclasses.MISSING]
        return name, tuple(field.name for field in needed if field.default_factory is dataclasses.MISSING)
    names = tuple(getattr(cls, "_fields", ()))
    return (name, names) if names else None


def _commented(model: nn.Module, layer: nn.Module | None, comments: tuple[Dim, ...]) -> Iterator[TensorSpec]:
    """Dims as a comment names them: numbers stand, a channel's name is looked up, other names may vary."""
    dims: list[Dim] = []
    features = features_of(layer) if layer is not None else None
    for place, dim in enumerate(comments):
        size = getattr(model, dim, None) if isinstance(dim, str) and dim.isidentifier() else None
        if isinstance(dim, int):
            dims.append(dim)
        elif dim.lower() in BATCH_NAMES and (place == 0 or "B" not in dims):
            dims.append("B")
        elif isinstance(size, int) and not isinstance(size, bool):
            dims.append(size)
        elif CHANNEL_NAMES.fullmatch(dim) and features:
            dims.append(features)
        elif dim.lower() in ("h", "w", "height", "width"):
            dims.append(32)
        else:
            dims.append(dim if dim.isidentifier() and place else "B")
    is_index = isinstance(layer, (nn.Embedding, nn.EmbeddingBag))
    yield TensorSpec(tuple(dims), "int64" if is_index else "float32")


def features_of(layer: nn.Module) -> int | None:
    """How many features, or channels, a torch layer takes."""
    for name in (
        "in_features",
        "in_channels",
        "in1_features",
        "input_size",
        "embed_dim",
        "num_features",
        "num_channels",
    ):
        value = getattr(layer, name, None)
        if isinstance(value, int):
            return value or USUAL_FEATURES
    return layer.normalized_shape[-1] if isinstance(layer, nn.LayerNorm) else None


def _channels_of(leaf: nn.Module) -> int:
    """How many channels a convolution or batch norm takes; one of torch's lazy ones takes any."""
    channels = getattr(leaf, "in_channels", getattr(leaf, "num_features", 0))
    return int(channels) or USUAL_CHANNELS


def _of_layer(
    leaf: nn.Module, sizes: tuple[int, ...], usage: Usage, flattened: bool, convolves: bool
) -> Iterator[TensorSpec]:
    unpacked = list(usage.unpacked)
    length, length_first = _length_name(unpacked)
    if isinstance(leaf, (nn.Embedding, nn.EmbeddingBag)):
        ids: tuple[Dim, ...] = (length, "B") if length_first else ("B", length)
        yield TensorSpec(ids, "int64")
        yield TensorSpec(("B",), "int64")
        yield TensorSpec((length, "B"), "int64")
    elif isinstance(leaf, (nn.Conv2d, nn.ConvTranspose2d, nn.BatchNorm2d)):
        channels = _channels_of(leaf)
        if isinstance(leaf, nn.ConvTranspose2d):
            yield TensorSpec(("B", channels, 1, 1))
        for size in sizes:
            yield TensorSpec(("B", channels, size, size))
    elif isinstance(leaf, (nn.Conv1d, nn.ConvTranspose1d, nn.BatchNorm1d)):
        channels = _channels_of(leaf)
        if isinstance(leaf, nn.BatchNorm1d) and not convolves:
            yield TensorSpec(("B", channels))
        yield TensorSpec(("B", channels, "T"))
        yield TensorSpec(("B", channels))
        for size in sizes:
            yield TensorSpec(("B", channels, size))
    elif isinstance(leaf, (nn.Conv3d, nn.ConvTranspose3d, nn.BatchNorm3d)):
        channels = _channels_of(leaf)
        for size in (16, 32, 8, 24, 64):
            yield TensorSpec(("B", channels, size, size, size))
    elif isinstance(leaf, nn.RNNBase):
        yield TensorSpec(("B", length, leaf.input_size) if leaf.batch_first else (length, "B", leaf.input_size))
    elif isinstance(leaf, nn.RNNCellBase):
        yield TensorSpec(("B", leaf.input_size))
    else:
        if usage.rank == 4 and not isinstance(leaf, nn.GroupNorm):
            yield from (TensorSpec(("B", channels, size, size)) for size in sizes[:12] for channels in (3, 1))
        yield from _of_features(leaf, usage, flattened)


def _of_features(leaf: nn.Module, usage: Usage, flattened: bool) -> Iterator[TensorSpec]:
    length, length_first = _length_name(list(usage.unpacked))
    features = features_of(leaf)
    if features is None:
        return
    if isinstance(leaf, nn.GroupNorm):
        yield TensorSpec(("B", features, 16, 16))
        yield TensorSpec(("B", features, "T"))
        return
    sequence = TensorSpec((length, "B", features) if length_first else ("B", length, features))
    squares = [
        TensorSpec(("B", channels, side, side))
        for channels in (1, 3)
        if (side := round((features / channels) ** 0.5)) ** 2 * channels == features and side > 4
    ]
    if flattened:
        yield from squares
    if usage.rank == 3 or isinstance(leaf, (nn.LayerNorm, nn.MultiheadAttention)):
        yield sequence
    yield TensorSpec(("B", features))
    yield sequence
    yield from squares


def _of_nothing(model: nn.Module, unpacked: list[str], rank: int) -> Iterator[TensorSpec]:
    """For a model without layers: its own parameters' sizes, else anything."""
    if unpacked:
        yield TensorSpec(("B", *(16 if CHANNEL_NAMES.fullmatch(name) else name for name in unpacked[1:])))
    shapes: dict[int, tuple[Dim, ...]] = {
        2: ("B", 64),
        3: ("B", "T", 64),
        4: ("B", 3, 32, 32),
        5: ("B", 3, 8, 32, 32),
    }
    if rank in shapes:
        yield TensorSpec(shapes[rank])
    known = (each for each in model.parameters() if not nn.parameter.is_lazy(each))
    for parameter in itertools.islice(known, 2):
        for size in parameter.shape:
            yield TensorSpec(("B", size))
            yield TensorSpec(("B", "T", size))
    yield TensorSpec(("B", 64))
    yield TensorSpec(("B", "T", 64))
    yield TensorSpec(("B", 3, 32, 32))
    yield TensorSpec(("B", 4, "T", 16))
    yield TensorSpec(("B",))
    yield TensorSpec(("B", "T"), "int64")


def _length_name(unpacked: list[str]) -> tuple[str, bool]:
    """What the code calls the length of a sequence, and whether it stands before the batch."""
    if len(unpacked) not in (2, 3):
        return "T", False
    first, second = unpacked[:2]
    if second.lower() in BATCH_NAMES and first.lower() not in BATCH_NAMES:
        return first, True
    return ("T" if second in ("B", "C", "D") or second.startswith("N1") else second), False


def _flattens(model: nn.Module, consumer: nn.Module | None, is_container: bool) -> bool:
    """Whether the first thing done to the input is to flatten it."""
    if is_container or isinstance(model, nn.Sequential):
        return any(isinstance(module, nn.Flatten) for module in itertools.islice(model.modules(), 1, 3))
    return consumer is not None and any(
        isinstance(module, nn.Flatten) for module in itertools.islice(consumer.modules(), 2)
    )


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
