"""Arrays in a file: npz, npy, safetensors and pt, volumes included. The first dimension counts the examples."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.utils.data import TensorDataset

from .loaders import DataNotUsable

TARGET_NAMES = ("y", "target", "targets", "label", "labels")


def read_arrays(path: Path, inputs: tuple[str, ...], target: str | None) -> TensorDataset:
    """The arrays of the file as a data set of (inputs…, target). Without a target's name: `y`, `labels` or the last.

    Raises:
        DataNotUsable: the file cannot be read, has no such array, or arrays of different lengths.
    """
    arrays = read_named(path)
    if target is None:
        target = next((name for name in TARGET_NAMES if name in arrays), list(arrays)[-1])
    chosen = inputs or tuple(name for name in arrays if name != target)
    for name in (*chosen, target):
        if name not in arrays:
            words = f"The file has no array `{name}`: it has {', '.join(arrays)}."
            raise DataNotUsable(words, path=str(path), advice="Look at `inputs` and `target`.")
    if not chosen:
        advice = "Save the inputs and the target under two names."
        raise DataNotUsable(f"The file has one array only, `{target}`.", path=str(path), advice=advice)
    lengths = {name: len(arrays[name]) for name in (*chosen, target)}
    if len(set(lengths.values())) > 1:
        words = "The arrays have different lengths: " + ", ".join(f"{name} {size}" for name, size in lengths.items())
        raise DataNotUsable(f"{words}.", path=str(path), advice="Their first dimension counts the examples.")
    return TensorDataset(*(as_input(arrays[name]) for name in (*chosen, target)))


def read_named(path: Path) -> dict[str, Tensor]:
    """The arrays of the file by name, as they are.

    Raises:
        DataNotUsable: the file cannot be read, or holds something else.
    """
    try:
        if path.suffix == ".safetensors":
            return dict(importlib.import_module("safetensors.torch").load_file(path))
        if path.suffix in (".npz", ".npy"):
            loaded = importlib.import_module("numpy").load(path, allow_pickle=False)
            named = {path.stem: loaded} if path.suffix == ".npy" else {name: loaded[name] for name in loaded.files}
            return {name: torch.from_numpy(value) for name, value in named.items()}
        content: Any = torch.load(path, map_location="cpu", weights_only=True)
    except ImportError as error:
        package = (error.name or "numpy").partition(".")[0]
        words = f"{path.suffix} needs {package}, which is not installed."
        raise DataNotUsable(words, path=str(path), advice=f"`{sys.executable} -m pip install {package}`") from error
    except Exception as error:  # each of the readers has errors of its own
        words = f"The file cannot be read: {str(error).splitlines()[0] if str(error) else error!r}"
        raise DataNotUsable(
            words, path=str(path), advice="Only plain arrays are read, nothing that could run code."
        ) from error
    if isinstance(content, (tuple, list)):
        content = {str(index): each for index, each in enumerate(content)}
    if not isinstance(content, dict) or not all(isinstance(each, Tensor) for each in content.values()):
        advice = "Save a dict of tensors, such as `{'x': …, 'y': …}`."
        raise DataNotUsable("The file holds something other than tensors.", path=str(path), advice=advice)
    return content


def as_input(values: Tensor) -> Tensor:
    """float64 as float32, which models have; other integers as int64; bytes as they are divided by 255."""
    if values.dtype == torch.uint8 and values.dim() > 1:
        return values.float() / 255
    if values.dtype == torch.float64:
        return values.float()
    return values if values.is_floating_point() or values.dtype == torch.bool else values.long()
