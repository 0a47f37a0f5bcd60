"""What an argument usually is where nothing states it: by what is done with it, by its name, by its annotation."""

from __future__ import annotations

import ast
import inspect
import re
from collections.abc import Mapping
from typing import Any

from torch import nn

from .handed_layers import layer_with
from .reading import Function, read_function
from .reads import Reads, Use, find_reads, initialiser

USUAL_SIZES: dict[str, Any] = {
    **dict.fromkeys(("in_channels", "channels", "n_channels", "in_ch", "in_chans", "num_channels", "nc"), 3),
    **dict.fromkeys(
        (
            "out_channels",
            "out_ch",
            "planes",
            "in_planes",
            "inplanes",
            "inplane",
            "width",
            "base_channels",
            "ngf",
            "ndf",
        ),
        16,
    ),
    **dict.fromkeys(("num_classes", "n_classes", "classes", "nclass", "num_labels", "num_outputs", "out_dim"), 10),
    **dict.fromkeys(("output_size", "output_dim", "out_features", "num_actions", "n_actions"), 10),
    **dict.fromkeys(("vocab_size", "n_vocab", "ntoken", "num_tokens", "vocab", "num_embeddings"), 1000),
    **dict.fromkeys(("d_model", "dim", "ndim", "d_in", "d_out", "n_embd", "hidden_size", "embed_dim", "emb_dim"), 64),
    **dict.fromkeys(("nhid", "hidden_dim", "hidden_channels", "inner_dim", "n_feat", "adim", "query_dim"), 64),
    **dict.fromkeys(("embedding_dim", "embed_size", "hidden", "hidden_features", "dim_feedforward", "mlp_dim"), 64),
    **dict.fromkeys(("input_size", "input_dim", "in_features", "in_dim", "num_features", "n_features"), 32),
    **dict.fromkeys(("latent_dim", "z_dim", "nz", "noise_dim"), 32),
    **dict.fromkeys(("heads", "num_heads", "n_head", "nhead", "n_heads", "num_attention_heads"), 4),
    **dict.fromkeys(("depth", "num_layers", "n_layers", "n_layer", "nlayers", "layers", "num_blocks"), 2),
    **dict.fromkeys(("num_hidden_layers", "n_blocks"), 2),
    **dict.fromkeys(("seq_len", "max_len", "block_size", "context_length", "max_seq_len", "max_length"), 64),
    **dict.fromkeys(("max_position_embeddings", "n_positions", "n_ctx"), 64),
    **dict.fromkeys(("image_size", "img_size"), 32),
    **dict.fromkeys(("patch_size",), 4),
    **dict.fromkeys(("kernel_size",), 3),
    **dict.fromkeys(("upscale_factor", "scale_factor", "factor", "upscale"), 2),
    **dict.fromkeys(("stride", "dilation", "groups"), 1),
    **dict.fromkeys(("padding",), 0),
    **dict.fromkeys(("spatial_dims", "dims"), 2),
    **dict.fromkeys(("dropout", "p", "drop", "dropout_rate", "drop_rate", "drop_prob"), 0.1),
    **dict.fromkeys(("eps", "layer_norm_eps", "rms_norm_eps"), 1e-5),
    **dict.fromkeys(("bias", "bidirectional", "batch_first"), True),
    **dict.fromkeys(("growth_rate", "head_dim", "dim_head"), 32),
    **dict.fromkeys(("reduction_ratio", "expansion_ratio", "expand_ratio", "mlp_ratio", "expansion", "reduction"), 4),
    **dict.fromkeys(("window_size", "cardinality", "num_groups"), 4),
    **dict.fromkeys(("device",), "cpu"),
}
"""What a required argument of this name usually is; only tried when nothing better is known."""
REPEATED = re.compile(r"(block|layer|stage|level|stack|unit|repeat|conv|iter|step|kernel|expert|branch|scale)\w*$")
"""Names of numbers of parts that stand one behind, or beside, the other: a few do."""
MODULES = (
    "fn",
    "net",
    "module",
    "layer",
    "encoder",
    "decoder",
    "backbone",
    "act",
    "activation",
    "model",
    "vit",
    "block",
)
"""Arguments that are modules: whatever passes its input on will do."""
IDENTITY = "__import__('torch').nn.Identity()"
CLASSES = (
    ("norm", "__import__('torch').nn.LayerNorm"),
    ("act", "__import__('torch').nn.GELU"),
    ("non", "__import__('torch').nn.ReLU"),
    ("conv", "__import__('torch').nn.Conv2d"),
    ("drop", "__import__('torch').nn.Dropout"),
    ("pool", "__import__('torch').nn.AvgPool2d"),
)
"""What a class is that is handed over under such a name."""
NAMESPACE = "__import__('types').SimpleNamespace"
LISTS = (
    "[16, 32]",
    "(32, 32)",
    "[1, 1]",
    "[16, 16]",
    "(3, 3)",
    "[2, 2]",
    "[16, 32, 64]",
    "[1, 1, 1, 1]",
    "[16, 32, 48, 64]",
)


