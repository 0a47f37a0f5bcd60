"""What layer is handed over to a constructor, told by what is read of it: `linear.in_features` is a `Linear`'s."""

from __future__ import annotations

from functools import lru_cache

from torch import nn

from .reads import Reads

LAYERS = (
    ("in_features", "Linear(64, 64)"),
    ("out_features", "Linear(64, 64)"),
    ("in_channels", "Conv2d(16, 16, 3, padding=1)"),
    ("out_channels", "Conv2d(16, 16, 3, padding=1)"),
    ("num_embeddings", "Embedding(1000, 64)"),
    ("embedding_dim", "Embedding(1000, 64)"),
    ("normalized_shape", "LayerNorm(64)"),
    ("num_features", "BatchNorm2d(16)"),
    ("num_heads", "MultiheadAttention(64, 4)"),
    ("embed_dim", "MultiheadAttention(64, 4)"),
)
"""An attribute that tells a layer, and the layer, whose sizes leave its input's shape as it is."""


def layer_with(reads: Reads) -> str | None:
    """An expression of the layer that has all that is read, of which one attribute is telling."""
    names = {path[0][1] for path in reads.required if path[0][0] == "attribute"}
    if len(names) < len({path[0] for path in reads.required}):
        return None
    telling = (layer for attribute, layer in LAYERS if attribute in names)
    return next((f"__import__('torch').nn.{layer}" for layer in telling if names <= _attributes(layer)), None)


@lru_cache(maxsize=16)
def _attributes(layer: str) -> frozenset[str]:
    return frozenset(dir(eval(layer, vars(nn), {})))
