"""Starting from trained weights: where they are, which of them fit and why the others do not, and adapters."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from ..recipe import load_recipe, matches
from ..runs import RUN_FILE, find_runs_root, list_runs
from ..schema import FineTuningSettings, PyModelError
from ..weights import load_weights
from .checkpoint import WEIGHTS, find_checkpoint

WRAPPERS = ("module.", "_orig_mod.", "model.", "")


class WeightsDoNotFit(PyModelError):
    """No key of a checkpoint fits the model."""


@dataclass(frozen=True)
class Loaded:
    """What became of each key: loaded, or why not. Of the model's own keys: which kept their first values."""

    loaded: tuple[str, ...]
    skipped: dict[str, str]
    missing: tuple[str, ...]

    def describe(self) -> str:
        lines = [
            f"{len(self.loaded)} tensors loaded, {len(self.skipped)} left out, {len(self.missing)} keep their start"
        ]
        lines += [f"  left out: {key}: {reason}" for key, reason in self.skipped.items()]
        lines += [f"  not in the checkpoint: {key}" for key in self.missing]
        return "\n".join(lines)


def find_weights(reference: str, folder: Path) -> Path:
    """The weights that `start_from` means: a file, a run's best checkpoint, or that of a recipe's newest run.

    Raises:
        CheckpointNotFound: the run has none, or the recipe no run.
    """
    path = (folder / reference).absolute()
    if path.suffix == ".toml":
        path = _newest_run(path)
    if (path / RUN_FILE).is_file():
        return find_checkpoint(path) / WEIGHTS
    return path / WEIGHTS if path.is_dir() else path


def _newest_run(recipe: Path) -> Path:
    reading = load_recipe(recipe)
    target = None if reading.recipe is None else str((recipe.parent / reading.recipe.model.target).resolve())
    for folder in (recipe.parent, *recipe.parents):
        for run_folder, run in list_runs(find_runs_root(str(folder))):
            came_from = (run.request or {}).get("recipe_path")
            if came_from == str(recipe) and run.state in ("completed", "stopped"):
                return run_folder
    words = f"The recipe {recipe.name} has no finished run yet" + (
        f" of {target.rpartition('/')[2]}." if target else "."
    )
    raise PyModelError(words, path=str(recipe), advice=f"Run `pymodel train {recipe.name}` first.")


def load_fitting(model: nn.Module, weights: Mapping[str, Tensor]) -> Loaded:
    """Copy into the model what fits it by name and shape. A prefix that all keys share, as wrappers add, is tried off;
    so are keys of a whole model whose part this is, and of a part that this model holds.

    Raises:
        WeightsDoNotFit: nothing does.
    """
    own = model.state_dict()
    renamed = max(
        (_rename(weights, own, prefix) for prefix in _prefixes(weights, own)), key=lambda each: _count(each, own)
    )
    loaded, skipped = {}, {}
    for key, (origin, tensor) in renamed.items():
        if key not in own:
            skipped[origin] = "the model has no such parameter"
        elif own[key].shape != tensor.shape:
            skipped[origin] = f"it is {_show(tensor)} there, and {_show(own[key])} in the model"
        else:
            loaded[key] = tensor
    if not loaded:
        theirs, ours = (", ".join(list(each)[:4]) for each in (weights, own))
        words = f"No key of the checkpoint fits the model: it has {theirs}; the model has {ours}."
        raise WeightsDoNotFit(words, advice="Choose the checkpoint of a model with layers of the same names.")
    model.load_state_dict(loaded, strict=False)
    return Loaded(tuple(loaded), skipped, tuple(key for key in own if key not in loaded))


def add_adapters(model: nn.Module, settings: FineTuningSettings) -> nn.Module:
    """The model with low-rank adapters of peft in its linear layers; all else is frozen.

    Raises:
        PyModelError: peft is not installed, or no linear layer is chosen.
    """
    try:
        peft = importlib.import_module("peft")
    except ImportError as error:
        words = f"Adapters need peft, which is not installed: {error}."
        raise PyModelError(words, advice=f"Install it with `{sys.executable} -m pip install peft`.") from error
    layers = [
        name
        for name, module in model.named_modules()
        if isinstance(module, (nn.Linear, nn.Embedding)) and matches(name, settings.lora_layers)
    ]
    if not layers:
        raise PyModelError(f"No linear layer fits {', '.join(settings.lora_layers)}.", advice="Look at `lora_layers`.")
    config = peft.LoraConfig(r=settings.lora_rank, lora_alpha=2 * (settings.lora_rank or 1), target_modules=layers)
    peft.inject_adapter_in_model(config, model)
    for name, parameter in model.named_parameters():
        parameter.requires_grad_("lora_" in name)
    return model


def _prefixes(weights: Mapping[str, Tensor], own: Mapping[str, Tensor]) -> list[tuple[str, str]]:
    """Pairs of (what a key loses, what it gains)."""
    holders = {key.partition(".")[0] + "." for key in own if "." in key}
    parts = {key.partition(".")[0] + "." for key in weights if "." in key}
    return [
        ("", ""),
        *((wrapper, "") for wrapper in WRAPPERS[:-1]),
        *((part, "") for part in sorted(parts)),
        *(("", holder) for holder in sorted(holders)),
    ]


def _rename(
    weights: Mapping[str, Tensor], own: Mapping[str, Tensor], change: tuple[str, str]
) -> dict[str, tuple[str, Tensor]]:
    lost, gained = change
    return {gained + key.removeprefix(lost): (key, tensor) for key, tensor in weights.items()}


def _count(renamed: Mapping[str, tuple[str, Tensor]], own: Mapping[str, Tensor]) -> int:
    return sum(key in own and own[key].shape == tensor.shape for key, (_, tensor) in renamed.items())


def _show(tensor: Tensor) -> str:
    return f"({', '.join(map(str, tensor.shape))})"


def read_start(settings: FineTuningSettings, folder: Path, model: nn.Module) -> Loaded | None:
    """Load what `start_from` names into the model; nothing where it names nothing."""
    if settings.start_from is None:
        return None
    with torch.no_grad():
        return load_fitting(model, load_weights(find_weights(settings.start_from, folder)))