def usual_value(parameter: inspect.Parameter, made: Any = None) -> str | None:
    """What a required argument usually is, as an expression: by what is done with it, its name, its annotation."""
    name = parameter.name.lower()
    annotation = _annotation(parameter)
    function = read_function(initialiser(made)) if made is not None else None
    used = _used(made, function, parameter) if function is not None else None
    if used is not None:
        return used
    if annotation.startswith(("list", "List", "Sequence", "Iterable")) or (
        annotation.startswith(("tuple", "Tuple")) and "int" in annotation
    ):
        return LISTS[0] if "int" in annotation or "[" not in annotation else "[]"
    if name in USUAL_SIZES:
        return repr(USUAL_SIZES[name])
    if name in MODULES or "Module" in annotation:
        return IDENTITY
    if name.endswith(("_dim", "_size", "_features", "_channels", "dims", "_width")) or name.startswith(("dim_", "d_")):
        return "32"
    if name.startswith(("num_", "n_")) and REPEATED.search(name):
        return "2"
    if name.startswith(("num_", "n_")):
        return "100" if name.endswith("s") else "4"
    if re.search(r"drop|prob|rate|ratio|alpha|beta|gamma|temperature", name):
        return "0.1"
    return {"int": "16", "float": "0.1", "bool": "False", "str": "'relu'"}.get(annotation)


def is_module_argument(parameter: inspect.Parameter, made: Any) -> bool:
    """Whether an argument is another model: by its name or annotation, or as the class calls what it keeps of it."""
    if parameter.name.lower() in MODULES or "Module" in _annotation(parameter):
        return True
    if annotated_model(parameter, made) is not None:
        return True
    return isinstance(made, type) and _is_stored_module(made, parameter.name)


def annotated_model(parameter: inspect.Parameter, made: Any) -> type[nn.Module] | None:
    """The class of models that an argument is annotated with, if it is one of somebody's own: `bert: BERT`."""
    annotation: Any = parameter.annotation
    if isinstance(annotation, str):
        annotation = getattr(inspect.unwrap(initialiser(made)), "__globals__", {}).get(annotation)
    is_model = isinstance(annotation, type) and issubclass(annotation, nn.Module)
    return annotation if is_model and not annotation.__module__.startswith("torch.") else None


def _annotation(parameter: inspect.Parameter) -> str:
    annotation = parameter.annotation
    if isinstance(annotation, str):
        return annotation
    text = str(annotation)
    return text.rpartition("typing.")[2] if "typing." in text or "[" in text else getattr(annotation, "__name__", "")


def _used(made: Any, function: Function, parameter: inspect.Parameter) -> str | None:
    """What a constructor's own code tells of an argument: a choice of words, a list, a class, settings, a module."""
    name = parameter.name
    words: list[Any] = []
    is_list = is_called = False
    for node in ast.walk(function):
        if isinstance(node, ast.Compare) and ast.unparse(node.left) == name:
            words += [
                each.value
                for side in node.comparators
                for each in ast.walk(side)
                if isinstance(each, ast.Constant) and isinstance(each.value, str)
            ]
        elif isinstance(node, (ast.For, ast.comprehension)):
            is_list |= _iterates(node.iter, name)
        elif isinstance(node, ast.Subscript) and _is(node.slice, name):
            words += _keys_of(node.value, made)
        elif isinstance(node, ast.Subscript) and _is(node.value, name):
            is_list |= not (isinstance(node.slice, ast.Constant) and isinstance(node.slice.value, str))
        elif isinstance(node, ast.Starred):
            is_list |= _is(node.value, name)
        elif isinstance(node, ast.Call):
            is_called |= _is(node.func, name)
            is_list |= _is(node.func, "len") and bool(node.args) and _is(node.args[0], name)
    if words:
        return repr(words[0])
    if is_called:
        return class_for(name, made)
    reads = find_reads(made, name)
    is_module = isinstance(made, type) and _is_stored_module(made, name)
    if is_module or ("attribute", "weight") in {path[0] for path in reads.required}:
        layer = layer_with(reads)
        if layer is not None or is_module:
            return layer or IDENTITY
    if reads.required and not is_list:
        return _namespace(reads)
    if is_list and _annotation(parameter) != "int":
        return usual_list(name)
    return None


