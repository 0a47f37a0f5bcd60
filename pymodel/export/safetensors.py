"""Weights as safetensors: no pickle, nothing that could run. Tied weights are written once."""

from __future__ import annotations

import ctypes
from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor, nn

from ..schema import ExportRequest, PyModelError
from ..weights import load_weights
from ..weights.safetensors import NAMES, write_header


class NotWritable(PyModelError):
    """The format cannot hold a tensor."""


def write_safetensors(model: nn.Module, path: Path, metadata: dict[str, str]) -> dict[str, str]:
    """Write the model's weights, and read them back.

    Gives, for each tied name that was left out, the one that its tensor is written under. The metadata say it, too, in
    the way that the safetensors package's `load_model` reads.

    Raises:
        NotWritable: the format has no such dtype, or what was read differs.
    """
    state = {name: tensor for name, tensor in model.state_dict().items() if isinstance(tensor, Tensor)}
    shared = find_shared(state)
    end, described = 0, {}
    for name, tensor in state.items():
        if name in shared:
            continue
        if tensor.dtype not in NAMES or tensor.layout != torch.strided:
            advice = "Convert it first, or export as .pt2."
            raise NotWritable(f"safetensors cannot hold `{name}`, which is {tensor.dtype}.", advice=advice)
        described[name] = (tensor.dtype, tuple(tensor.shape), end)
        end += tensor.numel() * tensor.element_size()
    with path.open("wb") as file:
        file.write(write_header(described, metadata | shared))
        for name in described:
            flat = _bits(state[name])
            file.write((ctypes.c_ubyte * flat.numel()).from_address(flat.data_ptr()))
    read = load_weights(path)
    for name in described:
        if not torch.equal(_bits(read[name]), _bits(state[name])):
            raise NotWritable(f"`{name}` was not read back as it was written.", path=str(path), advice="Try again.")
    return shared


def find_shared(state: Mapping[str, Tensor]) -> dict[str, str]:
    """Names whose tensor is another name's: the same storage, place, shape and strides."""
    first: dict[tuple[object, ...], str] = {}
    shared = {}
    for name, tensor in state.items():
        if not tensor.numel():
            continue
        identity = (tensor.data_ptr(), tensor.shape, tensor.stride(), tensor.dtype)
        earlier = first.setdefault(identity, name)
        if earlier != name:
            shared[name] = earlier
    return shared


def _bits(tensor: Tensor) -> Tensor:
    return tensor.detach().cpu().contiguous().reshape(-1).view(torch.uint8)


def loader_snippet(request: ExportRequest, path: Path, shared: Mapping[str, str]) -> str:
    """A few lines that build the model and load the file."""
    name = request.target.rpartition("::")[2].partition(".")[0]
    module = Path(request.target.rpartition("::")[0]).stem
    construction = request.construction or f"{name}()"
    lines = ["from safetensors.torch import load_file", f"from {module} import {name}"]
    lines += [*request.prelude, "", f"model = {construction}", f'weights = load_file("{path.name}")']
    lines += [f'weights["{tied}"] = weights["{first}"]' for tied, first in shared.items()]
    return "\n".join([*lines, "model.load_state_dict(weights)", "model.eval()"])
