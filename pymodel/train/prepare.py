"""A recipe → a training that is ready to go: the model, its start, its data, its loss, its optimizer."""

from __future__ import annotations

import functools
import os
import random
import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torch.utils.checkpoint import checkpoint

from ..recipe import matches
from ..schema import ComputeSettings, OptimizerSettings, PyModelError, TrainRequest
from .augment import build_augmentation
from .batch import split_batch
from .checkpoint import check_savable
from .data import Data, Sharing, load_data
from .device import pick_device
from .evaluate import make_measures
from .finetune import add_adapters, read_start
from .journal import Journal
from .layer_statistics import LayerStatistics
from .loop import Training
from .loss import Loss, choose_loss, to_prediction
from .parallel import Alone, Processes
from .parameters import freeze, group_parameters, initialise
from .schedule import Schedule
from .user_code import build_model


class RequestNotUsable(PyModelError):
    """The request asks for something that there is not."""


@dataclass(frozen=True)
class Probe:
    """What the first batch tells."""

    loss: Loss
    output: Any


def prepare(
    request: TrainRequest, journal: Journal, should_stop: Callable[[], bool], processes: Processes | None = None
) -> Training:
    """All that a recipe asks for. The seed is set before the model is made, before what draws its start, and before the
    first step, so that none of these depends on what the others draw.

    Raises:
        PyModelError: something cannot be had, in words.
        Exception: whatever the user's code raises.
    """
    recipe, folder, processes = request.recipe, Path(request.folder), processes or Alone()
    device = pick_device(recipe.compute.device)
    seed_everything(recipe.run.seed)
    model, model_files = build_model(recipe.model, folder, request.roots)
    check_savable(model.state_dict())
    sharing = Sharing(processes.rank, processes.count)
    data, data_files = load_data(request, model, sharing)
    if processes.is_first:
        keep_source(journal.folder, (*model_files, *data_files))
    model.to(device)
    probe = probe_batch(request, model, data, device)
    seed_everything(recipe.run.seed)
    drawn = initialise(model, recipe.initialisation)
    if drawn:
        journal.say(f"{drawn} tensors drawn by {recipe.initialisation.method}")
    loaded = read_start(recipe.fine_tuning, folder, model)
    if loaded is not None:
        journal.say(f"started from {recipe.fine_tuning.start_from}: {loaded.describe()}")
    frozen = freeze(model, recipe.fine_tuning.freeze)
    if recipe.fine_tuning.lora_rank is not None:
        model = add_adapters(model, recipe.fine_tuning)
    if recipe.regularisation.dropout is not None:
        override_dropout(model, recipe.regularisation.dropout)
    arrange(model, recipe.compute)
    total = data.steps_per_epoch * recipe.run.epochs
    total = min(total, recipe.run.steps) if total and recipe.run.steps else total or recipe.run.steps or 0
    model = processes.shard(model)
    optimizer = make_optimizer(group_parameters(model, recipe.optimizer, recipe.fine_tuning), recipe.optimizer)
    schedule = Schedule(optimizer, recipe.schedule, data.steps_per_epoch, total, recipe.optimizer.learning_rate)
    journal.update(device=str(device), total_steps=total)
    journal.say(f"training on {device}, loss {probe.loss.name}, {data.steps_per_epoch} steps an epoch")
    training = Training(
        recipe,
        model,
        data,
        probe.loss,
        optimizer,
        schedule,
        device,
        journal,
        should_stop,
        augmentation=build_augmentation(recipe.augmentation),
        measures=make_measures(recipe.run.metrics, probe.loss.name, to_prediction(probe.output))
        if recipe.run.metrics
        else (),
        frozen=frozen[::-1] if recipe.fine_tuning.unfreeze_every else [],
        processes=processes,
    )
    if processes.is_first:
        LayerStatistics(model, optimizer, lambda: training.step + 1, journal, compiled=recipe.compute.compile)
    if recipe.compute.find_batch_size:
        training.find_parts(next(iter(data.batches(1))))
    seed_everything(recipe.run.seed + processes.rank)
    return training


def seed_everything(seed: int) -> None:
    random.seed(seed)
    torch.manual_seed(seed)
    if "numpy" in sys.modules:
        sys.modules["numpy"].random.seed(seed % 2**32)


@torch.no_grad()
def probe_batch(request: TrainRequest, model: nn.Module, data: Data, device: torch.device) -> Probe:
    """Choose the loss by one batch. It gives lazy modules their sizes as well, which an optimizer needs.

    Raises:
        RequestNotUsable: there is no batch.
    """
    raw = next(iter(data.batches(1)), None)
    if raw is None:
        raise RequestNotUsable("The training data give no batch.", advice="Look at their length and the batch size.")
    batch = split_batch(raw, model, device)
    model.eval()
    output = model(*batch.inputs, **batch.keywords)
    recipe = request.recipe
    return Probe(choose_loss(output, batch.target, recipe.loss, Path(request.folder), request.roots), output)


def find_loss(request: TrainRequest) -> str:
    """The name of the loss that the recipe means, by its first batch."""
    device = pick_device(request.recipe.compute.device)
    model, _ = build_model(request.recipe.model, Path(request.folder), request.roots)
    data, _ = load_data(request, model, Sharing())
    return probe_batch(request, model.to(device), data, device).loss.name


def make_optimizer(groups: list[dict[str, Any]], settings: OptimizerSettings) -> torch.optim.Optimizer:
    """An optimizer of torch.optim; of one without weight decay, groups that ask for none.

    Raises:
        RequestNotUsable: torch has no such optimizer, or it does not take these settings.
    """
    kind = getattr(torch.optim, settings.name, None)
    if not (isinstance(kind, type) and issubclass(kind, torch.optim.Optimizer)):
        advice = "Choose AdamW, Adam, SGD or another of it."
        raise RequestNotUsable(f"torch has no optimizer `{settings.name}`.", advice=advice)
    if issubclass(kind, torch.optim.LBFGS):
        groups = [{"params": [each for group in groups for each in group["params"]]}]
    try:
        return kind(groups, lr=settings.learning_rate, **settings.arguments)  # type: ignore[arg-type, call-arg]
    except (TypeError, ValueError) as error:
        words = f"`{settings.name}` cannot be made: {error}."
        raise RequestNotUsable(words, advice="Look at the settings of [optimizer].") from error


def override_dropout(model: nn.Module, rate: float) -> None:
    """The rate of every dropout layer, and of recurrent and attention layers that have their own."""
    for module in model.modules():
        if isinstance(module, nn.modules.dropout._DropoutNd):
            module.p = rate
        elif isinstance(module, (nn.RNNBase, nn.MultiheadAttention)) and module.dropout:
            module.dropout = rate


def arrange(model: nn.Module, settings: ComputeSettings) -> None:
    """How the model is laid out and run: memory format, recomputed activations, compilation. In place."""
    if settings.channels_last:
        model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    for name, module in model.named_modules():
        if name and any(matches(name, (pattern,)) for pattern in settings.checkpoint_layers):
            parent = model.get_submodule(name.rpartition(".")[0])
            if not hasattr(parent.forward, "func"):  # its parent's recomputation has it
                module.forward = functools.partial(checkpoint, module.forward, use_reentrant=False)
    if settings.compile:
        model.compile()


def keep_source(folder: Path, files: tuple[str, ...]) -> None:
    """Copy the user's files that take part into the run, below the folder that they share."""
    paths = sorted({Path(each) for each in files if Path(each).is_file()})
    if not paths:
        return
    shared = os.path.commonpath([path.parent for path in paths])
    for path in paths:
        copy = folder / "source" / path.relative_to(shared)
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, copy)
