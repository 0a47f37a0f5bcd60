"""Checkpoints: folders that are there whole or not at all. Read back with `weights_only=True` alone."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import json
import os
import random
import shutil
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, cast

import torch
from torch import Tensor
from torch.utils.data import DataLoader

from ..runs.atomic import replacing
from ..schema import Number, PyModelError

WEIGHTS, STATE, MANIFEST = "weights.pt", "state.pt", "manifest.json"


class NotSavable(PyModelError):
    """A model's state holds something that a checkpoint cannot."""


class CheckpointNotFound(PyModelError):
    """A run has no checkpoint that can be read."""


def save_checkpoint(
    folder: Path,
    name: str,
    weights: Mapping[str, Tensor],
    state: Mapping[str, Any],
    *,
    epoch: int,
    step: int,
    metrics: Mapping[str, Number],
) -> Path:
    """Write `checkpoints/<name>` of the run in `folder`, in the place of an older one of that name."""
    path = folder / "checkpoints" / name
    path.parent.mkdir(exist_ok=True)
    with _replacing_folder(path) as temporary:
        _write(dict(weights), temporary / WEIGHTS)
        _write(dict(state), temporary / STATE)
        files = {each.name: _describe(each) for each in sorted(temporary.iterdir())}
        manifest = {"name": name, "epoch": epoch, "step": step, "time": time.time(), "metrics": dict(metrics)}
        (temporary / MANIFEST).write_text(json.dumps({**manifest, "files": files}, indent=1) + "\n", encoding="utf-8")
    return path


def keep_checkpoint(path: Path, name: str) -> None:
    """Keep the checkpoint at `path` under another name as well. Its files are shared where the disk can: they are
    never written to again."""
    with _replacing_folder(path.with_name(name)) as temporary:
        for file in path.iterdir():
            try:
                os.link(file, temporary / file.name)
            except OSError:
                shutil.copyfile(file, temporary / file.name)


def find_checkpoint(folder: Path, *names: str) -> Path:
    """The first of `checkpoints/<name>` that the run in `folder` has; `best`, else `last`, where none is named.

    Raises:
        CheckpointNotFound: it has none of them.
    """
    for name in names or ("best", "last"):
        path = folder / "checkpoints" / name
        for each in (path, _older(path)):
            if (each / MANIFEST).is_file():
                return each
    advice = "Train for at least one epoch, or choose another run."
    raise CheckpointNotFound("This run has no checkpoint.", path=str(folder), advice=advice)


def load_weights(path: Path) -> dict[str, Tensor]:
    """The state dict of a checkpoint of ours; any other file of weights is opened by `pymodel.weights`.

    Raises:
        CheckpointNotFound: the file cannot be read, or holds more than tensors.
    """
    try:
        weights = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # torch raises whatever its unpickler met
        words = f"This file holds no plain weights: {str(error).splitlines()[0] if str(error) else error!r}"
        advice = "Save it with `torch.save(model.state_dict(), path)`. PyModel loads nothing that could run code."
        raise CheckpointNotFound(words, path=str(path), advice=advice) from error
    if not isinstance(weights, dict) or not any(isinstance(value, Tensor) for value in weights.values()):
        advice = "Save it with `torch.save(model.state_dict(), path)`."
        raise CheckpointNotFound("This file holds no state dict.", path=str(path), advice=advice)
    return cast("dict[str, Tensor]", weights)


def read_step(path: Path) -> int:
    """The step that a checkpoint was saved after."""
    return int(json.loads((path / MANIFEST).read_text(encoding="utf-8"))["step"])


def load_state(path: Path) -> dict[str, Any]:
    """What a checkpoint holds beside the weights.

    Raises:
        CheckpointNotFound: it cannot be read.
    """
    try:
        return cast("dict[str, Any]", torch.load(path / STATE, map_location="cpu", weights_only=True))
    except Exception as error:  # torch raises whatever its unpickler met
        advice = "Start a new run from its weights with `start_from`."
        raise CheckpointNotFound(f"The state cannot be read: {error}", path=str(path), advice=advice) from error


def check_savable(weights: Mapping[str, Any]) -> None:
    """Before anything is trained: whether a checkpoint can hold the model, and be read without running code.

    Raises:
        NotSavable: a part of its state dict is no tensor.
    """
    for key, value in weights.items():
        if not isinstance(value, Tensor):
            words = f"The model's state holds `{key}`, {type(value).__name__}, and checkpoints hold tensors only."
            raise NotSavable(words, advice="Let `get_extra_state` give a tensor, or leave it out.")


def capture_random(loader: DataLoader[Any] | None) -> dict[str, Any]:
    """The state of every generator that a training step may draw from, those of the loader included, as `weights_only`
    loads it."""
    state: dict[str, Any] = {"torch": torch.get_rng_state(), "python": random.getstate()}
    if torch.cuda.is_available():
        state["cuda"] = torch.cuda.get_rng_state_all()
    if "numpy" in sys.modules:
        kind, keys, position, has_gauss, gauss = sys.modules["numpy"].random.get_state()
        state["numpy"] = (kind, keys.tolist(), int(position), int(has_gauss), float(gauss))
    state["loader"] = [generator.get_state() for generator in _generators(loader)]
    return state


def restore_random(state: Mapping[str, Any], loader: DataLoader[Any] | None) -> None:
    """Set all generators as `capture_random` found them."""
    torch.set_rng_state(state["torch"])
    version, internal, gauss = state["python"]
    random.setstate((version, tuple(internal), gauss))
    if "cuda" in state and torch.cuda.is_available():
        torch.cuda.set_rng_state_all(state["cuda"])
    if "numpy" in state and "numpy" in sys.modules:
        numpy = sys.modules["numpy"]
        kind, keys, position, has_gauss, cached = state["numpy"]
        numpy.random.set_state((kind, numpy.array(keys, dtype="uint32"), position, has_gauss, cached))
    for generator, own in zip(_generators(loader), state["loader"], strict=False):
        generator.set_state(own)


def _generators(loader: DataLoader[Any] | None) -> list[torch.Generator]:
    """A loader's own generators, each once."""
    if loader is None:
        return []
    sampler = getattr(loader.batch_sampler, "sampler", None)
    holders = (loader, loader.sampler, loader.batch_sampler, sampler)
    found = [getattr(holder, "generator", None) for holder in holders]
    return list({id(each): each for each in found if isinstance(each, torch.Generator)}.values())


@contextlib.contextmanager
def _replacing_folder(path: Path) -> Iterator[Path]:
    """A folder cannot take another's place: until the new one does, the older is found instead."""
    older = _older(path)
    with replacing(path) as temporary:
        temporary.mkdir()
        yield temporary
        if path.exists():
            shutil.rmtree(older, ignore_errors=True)
            path.rename(older)
    shutil.rmtree(older, ignore_errors=True)


def _older(path: Path) -> Path:
    return path.with_name(f".{path.name}.older")


def _write(content: dict[str, Any], path: Path) -> None:
    """Save, and raise OSError where the disk refuses: torch's own words then are of streams and positions."""
    try:
        torch.save(content, path)
    except RuntimeError as error:
        if not path.parent.is_dir():
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(path)) from error
        if "iostream" not in str(error) and "inline_container" not in str(error):
            raise
        number = errno.ENOSPC if shutil.disk_usage(path.parent).free < 2**20 else errno.EIO
        raise OSError(number, os.strerror(number), str(path)) from error


def _describe(path: Path) -> dict[str, str | int]:
    with open(path, "rb") as file:
        return {"sha256": hashlib.file_digest(file, "sha256").hexdigest(), "bytes": path.stat().st_size}
