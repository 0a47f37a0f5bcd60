"""Ways to construct a model, best first: what its author wrote, then its configuration and defaults, then its names."""

from __future__ import annotations

import ast
import dataclasses
import inspect
from collections.abc import Iterator
from typing import Any

from ..discover.callsites import ConstructorCall, find_constructor_calls
from ..discover.document import Document
from ..schema import Construction, ModelSite, Pin, Source

USUAL_SIZES: dict[str, Any] = {
    **dict.fromkeys(("in_channels", "channels", "n_channels", "in_ch", "in_chans", "num_channels", "nc"), 3),
    **dict.fromkeys(("out_channels", "out_ch", "planes", "in_planes", "width", "base_channels", "ngf", "ndf"), 16),
    **dict.fromkeys(("num_classes", "n_classes", "classes", "nclass", "num_labels", "num_outputs", "out_dim"), 10),
    **dict.fromkeys(("output_size", "output_dim", "out_features", "num_actions", "n_actions"), 10),
    **dict.fromkeys(("vocab_size", "n_vocab", "ntoken", "num_tokens", "vocab", "num_embeddings"), 1000),
    **dict.fromkeys(("d_model", "dim", "ndim", "d_in", "d_out", "n_embd", "hidden_size", "embed_dim", "emb_dim"), 64),
    **dict.fromkeys(("nhid", "hidden_dim"), 64),
    **dict.fromkeys(("embedding_dim", "embed_size", "hidden", "hidden_features", "dim_feedforward", "mlp_dim"), 64),
    **dict.fromkeys(("input_size", "input_dim", "in_features", "in_dim", "num_features", "n_features"), 32),
    **dict.fromkeys(("latent_dim", "z_dim", "nz", "noise_dim"), 32),
    **dict.fromkeys(("heads", "num_heads", "n_head", "nhead", "n_heads"), 4),
    **dict.fromkeys(("depth", "num_layers", "n_layers", "n_layer", "nlayers", "layers", "num_blocks"), 2),
    **dict.fromkeys(("seq_len", "max_len", "block_size", "context_length", "max_seq_len", "max_length"), 64),
    **dict.fromkeys(("image_size", "img_size"), 32),
    **dict.fromkeys(("patch_size", "kernel_size"), 4),
    **dict.fromkeys(("upscale_factor", "scale_factor", "factor", "upscale"), 2),
    **dict.fromkeys(("stride",), 1),
    **dict.fromkeys(("padding",), 0),
    **dict.fromkeys(("dropout", "p", "drop", "dropout_rate", "drop_rate"), 0.1),
    **dict.fromkeys(("bias", "bidirectional", "batch_first"), True),
}
"""What a required argument of this name usually is; only tried when nothing better is known."""
IDENTITIES = frozenset(("fn", "net", "module", "layer", "encoder", "decoder", "backbone", "act", "activation"))
"""Arguments that are modules: whatever passes its input on will do."""


def find_constructions(
    site: ModelSite, namespace: dict[str, Any], document: Document, neighbours: list[Document], pins: tuple[Pin, ...]
) -> Iterator[Construction]:
    """Candidates with their sources, in the order in which they deserve belief."""
    for pin in pins:
        if pin.construction:
            yield Construction(pin.construction, (), Source("pin", document.path, site.line))
    if site.kind == "variable":
        yield Construction(site.name, (), Source("attribute", document.path, site.line))
        return
    if site.kind == "factory":
        yield Construction(f"{site.name}()", (), Source("default", document.path, site.line))
        return
    for each in (document, *neighbours):
        for call in find_constructor_calls(each, site.name, document.path):
            yield _from_call(call)
    yield from _from_signature(site, namespace, document, neighbours)


def _from_call(call: ConstructorCall) -> Construction:
    return Construction(call.expression, call.prelude, Source("call-site", call.path, call.line))