def _keys_of(node: ast.expr, made: Any) -> list[Any]:
    """What there is to choose from in a table of the module: `BACKBONES[name]`."""
    table = getattr(inspect.unwrap(initialiser(made)), "__globals__", {}).get(ast.unparse(node))
    return list(table) if isinstance(table, dict) else []


def class_for(name: str, made: Any) -> str:
    """A class that is handed over: one of the module's own whose name fits, else torch's."""
    scope = getattr(inspect.unwrap(initialiser(made)), "__globals__", {})
    if re.search(r"block|layer|cell|expansion", name.lower()) and not re.search(r"norm|act", name.lower()):
        own = [
            key
            for key, value in scope.items()
            if isinstance(value, type) and issubclass(value, nn.Module) and value is not made and "block" in key.lower()
        ]
        if own:
            return str(own[0])
    rank = _convolved_rank(made)
    if "norm" in name.lower() and rank:
        return f"__import__('torch').nn.BatchNorm{rank}d"
    return next((value for part, value in CLASSES if part in name.lower()), "__import__('torch').nn.Identity")


def _convolved_rank(made: Any) -> int | None:
    """Of how many dims the convolutions are that a constructor makes: what normalises beside them is of as many."""
    function = read_function(initialiser(made))
    found = re.search(r"\bConv(?:Transpose)?([123])d\b", ast.unparse(function)) if function is not None else None
    return int(found[1]) if found else None


def _is_stored_module(made: type, name: str) -> bool:
    """Whether `self.name = name` is called in the class's methods."""
    init = read_function(initialiser(made))
    stored = {
        ast.unparse(target)
        for node in ast.walk(init or ast.Module([], []))
        if isinstance(node, ast.Assign) and _is(node.value, name)
        for target in node.targets
    }
    methods = [read_function(each) for each in vars(made).values() if inspect.isfunction(each)]
    return any(
        isinstance(node, ast.Call) and ast.unparse(node.func) in stored
        for method in methods
        if method is not None
        for node in ast.walk(method)
    )


def _namespace(reads: Reads) -> str:
    """An object with all that is read, each of its usual size: a dictionary where keys are read."""
    tree: dict[str, Any] = {}
    kinds: set[str] = set()
    for path in reads.required:
        level = tree
        for kind, name in path[:-1]:
            kinds.add(kind)
            level = level.setdefault(name, {}) if isinstance(level.get(name, {}), dict) else {}
        kinds.add(path[-1][0])
        word = reads.words.get(path)
        level.setdefault(path[-1][1], repr(word) if word is not None else _setting(path[-1][1], reads.uses.get(path)))
    return _write(tree, "key" in kinds)


def _setting(name: str, use: Use | None) -> str:
    if use == "absent":
        return "None"
    if use == "flag":
        return "False"
    return usual_list(name) if use == "list" else usual_number(name)


def usual_list(name: str) -> str:
    return LISTS[2] if re.search(r"depth|layers|num_blocks|repeats|strides", name) else LISTS[0]


def usual_number(name: str) -> str:
    """What a setting of this name usually is."""
    plain = inspect.Parameter(name, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    found = usual_value(plain)
    if found is not None and found != IDENTITY:
        return found
    if re.match(r"(use|is|has|with|do|enable|return|output)_", name):
        return "False"
    return "'gelu'" if "act" in name else "16"


def _write(tree: dict[str, Any], as_keys: bool) -> str:
    items = {name: _write(value, as_keys) if isinstance(value, dict) else value for name, value in tree.items()}
    if as_keys:
        return "{" + ", ".join(f"{name!r}: {value}" for name, value in items.items()) + "}"
    return write_call(NAMESPACE, items)


def write_call(name: str, given: Mapping[str, str]) -> str:
    """`Net(depth=2, width=16)`."""
    return f"{name}({', '.join(f'{argument}={value}' for argument, value in given.items())})"


def _iterates(node: ast.expr, name: str) -> bool:
    if isinstance(node, ast.Call) and ast.unparse(node.func) in ("enumerate", "zip", "reversed", "list", "map"):
        return any(_iterates(argument, name) for argument in node.args)
    return _is(node, name) or (isinstance(node, ast.Subscript) and _is(node.value, name))


def _is(node: ast.expr, text: str) -> bool:
    return isinstance(node, ast.Name) and node.id == text