def _from_signature(
    site: ModelSite, namespace: dict[str, Any], document: Document, neighbours: list[Document]
) -> Iterator[Construction]:
    cls = namespace.get(site.name)
    if not isinstance(cls, type):
        return
    try:
        parameters = list(inspect.signature(cls).parameters.values())
    except (TypeError, ValueError):
        return
    required = [
        parameter
        for parameter in parameters
        if parameter.default is parameter.empty
        and parameter.kind in (parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY, parameter.POSITIONAL_ONLY)
    ]
    if not required:
        yield Construction(f"{site.name}()", (), Source("default", document.path, site.line))
        return
    yield from _from_dictionaries(site, required, namespace, document, neighbours)
    configs = [name for name, value in namespace.items() if _is_configuration(value)]
    if len(required) == 1:
        annotated = _annotation_name(required[0])
        for name in sorted(configs, key=lambda each: each != annotated):
            yield Construction(f"{site.name}({name}())", (), Source("config", document.path, site.line))
    arguments = []
    for parameter in required:
        annotated = _annotation_name(parameter)
        usual = f"{annotated}()" if annotated in configs else _usual_value(parameter)
        if usual is None:
            return
        arguments.append(f"{parameter.name}={usual}")
    yield Construction(f"{site.name}({', '.join(arguments)})", (), Source("search", document.path, site.line))


def _usual_value(parameter: inspect.Parameter) -> str | None:
    """What a required argument usually is, by its name, else by its annotation; as an expression."""
    name = parameter.name.lower()
    if name in USUAL_SIZES:
        return repr(USUAL_SIZES[name])
    if name in IDENTITIES:
        return "__import__('torch').nn.Identity()"
    if name.endswith(("_dim", "_size", "_features", "_channels", "dims")):
        return "32"
    if name.startswith(("num_", "n_")):
        return "100" if name.endswith("s") else "4"
    return {"int": "16", "float": "0.1", "bool": "False"}.get(_annotation_name(parameter))


def _from_dictionaries(
    site: ModelSite,
    required: list[inspect.Parameter],
    namespace: dict[str, Any],
    document: Document,
    neighbours: list[Document],
) -> Iterator[Construction]:
    """`Net(CFG)` for a dictionary that has every key which the class reads of its one argument."""
    if len(required) != 1:
        return
    keys = _keys_read(document, site.name, required[0].name)
    if not keys:
        return
    for each in (document, *neighbours):
        for node in ast.walk(each.tree):
            if isinstance(node, ast.Assign) and isinstance(node.value, ast.Dict):
                given = {key.value for key in node.value.keys if isinstance(key, ast.Constant)}
                name = ast.unparse(node.targets[0])
                if keys <= given and name.isidentifier():
                    prelude = () if each is document and name in namespace else (ast.unparse(node),)
                    yield Construction(f"{site.name}({name})", prelude, Source("config", each.path, node.lineno))


def _keys_read(document: Document, name: str, parameter: str) -> set[object]:
    """`{"emb_dim"}` for a class that reads `cfg["emb_dim"]`."""
    return {
        node.slice.value
        for cls in document.tree.body
        if isinstance(cls, ast.ClassDef) and cls.name == name
        for node in ast.walk(cls)
        if isinstance(node, ast.Subscript)
        and isinstance(node.value, ast.Name)
        and node.value.id == parameter
        and isinstance(node.slice, ast.Constant)
    }


def _is_configuration(value: Any) -> bool:
    """A dataclass that can be made without arguments."""
    if not (isinstance(value, type) and dataclasses.is_dataclass(value)):
        return False
    return all(
        field.default is not dataclasses.MISSING or field.default_factory is not dataclasses.MISSING
        for field in dataclasses.fields(value)
    )


def _annotation_name(parameter: inspect.Parameter) -> str:
    annotation = parameter.annotation
    return annotation if isinstance(annotation, str) else getattr(annotation, "__name__", "")
